"""A standby gives the state of a shard to the shard's successor: the words that they exchange, and the copying.

    successor                         standby
    Ask(shard)            ->
                          <-          Lent(seq, hashes, where each array lies), and a descriptor of the memory
    reads it, in its own time; the standby lets it stand still
    Done                  ->
                          <-          Kept: it did stand still all the time

over a Unix socket in the data directory that only its owner can open (`actors.lending` is the standby's side,
`actors.take_over` the successor's). A message is its length and JSON of one fixed shape, nothing else is ever decoded.
Every wait has an end, on both sides; whatever does not go like this means that there is no state to be had, and the
successor goes on without. What it got is believed only as far as the journal bears it out: see `actors.recovery`.
"""

import contextlib
import os
import socket
import time
from typing import Final, TypeVar

import msgspec

from actors.snapshot import ArrayPlace

FORMAT: Final = 1
SOCKET: Final = "standby.sock"
"""In the data directory."""
CATCH_UP_S: Final = 0.25
"""So long a standby that is asked goes on folding; then it hands over what it has, for the successor can fold too, and
the sooner it begins to copy the sooner it takes the memory that its dead predecessor just gave back: from a hypervisor
fresh memory comes at 1 GB/s instead of 5."""
LOCK_S: Final = 1.0
"""So long a hand-over waits for whoever is folding just now; that is a record, or another hand-over."""
ANSWER_S: Final = 3.0
"""A successor waits no longer for the standby's answer."""
COPY_S: Final = 20.0
"""A state is lent for no longer."""
WORD_S: Final = 0.5
"""So long for a message that needs no work: to connect, to ask, to say that it is done."""
MESSAGE_BYTES_MAX: Final = 1 << 16

M = TypeVar("M")


class NoHandOver(Exception):
    """There is no state to be had from the standby; the text says why."""


class Ask(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """The successor of `shard` wants its state."""

    format: int
    shard: int


class Lent(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """The state at record `seq`: where its arrays lie in the memory that comes with it."""

    shard: int
    seq: int
    now_ms: int
    id_window_ms: int
    record_hash: str
    arrays: list[ArrayPlace]


class Refused(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """There is none."""

    reason: str


class Done(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """The successor has read what it wanted."""


class Kept(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Nothing was changed meanwhile."""


ASK: Final = msgspec.json.Decoder(Ask)
ANSWER: Final[msgspec.json.Decoder[Lent | Refused]] = msgspec.json.Decoder(Lent | Refused)
DONE: Final = msgspec.json.Decoder(Done)
KEPT: Final = msgspec.json.Decoder(Kept)


def send(connection: socket.socket, message: msgspec.Struct, descriptors: tuple[int, ...] = ()) -> None:
    """Send a message; the connection's time-out is for all of it."""
    data = msgspec.json.encode(message)
    assert len(data) <= MESSAGE_BYTES_MAX
    data = len(data).to_bytes(4, "little") + data
    sent = socket.send_fds(connection, [data], list(descriptors)) if descriptors else 0
    connection.sendall(data[sent:])


def receive(connection: socket.socket, decoder: "msgspec.json.Decoder[M]", until: float) -> tuple[M, list[int]]:
    """The next message and the descriptors that came with it, which the caller closes; raises OSError, ValueError."""
    data = bytearray()
    descriptors: list[int] = []
    wanted = 4
    try:
        while len(data) < wanted:
            if (left := until - time.monotonic()) <= 0:
                raise TimeoutError("no answer in time")
            connection.settimeout(left)
            part, came, _, _ = socket.recv_fds(connection, wanted - len(data), 4)
            descriptors += came
            if not part:
                raise ConnectionError("the other side is gone")
            data += part
            if len(data) == 4 and wanted == 4:
                wanted += int.from_bytes(data, "little")
                if wanted > MESSAGE_BYTES_MAX + 4:
                    raise ValueError("the message is too long")
        return decoder.decode(data[4:]), descriptors
    except BaseException:
        close_all(descriptors)
        raise


def close_all(descriptors: list[int]) -> None:
    """Close them."""
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)
