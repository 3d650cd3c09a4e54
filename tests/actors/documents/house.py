"""A writer with its shards and a directory beside it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from actors.documents.database import DocumentsSettings
from actors.documents.directory import Directory
from actors.documents.messages import Change, Changed, Message, Proposal, Verdict
from actors.documents.schema import DocumentKind
from actors.documents.writer import DocumentsWriter
from engine.outcomes import Outcome
from tests.actors.documents.shards import MemoryShards

BOUND_S = 20.0
NOW_MS = 1_800_000_000_000
STORE = '{"name":"Riga","kind":"store","priority":3}'
PIECES = '{"name":"Cup","quantity_decimals":0}'
KILOS = '{"name":"Cup","quantity_decimals":3}'
EVERYWHERE = '{"name":"Shop","kind":"web","warehouses":null}'


@asynccontextmanager
async def writing(
    settings: DocumentsSettings, shards: MemoryShards, *, delivery_timeout_s: float = 5.0
) -> AsyncIterator[DocumentsWriter]:
    """A writer that is stopped in the end."""
    writer = DocumentsWriter(settings, shards, now_ms=lambda: NOW_MS, delivery_timeout_s=delivery_timeout_s)
    await writer.start()
    try:
        yield writer
    finally:
        await writer.stop()


@asynccontextmanager
async def looking(
    settings: DocumentsSettings, *, poll_period_s: float = 3600, skus_cached_max: int = 1000
) -> AsyncIterator[Directory]:
    """A directory that is stopped in the end; it does not poll by itself unless told to."""
    directory = Directory(settings, poll_period_s=poll_period_s, skus_cached_max=skus_cached_max)
    await directory.start()
    try:
        yield directory
    finally:
        await directory.stop()


async def put(writer: DocumentsWriter, kind: DocumentKind, code: str, document: str) -> Verdict:
    """Put one document."""
    return one(await writer.submit(Change(kind, [Proposal(code, document)])))


async def archive(writer: DocumentsWriter, kind: DocumentKind, code: str) -> Verdict:
    """Take one document out of use."""
    return one(await writer.submit(Change(kind, [Proposal(code, "", archived=True)])))


async def until_decided(writer: DocumentsWriter, message: Message) -> Changed:
    """Send it as a patient caller does: again, until nothing of it is unavailable."""

    async def patiently() -> Changed:
        while True:
            changed = await writer.submit(message)
            if all(verdict.outcome != Outcome.UNAVAILABLE for verdict in changed.verdicts):
                return changed
            await asyncio.sleep(0.02)

    return await asyncio.wait_for(patiently(), BOUND_S)


def one(changed: Changed) -> Verdict:
    """The only verdict."""
    (verdict,) = changed.verdicts
    return verdict
