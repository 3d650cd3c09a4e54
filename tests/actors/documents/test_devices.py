"""Devices among the documents: in force at once, told to no shard, seen by who runs them."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from actors.documents import device_rows
from actors.documents.database import DocumentsSettings
from actors.documents.device_rows import DevicesReader, StoredDevice
from actors.documents.directory import Directory
from actors.documents.schema import DocumentKind
from actors.documents.writer import DocumentsWriter
from engine.outcomes import Outcome
from tests.actors.documents.house import STORE, archive, looking, put, writing
from tests.actors.documents.shards import MemoryShards

DEVICE = DocumentKind.DEVICE
PRINTER = '{"kind":"receipt_printer","driver":"escpos","transport":"tcp://a:1","settings":{}}'
ELSEWHERE = PRINTER.replace("a:1", "b:1")
ANOTHER = PRINTER.replace("a:1", "c:1")
IN_RIGA = '{"kind":"scale","driver":"cas","transport":"memory:","settings":{},"warehouse":"riga"}'

Scene = Callable[[DocumentsWriter, Directory], Awaitable[None]]


def play(settings: DocumentsSettings, scene: Scene, shards: MemoryShards | None = None) -> None:
    async def run() -> None:
        async with writing(settings, shards or MemoryShards()) as writer, looking(settings) as directory:
            await scene(writer, directory)

    asyncio.run(run())


def test_a_device_is_made_replaced_removed_and_comes_back(settings: DocumentsSettings) -> None:
    async def scene(writer: DocumentsWriter, directory: Directory) -> None:
        made = await put(writer, DEVICE, "till-1", PRINTER)
        assert (made.outcome, made.made, made.changed) == (Outcome.OK, True, True)
        again = await put(writer, DEVICE, "till-1", PRINTER)
        assert (again.outcome, again.made, again.changed) == (Outcome.OK, False, False)
        other = await put(writer, DEVICE, "till-1", ELSEWHERE)
        assert (other.made, other.changed) == (False, True)
        found = await directory.document(DEVICE, "till-1")
        assert found is not None
        assert found.document == ELSEWHERE
        await put(writer, DEVICE, "till-0", ANOTHER)
        assert [each.code for each in await directory.page(DEVICE, "", 10)] == ["till-0", "till-1"]
        gone = await archive(writer, DEVICE, "till-1")
        assert (gone.outcome, gone.changed) == (Outcome.OK, True)
        assert not (await archive(writer, DEVICE, "till-1")).changed
        assert not (await archive(writer, DEVICE, "never")).changed
        assert await directory.document(DEVICE, "till-1") is None
        back = await put(writer, DEVICE, "till-1", ELSEWHERE)
        assert (back.made, back.changed) == (True, True)
        await directory.refresh()
        assert directory.device_numbers == {"till-1": 0, "till-0": 1}

    play(settings, scene)


def test_a_device_stands_in_a_warehouse_that_there_is(settings: DocumentsSettings) -> None:
    async def scene(writer: DocumentsWriter, directory: Directory) -> None:
        refused = await put(writer, DEVICE, "scale", IN_RIGA)
        assert (refused.outcome, refused.detail) == (Outcome.UNKNOWN_WAREHOUSE, "there is no warehouse riga")
        await put(writer, DocumentKind.WAREHOUSE, "riga", STORE)
        assert (await put(writer, DEVICE, "scale", IN_RIGA)).outcome == Outcome.OK

    play(settings, scene)


def test_a_port_has_one_owner(settings: DocumentsSettings) -> None:
    slow = PRINTER.replace("tcp://a:1", "serial:/by-id/P?baud=9600")
    fast = slow.replace("9600", "19200")
    shared = PRINTER.replace("tcp://a:1", "file:/dev/null")

    async def scene(writer: DocumentsWriter, directory: Directory) -> None:
        for first, second in ((PRINTER, PRINTER), (slow, fast)):
            assert (await put(writer, DEVICE, "a", first)).outcome == Outcome.OK
            refused = await put(writer, DEVICE, "b", second)
            assert (refused.outcome, refused.detail) == (Outcome.CONFLICT, "device a has this port")
            assert (await put(writer, DEVICE, "a", second)).outcome == Outcome.OK
        await archive(writer, DEVICE, "a")
        assert (await put(writer, DEVICE, "b", fast)).outcome == Outcome.OK
        assert (await put(writer, DEVICE, "a", fast)).outcome == Outcome.CONFLICT
        for code in "cd":
            assert (await put(writer, DEVICE, code, shared)).outcome == Outcome.OK

    play(settings, scene)


def test_numbers_end_somewhere(settings: DocumentsSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_rows, "DEVICES_MAX", 1)

    async def scene(writer: DocumentsWriter, directory: Directory) -> None:
        assert (await put(writer, DEVICE, "a", PRINTER)).outcome == Outcome.OK
        assert (await put(writer, DEVICE, "b", ANOTHER)).outcome == Outcome.LIMIT_EXCEEDED
        assert (await put(writer, DEVICE, "a", ELSEWHERE)).outcome == Outcome.OK

    play(settings, scene)


def test_who_runs_the_devices_is_told_each_change_once(settings: DocumentsSettings, tmp_path: Path) -> None:
    nowhere = DevicesReader(DocumentsSettings(tmp_path / "nowhere"))
    assert nowhere.changed() is None
    nowhere.close()

    async def scene(writer: DocumentsWriter, directory: Directory) -> None:
        reader = DevicesReader(settings)
        assert reader.changed() == []
        await put(writer, DEVICE, "a", PRINTER)
        await put(writer, DocumentKind.WAREHOUSE, "riga", STORE)
        await put(writer, DEVICE, "b", ELSEWHERE)
        found = reader.changed()
        assert found is not None
        assert [(each.code, each.document, each.archived) for each in found] == [
            ("a", PRINTER, False),
            ("b", ELSEWHERE, False),
        ]
        assert reader.changed() == []
        await archive(writer, DEVICE, "a")
        changed = reader.changed()
        assert changed is not None
        assert changed == [StoredDevice("a", changed[0].version, found[0].made, PRINTER, True)]
        reader.close()

    play(settings, scene)
