"""Who makes the bytes of jobs: a desk keeps jobs and does not know what a printer wants."""

from typing import Protocol

from devices.jobs import Job


class Maker(Protocol):
    """Makes jobs' bytes from what they were asked as."""

    @property
    def layout(self) -> str:
        """What it makes them for."""

    def body(self, job: Job) -> bytes:
        """The bytes of a job, of a marked copy if it is one; raises ValueError when they cannot be made."""


class AsTheyCame:
    """For jobs that bring all their bytes themselves."""

    layout = ""

    def body(self, job: Job) -> bytes:
        """What it brought."""
        return job.copy or job.source
