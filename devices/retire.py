"""What becomes of the jobs of a device that was removed."""

from pathlib import Path
from typing import Final

from devices.clock import Clock
from devices.job_desk import JobDesk
from devices.job_journal import JobJournal
from devices.job_lines import JOURNAL, look
from devices.jobs import JobState

REMOVED: Final = "the device was removed"


def retire(folder: Path, clock: Clock) -> None:
    """A device that was removed prints nothing more, whatever waits, also when it is made again.

    Nobody may be running it; raises JobJournalError.
    """
    if not (folder / JOURNAL).exists() or not look(folder).book.in_state(JobState.QUEUED):
        return
    desk = JobDesk(JobJournal(folder), clock)
    desk.open()
    try:
        desk.retire(REMOVED)
    finally:
        desk.close()
