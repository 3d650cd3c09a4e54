"""The one who prints: takes jobs off the desk, one after another, and drives one printer and its drawer.

`step` does one thing and says when to come back; `run` does that in a thread of its own, so a printer that hangs holds
up nobody else. A drawer goes before receipts and in the middle of them. A receipt that could not begin stays first in
the line; a drawer that could not be opened now is never opened later, when nobody stands before it.
"""

import contextlib
import random
from collections.abc import Callable
from typing import Final

from devices.clock import Clock, Waker
from devices.codecs.escpos_status import BLOCKING, Trouble
from devices.drawer_watch import DrawerWatch
from devices.drivers.printer_talk import NotReady
from devices.drivers.receipt_printer import Attempted, ReceiptPrinter, Result, name_of
from devices.health import Health, HealthKeeper, HealthState, fault_of_ours, unminded
from devices.job_desk import JobDesk
from devices.job_lines import JobJournalError, JournalDamaged, JournalLost, JournalRefused
from devices.job_witness import JobWitness
from devices.jobs import NO_PROOF, Job, JobKind, JobState
from devices.minding import Minding
from devices.transports.line import Backoff, Line, LineError

POLL_S: Final = 5.0
"""An idle printer is asked this often how it is."""
AFTER_S: Final = 0.5
"""One that has printed is asked so soon: that was paper, and a drawer was opened."""
STOP_S: Final = 30.0
"""How long a worker may take to end: as long as its longest wait that nobody can wake."""
FAULTS_MAX: Final = 3
"""So often a job may meet a fault of ours before its first byte; then it is given up, and others have their turn."""


class PrinterWorker:
    """One printer's; not started by being made."""

    def __init__(
        self,
        desk: JobDesk,
        printer: ReceiptPrinter,
        clock: Clock,
        waker: Waker,
        chance: random.Random,
        tell: Callable[[Health], None] = lambda health: None,
    ) -> None:
        self.desk = desk
        self.printer = printer
        self._clock = clock
        self._waker = waker
        self._tell = tell
        self._backoff = Backoff(chance)
        self._health = HealthKeeper(clock.wall_ms())
        self._open = False
        self._poll_at = self._print_at = clock.now()
        self._attempts = 0
        self._drawer = DrawerWatch(printer.settings)
        self._owed: list[Callable[[], None]] = []
        """what the journal had no room for"""
        self._minding = Minding(f"device {printer.line.where}", clock, waker, chance, self._turn, self._broke)
        self._journal_lost = False
        self._at = ""
        """the job that is being printed"""
        self._faults = ("", 0)
        """of ours, with this job"""

    @property
    def line(self) -> Line:
        """The printer's."""
        return self.printer.line

    def health(self) -> Health:
        """What is known of the printer; may be asked by any thread."""
        health = self._health.look(self._clock.wall_ms())
        return health if self._minding.works else unminded(health)

    @property
    def works(self) -> bool:
        """False when it has to be made anew: nobody minds it, or its journal was lost."""
        return self._minding.works and not self._journal_lost

    def wake(self) -> None:
        """There is something new on the desk."""
        self._waker.wake()

    def start(self) -> None:
        """Work in a thread of its own; from here on jobs are taken in, unless the journal cannot be opened yet."""
        with contextlib.suppress(JobJournalError, OSError):
            self._open_desk()
        self._minding.start()

    def stop(self, patience_s: float = STOP_S) -> None:
        """End after what is being done; a job that is under way for longer is given up as unknown."""
        self._minding.stop(patience_s)
        self.printer.line.close()
        self.desk.close()
        self._waker.close()

    def _turn(self) -> bool:
        """One step and the rest after it; False when the journal is lost or damaged."""
        self._waker.clear()
        again_at = self.step()
        if again_at is None:
            self._health.last_word()
        elif not self._minding.stopping:
            self._rest(again_at)
        return again_at is not None

    def _broke(self, error: Exception) -> None:
        """A fault of ours: what was under way is unknown from here on, as after a death of the whole program."""
        self.printer.give_up()
        self._report(HealthState.ERROR, fault_of_ours(error))
        self._owed.clear()
        self.desk.close()
        self._open = False
        self._open_desk()
        job_id, self._at = self._at, ""
        if not job_id:
            return
        self._faults = (job_id, self._faults[1] + 1 if self._faults[0] == job_id else 1)
        view = self.desk.find(job_id)
        if self._faults[1] >= FAULTS_MAX and view is not None and view.state is JobState.QUEUED:
            self.desk.ended(job_id, JobState.FAILED_CLEAN, fault_of_ours(error))

    def _open_desk(self) -> None:
        if not self._open:
            self.desk.open()
            self._open = True

    def step(self) -> float | None:
        """Do what is due and say when to come back, if nobody wakes before; None = never."""
        self._at = ""
        try:
            self._open_desk()
            if not self.desk.is_open:  # somebody who handed in a job met the loss
                raise JournalLost(str(self.desk.folder), "it is ours no more")
            self._pay()
            self._open_drawers()
            return self._work()
        except JournalDamaged as error:
            self._report(HealthState.ERROR, f"journal: {error.reason}")
            return None
        except JournalLost as error:
            self._journal_lost = True
            self.printer.line.abort()
            self._report(HealthState.ERROR, f"journal: {error.reason}")
            return None
        except (JobJournalError, OSError) as error:
            self._report(HealthState.ERROR, f"journal: {getattr(error, 'reason', error)}")
            self._print_at = self._clock.now() + self._backoff.failed()
            return self._print_at

    def _work(self) -> float:
        now = self._clock.now()
        if now >= self._print_at:
            job = self.desk.next(JobKind.PRINT)
            if job is not None:
                self._at = job.id
                if (job := self.desk.fitted(job)) is not None:
                    self._print(job)
                return self._clock.now() if self._clock.now() >= self._print_at else self._print_at
        if now >= self._poll_at:
            self._poll()
            self.desk.tidy()
        # Looked at last: a job that came meanwhile has woken a read that waited for the printer, and nobody else.
        if self.desk.next(JobKind.OPEN_DRAWER):
            return now
        return min(self._poll_at, max(now, self._print_at) if self.desk.next(JobKind.PRINT) else self._poll_at)

    def _print(self, job: Job) -> None:
        self._attempts += 1
        number = (self.desk.epoch << 16) + self._attempts
        witness = JobWitness(self, job.id, proof=self.printer.proof != "none")
        attempted = self.printer.print(job.body, number, witness)
        self._settle(job, attempted, witness)
        if attempted.result is Result.CLEAN:
            self._print_at = self._clock.now() + self._backoff.failed()
        else:
            self._backoff.worked()
            self._print_at = self._clock.now()
        self._report_after(attempted)

    def begin(self, job_id: str) -> None:
        """The first byte leaves when this has returned."""
        self.desk.sending(job_id)
        self._report(HealthState.BUSY, "printing")

    def between(self) -> None:
        """In the middle of a receipt, between two commands: say how it is, and open drawers.

        A disk without room stops the drawer, not the receipt.
        """
        heard = self.printer.talk.heard
        if blocked := heard.troubles & BLOCKING:
            self._report(HealthState.BLOCKED, name_of(blocked), evidence=heard.evidence)
        else:
            self._report(HealthState.BUSY, "printing")
        with contextlib.suppress(JournalRefused):
            self._open_drawers()

    def _open_drawers(self) -> None:
        while (job := self.desk.next(JobKind.OPEN_DRAWER)) is not None:
            witness = JobWitness(self, job.id, proof=bool(self.printer.settings.drawer_open_level))
            self._settle(job, self.printer.kick(witness), witness)

    def _settle(self, job: Job, attempted: Attempted, witness: JobWitness) -> None:
        """Write down what came of it; a journal without room is asked again, before anything else is sent."""
        job_id, reason, sent = job.id, attempted.reason, attempted.bytes_sent
        match attempted.result:
            case Result.CLEAN if job.kind is JobKind.OPEN_DRAWER:
                self._owed.append(lambda: self.desk.ended(job_id, JobState.FAILED_CLEAN, reason))
            case Result.CLEAN if witness.began:
                self._owed.append(lambda: self.desk.clean(job_id, reason))
            case Result.CLEAN:
                self.desk.waits(job_id, reason)
            case Result.SENT:
                if not witness.told:
                    self._owed.append(lambda: self.desk.sent(job_id, proof=False))
                if job.kind is JobKind.PRINT:  # a drawer is seen by whoever stands before it
                    self._owed.append(lambda: self.desk.ended(job_id, JobState.UNKNOWN, NO_PROOF, sent))
            case Result.CONFIRMED:
                self._owed.append(lambda: self.desk.ended(job_id, JobState.CONFIRMED, reason, sent))
            case Result.UNKNOWN:
                self._owed.append(lambda: self.desk.ended(job_id, JobState.UNKNOWN, reason, sent))
        self._pay()

    def _pay(self) -> None:
        while self._owed:
            self._owed[0]()
            del self._owed[0]

    def _poll(self) -> None:
        try:
            self.printer.poll()
        except LineError as error:
            self._report(HealthState.ABSENT, error.reason)
            self._poll_at = self._clock.now() + self._backoff.failed()
        except NotReady as error:
            self._report(HealthState.UNKNOWN, error.reason)
            self._poll_at = self._clock.now() + POLL_S
        else:
            if not self.desk.next(JobKind.PRINT):
                self._backoff.worked()
            self._poll_at = self._clock.now() + POLL_S
            self._report_heard()
            if not self.printer.talk.heard.troubles & BLOCKING:
                self._print_at = self._clock.now()  # paper was put in

    def _report_after(self, attempted: Attempted) -> None:
        if attempted.result is Result.CONFIRMED:  # it has just spoken, and others want the processor for their receipts
            self._report_heard()
            self._poll_at = self._clock.now() + AFTER_S
            return
        if attempted.result is not Result.CLEAN:
            self._poll_at = self._clock.now()
            return
        self._poll_at = self._clock.now() + POLL_S
        if not self.printer.line.is_open:
            self._report(HealthState.ABSENT, attempted.reason)
        elif attempted.reason == "silent":
            self._report(HealthState.UNKNOWN, "silent")
        else:
            self._report_heard(attempted.reason)

    def _report_heard(self, reason: str = "") -> None:
        """From what the printer said last."""
        heard = self.printer.talk.heard
        if self.printer.proof == "none":
            self._report(HealthState.UNKNOWN, "it never says how it is")
            return
        if self.printer.proof == "file":
            self._report(HealthState.READY)
            return
        reasons = [reason] if reason else []
        if blocked := heard.troubles & BLOCKING:
            reasons = [name_of(blocked)]
        if heard.troubles & Trouble.PAPER_NEAR_END and not heard.troubles & Trouble.PAPER_OUT:
            reasons.append("paper_near_end")
        reasons += self._drawer.reasons(heard.troubles, self._clock.now())
        if not self.printer.line.is_open:
            state = HealthState.UNKNOWN
            reasons = ["line_lost", *reasons]
        elif blocked:
            state = HealthState.ERROR if blocked & Trouble.UNRECOVERABLE else HealthState.BLOCKED
        else:
            state = HealthState.DEGRADED if reasons else HealthState.READY
        self._report(state, *reasons, evidence=heard.evidence)

    def _report(self, state: HealthState, *reasons: str, evidence: bytes = b"") -> None:
        now_ms = self._clock.wall_ms()
        if self._health.report(now_ms, state, tuple(reasons), evidence):
            self._tell(self._health.look(now_ms))

    def _rest(self, until: float) -> None:
        """Until something is to be done, or the printer says something."""
        if not self.printer.line.is_open or not self.printer.speaks:
            self._clock.wait(until, self._waker)
            return
        try:
            if self.printer.talk.hear(until):
                self._poll_at = self._clock.now()  # news, or a stray byte: it is asked before it is believed
        except LineError:
            self._poll_at = self._clock.now()
