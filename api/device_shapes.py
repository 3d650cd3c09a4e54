"""The shapes of answers about devices and jobs, for the OpenAPI page; tests decode answers with them, strictly."""

from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, UnsetType

from api.schemas import Body, Code, Text
from api.shapes import Answered, Moment

HealthText = Literal["absent", "connecting", "ready", "busy", "degraded", "blocked", "error", "unknown"]
JobText = Literal["queued", "sending", "sent", "confirmed", "failed_clean", "unknown", "abandoned"]


class DeviceHealth(Answered, kw_only=True):
    """What is known of a device now; silence is `unknown`."""

    state: HealthText
    reasons: list[str]
    since: Moment | None
    checked_at: Moment | None
    evidence: Annotated[str, Meta(description="the last bytes it said, in hexadecimal")]
    flaps: Annotated[int, Meta(description="how often it stopped working within ten minutes")]


class DeviceSaved(Answered, kw_only=True):
    """A device as it was saved."""

    code: str
    kind: str
    driver: str
    transport: str
    settings: dict[str, Any]
    warehouse: str | UnsetType = UNSET


class OpenJobs(Answered, kw_only=True):
    """Jobs that are not over."""

    queued: Annotated[int, Meta(description="they wait for the printer")]
    unknown: Annotated[int, Meta(description="they wait for a person to look at the paper")]


class DeviceShown(DeviceSaved, kw_only=True):
    """A device, and how it is."""

    health: DeviceHealth
    jobs: Annotated[OpenJobs, Meta(description="of a device that prints, when it answers")] | UnsetType = UNSET


class DevicePage(Answered, kw_only=True):
    """Some devices, and where the next ones are."""

    items: list[DeviceShown]
    next_cursor: str | None


class JobAttempt(Answered, kw_only=True):
    """One try, of the last ones."""

    began_at: Moment
    ended_at: Moment | None
    reason: str
    bytes_sent: int


class DeviceJob(Answered, kw_only=True):
    """A job, and where it stands."""

    id: str
    kind: Literal["print", "open_drawer"]
    state: JobText
    attempts: list[JobAttempt]
    reasons: list[str]
    submitted_at: Moment
    changed_at: Moment
    by: str
    deadline: Moment | UnsetType = UNSET
    why: str | UnsetType = UNSET
    copy_of: str | UnsetType = UNSET
    decided_by: str | UnsetType = UNSET
    copy: Annotated[str, Meta(description="the marked copy that was ordered of it")] | UnsetType = UNSET


class DeviceJobPage(Answered, kw_only=True):
    """Some jobs, and where the next ones are."""

    items: list[DeviceJob]
    next_cursor: str | None


class ScannedCode(Answered, kw_only=True):
    """What a scan means."""

    kind: Literal["article", "weighed", "priced", "marked", "gs1", "text"]
    gtin: Annotated[str, Meta(description="14 digits, to look it up")] | UnsetType = UNSET
    plu: Annotated[str, Meta(description="a store's own number, on its own labels")] | UnsetType = UNSET
    grams: int | UnsetType = UNSET
    price: Annotated[int, Meta(description="in the smallest coin")] | UnsetType = UNSET
    serial: str | UnsetType = UNSET
    lot: str | UnsetType = UNSET
    expires: str | UnsetType = UNSET
    repaired: Annotated[bool, Meta(description="it came in another keyboard's letters")] | UnsetType = UNSET


class DeviceEventShown(Answered, kw_only=True):
    """One thing that happened to a device or to one of its jobs."""

    cursor: str
    device: str
    seq: int
    at: Moment
    kind: Literal["job", "health", "start", "scan"]
    job: str | UnsetType = UNSET
    state: JobText | HealthText | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    reasons: list[str] | UnsetType = UNSET
    by: str | UnsetType = UNSET
    epoch: int | UnsetType = UNSET
    raw: Annotated[str, Meta(description="what was scanned, as read; GS is U+001D")] | UnsetType = UNSET
    aim: Annotated[str, Meta(description="what the scanner says that it read: ]E0, ]d2")] | UnsetType = UNSET
    code: ScannedCode | UnsetType = UNSET
    refused: Annotated[str, Meta(description="why it must not be sold by")] | UnsetType = UNSET
    again: Annotated[bool, Meta(description="a marked good that is in this receipt already")] | UnsetType = UNSET


class DeviceEventPage(Answered, kw_only=True):
    """Events, and the cursor to go on with."""

    events: list[DeviceEventShown]
    next_cursor: str


class Weight(Answered, kw_only=True):
    """A weight to sell by: asked for now, still, and not the last item's."""

    grams: Annotated[int, Meta(description="gross less tare")]
    gross_grams: int
    tare_grams: int
    net_on_scale: Annotated[bool, Meta(description="the scale took a tare of its own off, in gross_grams already")]
    sequence: Annotated[int, Meta(description="counts the items; the scale was empty before each")]
    at: Moment
    evidence: Annotated[str, Meta(description="the bytes that it said, in hexadecimal")]


class TapedBytes(Answered, kw_only=True):
    """Bytes that went one way without any the other way between them."""

    at: Moment
    sent: Annotated[bool, Meta(description="by us; false: by the device")]
    bytes: Annotated[str, Meta(description="in hexadecimal")]


class DeviceTape(Answered, kw_only=True):
    """The last bytes both ways, the oldest first; at most 4 KiB each way."""

    items: list[TapedBytes]


class DisplayLines(Answered, kw_only=True):
    """What a customer's display is to show; that it does, it never says."""

    upper: str
    lower: str


class ReceiptDocument(Body, kw_only=True):
    """What to print: see docs/receipts.md."""

    blocks: Annotated[list[dict[str, Any]], Meta(min_length=1, max_length=2_000)]


class PrintJob(Body, kw_only=True, tag_field="kind", tag="print"):
    """Print a document, once."""

    id: Code
    document: ReceiptDocument
    deadline: Moment | UnsetType = UNSET


class DrawerJob(Body, kw_only=True, tag_field="kind", tag="open_drawer"):
    """Open the drawer that hangs on the printer, now or never."""

    id: Code
    reason: Text | UnsetType = UNSET


ON_THE_PAGE: Final = (
    DeviceSaved, DeviceShown, DevicePage, DeviceJob, DeviceJobPage, DeviceEventPage, PrintJob, DrawerJob,
    Weight, DisplayLines, DeviceTape,
)  # fmt: skip


def named(shape: type) -> dict[str, str]:
    """Where the page has the shape."""
    return {"$ref": f"#/components/schemas/{shape.__name__}"}
