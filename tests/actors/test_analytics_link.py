"""Whoever asks while the analytics are still coming up is answered, not turned away."""

import asyncio
from pathlib import Path

import pytest

from actors.analytics_link import SIZE_BYTES, AnalyticsAway, AnalyticsLink
from analytics.questions import Head, StockAsked, encode

QUESTION = StockAsked("A-1", "2026-06-01T12:00:00.000Z")


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readexactly(int.from_bytes(await reader.readexactly(SIZE_BYTES), "little"))
    for piece in (encode(Head()), b"here", b""):
        writer.write(len(piece).to_bytes(SIZE_BYTES, "little") + piece)
    await writer.drain()
    writer.close()


def test_a_question_waits_for_the_door_to_open(tmp_path: Path) -> None:
    async def asked() -> bytes:
        answer = asyncio.create_task(AnalyticsLink(tmp_path / "door").read(QUESTION))
        await asyncio.sleep(0)  # it has knocked
        async with await asyncio.start_unix_server(_answer, tmp_path / "door"):
            return (await answer)[1]

    assert asyncio.run(asked()) == b"here"


def test_it_does_not_wait_for_ever(tmp_path: Path) -> None:
    with pytest.raises(AnalyticsAway):
        asyncio.run(AnalyticsLink(tmp_path / "door", coming_s=0.1).read(QUESTION))
