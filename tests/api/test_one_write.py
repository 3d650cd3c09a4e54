"""An answer's head and body in one write, and everything in order."""

import asyncio
from typing import cast

from api.one_write import JOINED_MAX, OneWrite


class Wire:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.written.append(b"closed")

    def is_closing(self) -> bool:
        return False


def wired() -> tuple[Wire, OneWrite]:
    wire = Wire()
    return wire, OneWrite(cast(asyncio.Transport, wire), asyncio.get_running_loop())


def test_head_and_body_leave_together() -> None:
    async def scenario() -> None:
        wire, transport = wired()
        transport.write(b"head ")
        transport.write(b"body")
        assert wire.written == [b"head body"]
        await asyncio.sleep(0)
        assert wire.written == [b"head body"]

    asyncio.run(scenario())


def test_what_nothing_follows_leaves_when_the_turn_ends() -> None:
    async def scenario() -> None:
        wire, transport = wired()
        transport.write(b"alone")
        assert wire.written == []
        await asyncio.sleep(0)
        assert wire.written == [b"alone"]

    asyncio.run(scenario())


def test_a_large_body_follows_its_head_uncopied_and_all_before_the_end() -> None:
    async def scenario() -> None:
        wire, transport = wired()
        transport.write(b"head")
        transport.write(b"x" * JOINED_MAX)
        transport.write(b"")
        transport.write(b"last")
        transport.close()
        assert wire.written == [b"head", b"x" * JOINED_MAX, b"last", b"closed"]
        assert not transport.is_closing()

    asyncio.run(scenario())
