"""A shard that holds no stock: answers its message, so that Ray's part can be tested and measured alone."""

import os
import signal
import time

from actors.process_group import Process
from actors.transport import ShardStatus
from engine.wire import ShardState


class EchoShard:
    """A message is sent back; some do what they say."""

    def __init__(self, shard: int) -> None:
        self._shard = shard
        self._calls = 0

    def submit(self, message: bytes) -> bytes:
        self._calls += 1
        match message.split():
            case [b"sleep", seconds]:
                time.sleep(float(seconds))
            case [b"exit"]:
                os._exit(1)
            case [b"stop"]:
                os.kill(os.getpid(), signal.SIGSTOP)
            case [b"raise"]:
                raise ValueError("asked to raise")
            case [b"answer", size]:
                return bytes(int(size))
        return message

    def probe(self) -> bytes:
        this = Process.this()
        return ShardStatus(
            shard=self._shard, state=ShardState.READY, epoch=1, seq=self._calls, pid=this.pid, started=this.started
        ).to_bytes()

    def stop(self) -> None:
        self._calls = -1
