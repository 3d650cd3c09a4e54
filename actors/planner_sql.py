"""The way from an API process to a planner's statement: a process for each, started, heard, and ended whatever happens.

Nothing of it is in the process that owns the tables, nor in this one: what was asked reaches only the process behind
the walls (`analytics.planner.process`), which the kernel ends if it goes on for too long. This one ends it too.
"""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import Final

import analytics
from analytics.questions import SQL_S_MAX, Head, Refused, SqlAsked, decode_head, encode

START_S_MAX: Final = 60.0
"""For the process to start and to copy the tables, unless somebody has just done it."""
ANSWER_BYTES_MAX: Final = 64 << 20
SIZE_BYTES: Final = 4
_ROOT: Final = Path(analytics.__file__).resolve().parent.parent
OVERRUN: Final = (-signal.SIGALRM, -signal.SIGXCPU)
"""How the kernel ends it."""


class PlannerSql:
    """Over the tables in one directory."""

    def __init__(self, directory: Path) -> None:
        """`directory`: of the analytics' file."""
        self._directory = directory

    async def ask(self, asked: SqlAsked) -> tuple[Head, list[bytes]]:
        """The head and the pieces of the answer; raises Refused."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "analytics.planner.process", str(self._directory.resolve()), str(os.getpid())),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # No address with a password, no key: nothing that a statement could find out.
            env={"PYTHONPATH": str(_ROOT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(START_S_MAX + SQL_S_MAX):
                pieces = await _said(process, encode(asked))
                code = await process.wait()
        except TimeoutError:
            raise TOO_LONG from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if code in OVERRUN:
            raise TOO_LONG
        if not pieces or pieces[-1]:
            raise Refused(422, "invalid_request", "the statement ended its process")
        head = decode_head(pieces[0])
        if head.problem is not None:
            raise Refused(*head.problem)
        return head, pieces[1:-1]


TOO_LONG: Final = Refused(422, "invalid_request", f"it took longer than {SQL_S_MAX:.0f} s: ask for less")


async def _said(process: asyncio.subprocess.Process, question: bytes) -> list[bytes]:
    """Everything it says; the last piece is empty if it came to the end."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(question)
        process.stdin.close()
    pieces: list[bytes] = []
    size = 0
    with contextlib.suppress(asyncio.IncompleteReadError):
        while not pieces or pieces[-1]:
            length = int.from_bytes(await process.stdout.readexactly(SIZE_BYTES), "little")
            size += length
            if size > ANSWER_BYTES_MAX:
                raise Refused(413, "too_large", f"more than {ANSWER_BYTES_MAX >> 20} MB: ask for less")
            pieces.append(await process.stdout.readexactly(length))
            if len(pieces) == 1 and not pieces[0]:
                break
    return pieces
