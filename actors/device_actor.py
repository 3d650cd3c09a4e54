"""A device as an actor: messages in, answers out, around a Station of `devices/`; one for each physical port.

With Ray a process of its own, so that a device that hangs or kills its program holds up nobody else; in local mode a
few threads of the one process. The same class both times: it knows neither Ray nor HTTP. Its constructor never raises:
an actor whose constructor did would be dead for good.
"""

from pathlib import Path
from typing import Final

import msgspec

from actors import device_messages as m
from actors.process_group import Process
from devices.clock import SystemClock
from devices.codecs.scales import NoWeight
from devices.device_document import DeviceDocument
from devices.job_lines import JobJournalError
from devices.jobs import BadJob, DeskFull, IdReused, NotAllowed
from devices.receipts.document import DocumentRefused
from devices.shown import Shown
from devices.station import NoPicture, NoSuchJob, NotThisDevice, Station, TooLate, Wanted

_decode_shown: Final = msgspec.json.Decoder(Shown).decode


class DeviceActor:
    """Methods may be called side by side, from any thread."""

    def __init__(self, code: str, document: DeviceDocument, folder: str) -> None:
        """`folder`: of all devices' journals. Begins to work at once, also when it is made again after a death."""
        self._clock = SystemClock()
        self._station = Station(code, document, Path(folder), self._clock)
        self._station.start()

    def call(self, message: bytes) -> bytes:
        """An Asked there, a Told back."""
        return m.encode(self._told(m.decode_asked(message)))

    def probe(self) -> bytes:
        """A DeviceProbe: whoever hears it knows that the process runs, and which one it is."""
        process = Process.this()
        return m.encode(m.DeviceProbe(process.pid, process.started, self.works))

    @property
    def works(self) -> bool:
        """False when it has to be made anew, although it answers."""
        return self._station.works

    def stop(self) -> None:
        """A clean end: a job under way is finished, or given up as unknown."""
        self._station.stop()

    def _told(self, asked: m.Asked) -> m.Told:
        try:
            return self._answer(asked)
        except NoSuchJob:
            return m.Refusal("unknown_job", "")
        except NoPicture as error:
            return m.Refusal("unknown_picture", error.reason)
        except NotThisDevice as error:
            return m.Refusal("invalid_request", str(error), "device")
        except DocumentRefused as error:
            place = "$.document" if error.place == "document" else f"$.document.{error.place}"
            return m.Refusal("invalid_request", error.reason, place)
        except BadJob as error:
            return m.Refusal("invalid_request", str(error), "$")
        except IdReused:
            return m.Refusal("id_reused", "this device has a job with this id and another content")
        except NotAllowed as error:
            return m.Refusal("conflict", str(error))
        except DeskFull as error:
            return m.Refusal("overloaded", str(error))
        except TooLate:
            return m.Refusal("unavailable", "it came too late to the device")
        except (JobJournalError, OSError) as error:
            return m.Refusal("unavailable", f"the device's journal: {getattr(error, 'reason', error)}")

    def _answer(self, asked: m.Asked) -> m.Told:
        station = self._station
        match asked:
            case m.Submit():
                wanted = Wanted(
                    asked.id, asked.kind, asked.document, asked.deadline_ms, asked.by, asked.why, asked.not_after_ms
                )
                view, replayed = station.submit(wanted)
                return m.JobTold(m.JobPicture.of(view), replayed)
            case m.Find(job_id):
                return m.JobTold(m.JobPicture.of(station.find(job_id)))
            case m.ListJobs(states, after, count_max, newest):
                found = station.page(states, after, count_max, newest=newest)
                return m.JobsTold([m.JobPicture.of(view) for view in found])
            case m.Draw(job_id):
                return m.Drawn(station.picture(job_id))
            case m.Decide(job_id, printed, by, not_after_ms):
                self._in_time(not_after_ms)
                decided, copy, replayed = station.decide(job_id, printed=printed, by=by)
                return m.JobTold(m.JobPicture.of(decided), replayed, copy.job.id if copy else "")
            case m.Weigh():
                return self._weighed(asked)
            case m.Show(shown, not_after_ms):
                self._in_time(not_after_ms)
                return m.Lines(*station.show(_decode_shown(shown)))
            case m.NewReceipt():
                station.new_receipt()
                return m.Done()
            case m.AskTape():
                return m.TapeTold([m.Piece(*piece) for piece in station.tape()])
            case m.AskHealth():
                return m.HealthTold(station.health(), station.counts())

    def _weighed(self, asked: m.Weigh) -> m.Told:
        self._in_time(asked.not_after_ms)
        found, replayed = self._station.weigh(asked.id, asked.tare_grams)
        if isinstance(found, NoWeight):
            return m.Refusal("no_weight", found)
        return m.Weighed(
            found.grams, found.gross_grams, found.tare_grams, found.net_on_scale, found.sequence, found.at_ms,
            found.evidence.hex(" "), replayed,
        )  # fmt: skip

    def _in_time(self, not_after_ms: int) -> None:
        """Nobody waits any more for what came later."""
        if self._clock.wall_ms() > not_after_ms:
            raise TooLate
