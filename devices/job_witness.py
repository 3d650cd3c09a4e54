"""Between a driver and its worker while a job is under way: each step is written down as it happens."""

import contextlib
from typing import Protocol

from devices.job_desk import JobDesk
from devices.job_lines import JournalRefused


class Working(Protocol):
    """Who works."""

    desk: JobDesk

    def begin(self, job_id: str) -> None:
        """The first byte leaves when this has returned."""

    def between(self) -> None:
        """In the middle of a receipt, between two commands."""


class JobWitness:
    """Writes a job's steps down as they happen."""

    def __init__(self, worker: Working, job_id: str, *, proof: bool) -> None:
        self._worker = worker
        self._job_id = job_id
        self._proof = proof
        self.began = False
        self.told = False

    def first_byte(self) -> None:
        """Not a byte before this is on the disk."""
        self._worker.begin(self._job_id)
        self.began = True

    def all_sent(self) -> None:
        """Whether this can be written changes nothing for the paper."""
        with contextlib.suppress(JournalRefused):
            self._worker.desk.sent(self._job_id, proof=self._proof)
            self.told = True

    def between(self) -> None:
        """A drawer does not wait for a receipt."""
        self._worker.between()
