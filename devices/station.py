"""One device as the rest of the program sees it: made from its document, started, asked, stopped.

It takes what to print as a document and hands the printer's bytes to the desk; it writes down how the device is; it
refuses in words. Plain Python, for any thread; the actor around it (`actors/device_actor.py`) only carries messages.
"""

import contextlib
import hashlib
import threading
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from devices.attendant import Attendant, DisplayTurns, ScaleTurns, ScannerTurns
from devices.clock import Clock
from devices.codecs.scales import NoWeight
from devices.device_document import DeviceDocument, files_of, folder_of
from devices.drivers.scale import Weight
from devices.drivers.scanner import Scan
from devices.health import Health, HealthState
from devices.job_desk import JobDesk
from devices.job_journal import JobJournal
from devices.job_lines import JobJournalError
from devices.jobs import IdReused, Job, JobKind, JobState, JobView
from devices.kept_jobs import kept_job
from devices.printer_worker import PrinterWorker
from devices.receipts.document import Document, document_from_json
from devices.registry import DeviceRefused, Running, Told, make
from devices.scan_notes import scan_seen
from devices.shown import Shown
from devices.slips import SlipMaker

T = TypeVar("T", ScaleTurns, DisplayTurns, ScannerTurns)
STOP_S: Final = 3.0
"""A job that is under way for longer is given up as unknown when the program ends."""


class NoSuchJob(LookupError):
    """No job has this id."""

    def __init__(self, job_id: str) -> None:
        super().__init__(job_id)
        self.job_id = job_id


class NotThisDevice(Exception):
    """A device of another kind does that."""

    def __init__(self, kind: str, what: str) -> None:
        super().__init__(kind, what)
        self.kind = kind
        self.what = what

    def __str__(self) -> str:
        return f"a {self.kind} {self.what}"


class NoPicture(LookupError):
    """Nothing of the job can be shown; carries why, in words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TooLate(Exception):
    """It waited too long on its way here: nobody waits for it any more."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A job as it was asked for."""

    id: str
    kind: JobKind
    document: bytes
    """JSON of what to print; empty for a drawer"""
    deadline_ms: int | None
    by: str
    why: str
    not_after_ms: int
    """later it is not begun: who asked has been told that it may not have arrived"""


class Station:
    """One device; its constructor raises nothing, for whatever is wrong can be seen in its health."""

    def __init__(self, code: str, document: DeviceDocument, folder: Path, clock: Clock) -> None:
        """`folder`: of all devices' journals."""
        self.document = document
        self._clock = clock
        self._running: Running | None = None
        self._refused = ""
        self._diary: JobDesk | None = None
        self._weighing = threading.Lock()
        self._weighed: tuple[str, int, Weight] | None = None
        """id, tare and answer of the last weighing: who did not hear it asks again"""
        self._drawing = threading.Lock()
        """one picture at a time: they are for people, and the processor is for receipts"""
        try:
            self._running = make(code, document, folder, clock, Told(self._note, self._scanned), files=files_of(folder))
        except DeviceRefused as error:
            self._refused = str(error)
            return
        if not isinstance(self._running, PrinterWorker):
            self._diary = JobDesk(JobJournal(folder_of(folder, code)), clock)

    def start(self) -> None:
        """Begin to work, in threads of its own."""
        if self._running is not None:
            self._running.start()

    def stop(self, patience_s: float = STOP_S) -> None:
        """End."""
        if self._running is not None:
            self._running.stop(patience_s)
        if self._diary is not None:
            self._diary.close()

    def health(self) -> Health:
        """What is known of the device."""
        if self._running is None:
            now_ms = self._clock.wall_ms()
            return Health(HealthState.ERROR, (f"document: {self._refused}",), now_ms, now_ms, "", 0)
        return self._running.health()

    def tape(self) -> list[tuple[int, bool, bytes]]:
        """The last bytes both ways: when by the wall clock, whether they were sent, and which. For who has to find out
        what happened."""
        if self._running is None:
            return []
        began_ms = self._clock.wall_ms() - self._clock.now() * 1000
        pieces = self._running.line.tape.pieces()
        return [(round(began_ms + piece.at * 1000), piece.sent, piece.data) for piece in pieces]

    @property
    def works(self) -> bool:
        """False when it has to be made anew; a document that no driver can run would be the same again."""
        return self._running is None or self._running.works

    def counts(self) -> dict[str, int]:
        """How many jobs wait for the device, and how many for a person; none where there are no jobs."""
        return self._running.desk.counts() if isinstance(self._running, PrinterWorker) else {}

    def submit(self, wanted: Wanted) -> tuple[JobView, bool]:
        """Where the job stands, durable, and whether it was known before.

        Raises TooLate, NotThisDevice, DocumentRefused, BadJob, IdReused, DeskFull, JobJournalError.
        """
        worker = self._printer()
        document = document_from_json(wanted.document) if wanted.kind is JobKind.PRINT else None
        content = _digest(wanted, document)
        known = worker.desk.find(wanted.id)
        if known is not None:
            if (known.job.kind, known.job.content) != (wanted.kind, content):
                raise IdReused(wanted.id)
            return known, True
        maker = SlipMaker(worker.printer.settings)
        body = b"" if document is None else maker.slip(document)
        if self._clock.wall_ms() > wanted.not_after_ms:
            raise TooLate
        job = Job(
            wanted.id,
            wanted.kind,
            content,
            body,
            source=wanted.document,
            deadline_ms=wanted.deadline_ms,
            by=wanted.by,
            why=wanted.why,
            layout=maker.layout if body else "",
        )
        view = worker.desk.submit(job)
        worker.wake()
        return view, False

    def find(self, job_id: str) -> JobView:
        """Where it stands; raises NoSuchJob, NotThisDevice."""
        view = self._printer().desk.find(job_id)
        if view is None:
            raise NoSuchJob(job_id)
        return view

    def page(self, states: Collection[JobState], after: int, count_max: int, *, newest: bool = False) -> list[JobView]:
        """Some jobs, in the order they came or the newest first; a device without jobs has none."""
        if not isinstance(self._running, PrinterWorker):
            return []
        return self._running.desk.page(states, after, count_max, newest=newest)

    def picture(self, job_id: str) -> bytes:
        """A PNG of what the job puts on the paper, from its very bytes; raises NoSuchJob, NotThisDevice, NoPicture."""
        worker, job = self._printer(), self.find(job_id).job
        if job.kind is not JobKind.PRINT:
            raise NoPicture("it prints nothing")
        with self._drawing:
            sent = job if job.body else kept_job(worker.desk.folder, job_id)
            if sent is None or not sent.body:
                raise NoPicture("its bytes are kept no more")
            return SlipMaker(worker.printer.settings).picture(sent)

    def decide(self, job_id: str, *, printed: bool, by: str) -> tuple[JobView, JobView | None, bool]:
        """The decided job, the marked copy that was ordered of it, and whether it was decided before.

        Raises NoSuchJob, NotThisDevice, NotAllowed, JobJournalError.
        """
        worker, before = self._printer(), self.find(job_id)
        view = worker.desk.decide(job_id, printed=printed, by=by)
        worker.wake()
        return view, None if printed else worker.desk.copy_of(job_id), bool(before.decided_by)

    def weigh(self, weighing_id: str, tare_grams: int) -> tuple[Weight | NoWeight, bool]:
        """What lies on the scale, still, or why there is no weight to sell by; and whether this was answered before.

        Raises NotThisDevice; IdReused for an id that came with another tare.
        """
        scale = self._attended(ScaleTurns, "does not weigh")
        if not self._weighing.acquire(blocking=False):
            return NoWeight.BUSY, False
        try:
            if self._weighed is not None and self._weighed[0] == weighing_id:
                if self._weighed[1] != tare_grams:
                    raise IdReused(weighing_id)
                return self._weighed[2], True
            found = scale.weigh(tare_grams)
            if isinstance(found, Weight):
                self._weighed = (weighing_id, tare_grams, found)
            return found, False
        finally:
            self._weighing.release()

    def show(self, shown: Shown) -> tuple[str, str]:
        """Have it shown from now on; the two lines, as they will stand there. Raises NotThisDevice."""
        return self._attended(DisplayTurns, "shows nothing").show(shown)

    def new_receipt(self) -> None:
        """The next customer: pieces that were scanned and not sold may be scanned again. Raises NotThisDevice."""
        self._attended(ScannerTurns, "does not scan").new_receipt()

    def _printer(self) -> PrinterWorker:
        if not isinstance(self._running, PrinterWorker):
            raise self._not_this("takes no jobs")
        return self._running

    def _attended(self, turns: type[T], what_else: str) -> T:
        if not isinstance(self._running, Attendant) or not isinstance(self._running.device, turns):
            raise self._not_this(what_else)
        return self._running.device

    def _not_this(self, what: str) -> NotThisDevice:
        return NotThisDevice(self.document.kind.replace("_", " "), what)

    def _note(self, health: Health) -> None:
        """News of the device, from its own thread."""
        if isinstance(self._running, PrinterWorker):
            self._running.desk.note_health(health)
        elif self._diary is not None:
            # A predecessor may not be quite dead, or the disk is full: the next news opens it.
            with contextlib.suppress(JobJournalError, OSError):
                self._opened(self._diary).note_health(health)

    def _scanned(self, scan: Scan) -> None:
        """From the scanner's own thread; raises JobJournalError and OSError: nobody would hear of the scan."""
        if self._diary is not None:
            diary = self._opened(self._diary)
            diary.note_scan(scan_seen(scan))
            diary.tidy()

    def _opened(self, diary: JobDesk) -> JobDesk:
        if not diary.is_open:
            diary.open()
        return diary


def _digest(wanted: Wanted, document: Document | None) -> str:
    """What the same id must come with again: how a document was spelled does not matter, what it says does."""
    said = (wanted.deadline_ms, wanted.why, document)
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()
