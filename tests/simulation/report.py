"""What a set of seeds has seen: how often each fault came and where sagas were cut, and what never happened."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from tests.simulation.faults import CUTS, FAULTS
from tests.simulation.run import Ran

ALSO: Final = (
    "message lost", "message repeated", "message delayed", "crashed at a disk step", "died on its own",
    "killed by the watch", "predecessor fenced", "predecessor does not die", "opening failed", "snapshot taken",
    "crashed taking a snapshot", "unsynced sector at a power cut", "unsynced name at a power cut", "unanswered",
    "acknowledged record lost", "message overtaken", "read",
    "answered again", "sent twice at once", "customer gave up", "resolved at rest",
    "looked up over shards", "replaced over shards",
)  # fmt: skip
"""What the faults lead to, and what customers do about it."""

MUST_HAPPEN: Final = (*FAULTS, *CUTS, *ALSO)


def replay(seed: int, commands: int) -> str:
    """The command that plays a seed again."""
    return f"python -m tests.simulation --seed {seed} --commands {commands}"


def total(ran: Sequence[Ran]) -> Counter[str]:
    """Everything that was counted."""
    counts: Counter[str] = Counter()
    for each in ran:
        counts.update(each.counts)
    return counts


def never_happened(counts: Counter[str]) -> list[str]:
    """What this set of seeds says nothing about."""
    return [name for name in MUST_HAPPEN if not counts[name]]


def table(ran: Sequence[Ran]) -> str:
    """The counts as text, and the speed."""
    counts = total(ran)
    commands, cpu_s = sum(each.commands for each in ran), sum(each.cpu_s for each in ran)
    simulated_s = sum(each.simulated_s for each in ran)
    width = max(map(len, MUST_HAPPEN))
    lines = [f"  {name:{width}} {counts[name]:9,}" for name in MUST_HAPPEN]
    speed = f"{commands / cpu_s:,.0f} commands a second of one core" if cpu_s else ""
    head = f"{len(ran)} seeds, {commands:,} commands, {simulated_s / 3600:.1f} simulated hours, {speed}"
    return "\n".join([head, *lines])
