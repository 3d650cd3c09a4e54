"""Devices and their jobs between HTTP and the rest: bodies to documents and questions, answers to JSON and problems.

A device's document is checked by its driver when it is saved, so what is kept can run. Jobs are told without their
bytes.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import orjson

from actors import device_messages as m
from actors.device_link import CALL_S, DeviceAway
from actors.documents.keys import Principal
from api import decode
from api.deps import Runtime
from api.numbers import time_json, time_ms
from api.schemas import Body, Code, Moment, Text
from api.status import Problem, invalid
from api.texts import check_code, check_text
from devices.health import Health
from devices.jobs import JobKind, JobState
from devices.shown import Shown

HEALTH_S: Final = 1.0
"""A list of devices does not wait for one that is silent."""
DOCUMENT_BYTES_MAX: Final = 16_384
NO_REASON: Final = "no reason given"
_STATUS: Final = {
    "unknown_job": 404,
    "unknown_picture": 404,
    "id_reused": 422,
    "invalid_request": 422,
    "conflict": 409,
    "overloaded": 429,
    "no_weight": 409,
    "unavailable": 503,
}
_RETRY_AFTER_MS: Final = 1_000
STATES: Final = {str(state): state for state in JobState}
ORDERS: Final = {"oldest": False, "newest": True}
"""which jobs come first, and whether these are the newest"""


class Device(Body, kw_only=True):
    """A device of a store."""

    kind: Code
    driver: Code
    transport: Text
    settings: dict[str, Any] = msgspec.field(default_factory=dict)
    warehouse: Code | None = None
    code: Code | None = None


class Print(Body, kw_only=True, tag_field="kind", tag="print"):
    """Print a document, once."""

    id: Code = ""
    document: msgspec.Raw
    deadline: Moment | None = None


class OpenDrawer(Body, kw_only=True, tag_field="kind", tag="open_drawer"):
    """Open the drawer that hangs on the printer, now or never."""

    id: Code = ""
    reason: Text | None = None


class Decision(Body, kw_only=True):
    """What a person saw."""

    printed: bool


class Weighing(Body, kw_only=True):
    """What the scale is to weigh."""

    id: Code = ""
    tare_grams: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0


_device: Final = msgspec.json.Decoder(Device)
_job: Final = msgspec.json.Decoder(Print | OpenDrawer)
_decision: Final = msgspec.json.Decoder(Decision)
_weighing: Final = msgspec.json.Decoder(Weighing)
_shown: Final = msgspec.json.Decoder(Shown)


def device_document(code: str, body: bytes, folder: Path) -> str:
    """The document of `PUT /v1/devices/{code}`; 422 for one that no driver can run. `folder`: of devices' journals."""
    # Drivers, fonts and code pages take 0.4 s to load: not for processes that never see a device.
    from devices.device_document import DeviceDocument, files_of
    from devices.registry import DeviceRefused, check

    given = decode.decode(_device, body)
    if given.code is not None and given.code != code:
        raise invalid("$.code", "not the one in the path")
    document: dict[str, Any] = {
        "kind": check_code(given.kind, "$.kind"),
        "driver": check_code(given.driver, "$.driver"),
        "transport": check_text(given.transport, "$.transport"),
        "settings": given.settings,
    }
    if given.warehouse is not None:
        document["warehouse"] = check_code(given.warehouse, "$.warehouse")
    try:
        _, settings, _ = check(code, DeviceDocument(**document), files_of(folder))
    except DeviceRefused as error:
        raise invalid("$", str(error)[:200]) from None
    understood = msgspec.to_builtins(settings)  # such that it can be answered
    document["settings"] = {name: understood.get(name, value) for name, value in given.settings.items()}
    encoded = msgspec.json.encode(document)
    if len(encoded) > DOCUMENT_BYTES_MAX:
        raise invalid("$.settings", f"more than {DOCUMENT_BYTES_MAX} bytes")
    return encoded.decode()


def job_wanted(body: bytes, key: str, principal: Principal, now_ms: int) -> m.Submit:
    """The question of `POST /v1/devices/{code}/jobs`; `key`: the Idempotency-Key, for a body without an id."""
    given = decode.decode(_job, body)
    job_id = _id_of(given.id, key, "a job")
    not_after_ms = now_ms + round(CALL_S * 1000)
    if isinstance(given, OpenDrawer):
        why = NO_REASON if given.reason is None else check_text(given.reason, "$.reason")
        return m.Submit(job_id, JobKind.OPEN_DRAWER, b"", None, principal.name, why, not_after_ms)
    deadline_ms = time_ms(given.deadline, "$.deadline") or None
    return m.Submit(job_id, JobKind.PRINT, bytes(given.document), deadline_ms, principal.name, "", not_after_ms)


def _id_of(given: str, key: str, what: str) -> str:
    if not (given or key):
        raise Problem(400, "id_missing", f"{what} needs an id, and the same one when you try again")
    return check_code(given or key, "$.id" if given else "Idempotency-Key")


def decision_wanted(job_id: str, body: bytes, principal: Principal, now_ms: int) -> m.Decide:
    """The question of `POST .../decide`."""
    return m.Decide(job_id, decode.decode(_decision, body).printed, principal.name, now_ms + round(CALL_S * 1000))


def weighing_wanted(body: bytes, key: str, now_ms: int) -> m.Weigh:
    """The question of `POST /v1/devices/{code}/weigh`; `key`: the Idempotency-Key, for a body without an id."""
    given = decode.decode(_weighing, body)
    weighing_id = _id_of(given.id, key, "a weighing")
    return m.Weigh(weighing_id, given.tare_grams, now_ms + round(CALL_S * 1000))


def showing_wanted(body: bytes, now_ms: int) -> m.Show:
    """The question of `PUT /v1/devices/{code}/shown`."""
    shown = decode.decode(_shown, body)
    return m.Show(msgspec.json.encode(shown), now_ms + round(CALL_S * 1000))


def weight_json(weight: m.Weighed) -> dict[str, Any]:
    """As it is answered."""
    return {
        "grams": weight.grams,
        "gross_grams": weight.gross_grams,
        "tare_grams": weight.tare_grams,
        "net_on_scale": weight.net_on_scale,
        "sequence": weight.sequence,
        "at": time_json(weight.at_ms),
        "evidence": weight.evidence,
    }


async def ask(runtime: Runtime, code: str, asked: m.Asked) -> m.Answer:
    """The device's answer; its refusal, or its silence, as a problem."""
    try:
        told = await runtime.devices.ask(code, asked)
    except DeviceAway as error:
        detail = f"the device does not answer now: {error.reason}"
        raise Problem(503, "unavailable", detail, {"retry_after_ms": _RETRY_AFTER_MS}) from None
    if not isinstance(told, m.Refusal):
        return told
    status = _STATUS[told.code]
    extra: dict[str, Any] = {"retry_after_ms": _RETRY_AFTER_MS} if status in (429, 503) else {}
    if told.path:
        extra["path"] = told.path
    raise Problem(status, told.code, told.detail[:200], extra)


async def state_of(runtime: Runtime, code: str) -> dict[str, Any]:
    """How a device is, and its open jobs; one whose program does not answer is `unknown`, like one that is silent."""
    try:
        told = await runtime.devices.ask(code, m.AskHealth(), HEALTH_S)
    except DeviceAway as error:
        return _unknown(error.reason)
    if not isinstance(told, m.HealthTold):
        return _unknown("its program refuses to say")
    return {"health": health_json(told.health)} | ({"jobs": told.jobs} if told.jobs else {})


def _unknown(reason: str) -> dict[str, Any]:
    health = {"state": "unknown", "reasons": [reason], "since": None, "checked_at": None, "evidence": "", "flaps": 0}
    return {"health": health}


def health_json(health: Health) -> dict[str, Any]:
    """As it is answered."""
    return {
        "state": health.state,
        "reasons": health.reasons,
        "since": time_json(health.since_ms),
        "checked_at": time_json(health.checked_ms) if health.checked_ms else None,
        "evidence": health.evidence,
        "flaps": health.flaps,
    }


def job_json(job: m.JobPicture) -> dict[str, Any]:
    """As it is answered: what is not there is left out."""
    shown: dict[str, Any] = {
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "attempts": [
            {
                "began_at": time_json(attempt.began_ms),
                "ended_at": time_json(attempt.ended_ms) if attempt.ended_ms else None,
                "reason": attempt.reason,
                "bytes_sent": attempt.bytes_sent,
            }
            for attempt in job.attempts
        ],
        "reasons": job.reasons,
        "submitted_at": time_json(job.submitted_ms),
        "changed_at": time_json(job.changed_ms),
        "by": job.by,
    }
    if job.deadline_ms is not None:
        shown["deadline"] = time_json(job.deadline_ms)
    for name in ("why", "copy_of", "decided_by"):
        if value := getattr(job, name):
            shown[name] = value
    return shown


def check_place(principal: Principal, document: Mapping[str, Any]) -> None:
    """403 for a key that is limited to warehouses, unless the device stands in one of them."""
    if principal.warehouses is not None and document.get("warehouse") not in principal.warehouses:
        raise Problem(403, "forbidden", "the key is limited to other warehouses", {"path": "device"})


def with_state(code: str, document: str, state: Mapping[str, Any]) -> bytes:
    """A device as GET shows it."""
    return orjson.dumps({"code": code, **orjson.loads(document), **state})
