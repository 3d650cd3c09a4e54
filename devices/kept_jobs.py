"""A job with its bytes, long after it was printed: read from its device's journal, which never throws a line away.

The owner keeps no bytes of jobs that are over in memory. A journal that was written anew has forgotten them too; what
it was before is kept once, and beyond that they are gone.
"""

import contextlib
from pathlib import Path
from typing import Final

import msgspec

from devices.job_lines import BEFORE, JOURNAL, PREFIX_BYTES
from devices.jobs import Event, Job, Remade, Remembered, Submitted

_TELLS: Final = (b'"submitted"', b'"remade"', b'"remembered"')
_decode: Final = msgspec.json.Decoder(Event).decode


def kept_job(folder: Path, job_id: str) -> Job | None:
    """The job as it was sent, or None when its bytes are kept no more; reads beside the owner, and changes nothing."""
    for name in (JOURNAL, BEFORE):
        with contextlib.suppress(FileNotFoundError):
            if (found := _found(folder / name, job_id)) is not None:
                return found
    return None


def _found(path: Path, job_id: str) -> Job | None:
    found: Job | None = None
    said = msgspec.json.encode(job_id)
    with open(path, "rb") as file:
        for line in file:
            if said not in line or not any(tells in line for tells in _TELLS):
                continue
            try:
                event = _decode(line[PREFIX_BYTES:])
            except msgspec.DecodeError:
                continue  # the end of it is just being written
            match event:
                case Submitted(job) if job.id == job_id:
                    found = job
                case Remembered(view) if view.job.id == job_id and view.job.body:
                    found = view.job
                case Remade(id=remade, body=body, layout=layout) if remade == job_id and found is not None:
                    found = msgspec.structs.replace(found, body=body, layout=layout)
    return found
