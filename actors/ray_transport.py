"""Messages to shards that are Ray actors: one Ray call per batch.

Awaits object references on the caller's own loop (uvloop or asyncio; never a thread that blocks in
`ray.get`), and turns everything that Ray may raise into one TransportError. Retries nothing: Ray is told not
to either, because only the client knows deadlines, epochs and command ids.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from ray.exceptions import ActorDiedError, ActorUnavailableError, RayError, RayTaskError

from actors.documents.gateway import WriterAway
from actors.transport import TransportError

PROBE_GROUP: Final = "probe"
"""The concurrency group of `probe`, with a thread of its own. Measured: it costs the batches nothing (600
calls of 1 KB, one at a time: 1,120 to 1,370 a second with it and 1,230 to 1,370 without; 1.5 MB: no
difference either), and a probe beside a batch of a second came back in 1.6 ms instead of after it."""


class RayTransport:
    """One per process that has joined the cluster. The handles stay good over restarts of their actors."""

    def __init__(self, handles: Sequence[Any]) -> None:  # Ray gives its handles no type
        self._submit = [handle.submit for handle in handles]
        self._probe = [handle.probe.options(concurrency_group=PROBE_GROUP) for handle in handles]

    async def call(self, shard: int, message: bytes, timeout_s: float) -> bytes:
        """Have the shard decide a Batch; gives a Reply."""
        return await _answer(shard, self._submit[shard], timeout_s, message)

    async def probe(self, shard: int, timeout_s: float) -> bytes:
        """Ask how the shard is, beside its work; gives a ShardStatus."""
        return await _answer(shard, self._probe[shard], timeout_s)


class DocumentsProbe:
    """The writer of documents, for a watch that takes it for a shard: probes, and no batches."""

    def __init__(self, handle: Any) -> None:
        self._probe = handle.probe

    async def probe(self, shard: int, timeout_s: float) -> bytes:
        """Ask its event loop how it is; gives a ShardStatus."""
        return await _answer(shard, self._probe, timeout_s)


async def _answer(shard: int, method: Any, timeout_s: float, *arguments: bytes) -> bytes:
    try:
        reference = method.remote(*arguments)
    except RayError as error:
        raise TransportError(shard, f"not sent: {error}", False) from error
    try:
        async with asyncio.timeout(timeout_s):
            answer = await reference
    except RayTaskError as error:
        raise TransportError(shard, f"it raised {error.cause!r}", True) from error
    except TimeoutError as error:
        # The call is not taken back: a shard that wakes up later still runs it, or refuses it as too late.
        raise TransportError(shard, f"no answer within {timeout_s:g} s", True) from error
    except ActorUnavailableError as error:
        raise TransportError(shard, "its process ended or is being started", True) from error
    except ActorDiedError as error:
        raise TransportError(shard, "its actor is dead and will not be started again", True) from error
    except RayError as error:
        raise TransportError(shard, f"{type(error).__name__}: {error}", True) from error
    assert isinstance(answer, bytes)
    return answer


def caller(method: Any) -> Callable[[bytes], Awaitable[bytes]]:
    """A method of the documents' actor as RemoteDocuments wants it: bytes there, bytes back, or WriterAway."""

    async def call(message: bytes) -> bytes:
        try:
            answer = await method.remote(message)
        except RayError as error:
            raise WriterAway(f"{type(error).__name__}: {error}") from error
        assert isinstance(answer, bytes)
        return answer

    return call
