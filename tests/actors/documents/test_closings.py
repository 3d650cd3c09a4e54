"""Closed days and interest in the tables of the documents, and what analytics makes of them, also from nothing."""

import asyncio
from decimal import Decimal

import msgspec
import pytest

from actors.documents import interest
from actors.documents.database import DocumentsSettings
from actors.documents.details import DetailsReader
from actors.documents.messages import CloseDay, Closing, Interest, PutInterest, RequestId
from actors.documents.schema import DocumentKind
from actors.documents.writer import DocumentsWriter
from analytics.store import Store
from engine.outcomes import Outcome
from tests.actors.documents.house import EVERYWHERE, looking, one, put, writing
from tests.actors.documents.shards import MemoryShards
from tests.analytics.tables import content

pytest_plugins = ["tests.actors.postgres_server"]

DAY = "2026-06-01"
FIGURES = {"currency": "EUR", "orders": 2, "units": Decimal("2.5"), "returned": 0, "gross": 500, "net": 500, "tax": 80}


def closing(author: str, day: str = DAY, channel: int = 0) -> Closing:
    document = {"closed_at": "2026-06-02T10:00:00Z", "closed_by": "shop", "author": author, "records": [7, 9]}
    text = msgspec.json.Encoder(decimal_format="number").encode({**document, "figures": [FIGURES], "taxes": []})
    return Closing(day, 3, channel, text.decode())


def request(number: int) -> RequestId:
    return RequestId(1, f"key-{number}", bytes([number]) * 32)


def looked(views: int, sku_key: int = 5, query: str = "", day: str = DAY) -> Interest:
    return Interest(day, 0, sku_key, query, views, 0, 0)


def test_a_day_is_written_once_whoever_comes_first(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer, looking(settings) as directory:
            asked = [writer.submit(CloseDay([closing(f"closer {n}")], request(n))) for n in range(5)]
            verdicts = [one(changed) for changed in await asyncio.gather(*asked)]
            assert [verdict.outcome for verdict in verdicts] == [Outcome.OK] * 5
            assert [verdict.made for verdict in verdicts].count(True) == 1
            first = [verdict.made for verdict in verdicts].index(True)
            (closed,) = await directory.closed_days(DAY, DAY, None, None, None, 10)
            assert closed.document == closing(f"closer {first}").document

    asyncio.run(scene())


def test_a_request_that_comes_again_has_no_second_effect(settings: DocumentsSettings, shards: MemoryShards) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer:
            for message in (CloseDay([closing("x")], request(1)), PutInterest([looked(3)], request(2))):
                first = await writer.submit(message)
                again = await writer.submit(message)
                assert (first.replayed, again.replayed) == (False, True)
                assert again.verdicts == first.verdicts
            other = PutInterest([looked(4)], RequestId(1, "key-2", b"x" * 32))
            assert one(await writer.submit(other)).outcome == Outcome.ID_REUSED

    asyncio.run(scene())


async def fill(writer: DocumentsWriter) -> None:
    """A channel, two closed days, and a week of interest with second thoughts."""
    await put(writer, DocumentKind.CHANNEL, "web", EVERYWHERE)
    await writer.submit(CloseDay([closing("x"), closing("y", channel=1)], request(1)))
    for number in range(2, 9):
        day = f"2026-06-0{number}"
        rows = [looked(number, sku_key, day=day) for sku_key in range(1, 6)]
        await writer.submit(PutInterest([*rows, looked(0, 0, "green cup", day)], request(number)))
    await writer.submit(PutInterest([looked(99, 1, day="2026-06-02")], request(20)))


@pytest.mark.parametrize("at_once", [interest.ROWS_MAX, 4])
def test_analytics_have_them_also_when_their_tables_are_made_again(
    settings: DocumentsSettings, shards: MemoryShards, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        async with writing(settings, shards) as writer:
            await fill(writer)

    monkeypatch.setattr(interest, "ROWS_MAX", at_once)
    asyncio.run(scene())
    tables = [followed(settings) for _ in range(2)]
    assert tables[0] == tables[1]
    assert len(tables[0]["interest"]) == 7 * 6
    assert sum('"views":99' in row for row in tables[0]["interest"]) == 1
    assert len(tables[0]["closings"]) == 2
    assert '"units":2500' in tables[0]["closings"][0]


def followed(settings: DocumentsSettings) -> dict[str, list[str]]:
    store, reader = Store(None, era=0, shards=2), DetailsReader(settings)
    while (details := reader.read_after(store.documents_version)) is not None:
        store.enter_details(details)
    found = content(store)
    reader.close()
    store.close()
    return found
