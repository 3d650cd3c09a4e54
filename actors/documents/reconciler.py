"""When documents that are still on their way to the shards are tried again.

At start at once, because the process before may have died between a commit and the shards' answers; after a
try that left some behind with growing waits, because a shard that is away comes back in its own time.
"""

from typing import Final

WAIT_FIRST_S: Final = 0.2
WAIT_MAX_S: Final = 5.0


class Reconciler:
    """A small timer without a clock: times are those of the caller, in seconds."""

    def __init__(self, now_s: float) -> None:
        self._due_s: float | None = now_s
        self._wait_s = WAIT_FIRST_S

    def left_behind(self, now_s: float) -> None:
        """Something stayed pending just now."""
        if self._due_s is None:
            self._due_s = now_s + self._wait_s

    def tried(self, now_s: float, *, finished: bool) -> None:
        """A try ended: everything is in force, or some is still on its way."""
        if finished:
            self._due_s = None
            self._wait_s = WAIT_FIRST_S
        else:
            self._due_s = now_s + self._wait_s
            self._wait_s = min(WAIT_MAX_S, 2 * self._wait_s)

    def wait_s(self, now_s: float) -> float | None:
        """How long until the next try: 0 = now, None = there is nothing to try."""
        return None if self._due_s is None else max(0.0, self._due_s - now_s)
