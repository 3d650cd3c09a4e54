"""What a world is like: its size, its settings, its customers and what goes wrong in it; all by chance."""

import random
from dataclasses import dataclass

from actors.settings import Settings
from tests.simulation.clients import Patience
from tests.simulation.faults import Rates


@dataclass(frozen=True, slots=True)
class Plan:
    """What a world is like; all of it follows from the seed."""

    shards: int
    clients: int
    customers: int
    commands: int
    settings: Settings
    rates: Rates
    patience: Patience
    span_rate: float

    @classmethod
    def drawn(cls, chance: random.Random, commands: int, rates: Rates | None = None) -> "Plan":
        """A world by chance."""
        settings = Settings(
            calls_in_flight_max=chance.choice((1, 2, 2, 4)),
            beside_rows_min=chance.choice((1, 8, 256)),
            batch_rows_max=chance.choice((64, 256)),
            chunk_rows_max=chance.choice((16, 64)),
            group_rows_max=256,
            call_timeout_ms=chance.choice((500, 2000, 5000)),
            answer_within_ms=chance.choice((3000, 10_000)),
            queue_rows_max=chance.choice((200, 10_000)),
            scan_period_ms=chance.choice((1000, 2000, 4000)),
            undecided_ms=chance.choice((500, 3000)),
            probe_period_ms=1000,
            probe_silence_max_ms=chance.choice((1500, 3000)),
            tick_ms=500,
        )
        patience = Patience(
            pause_s=chance.choice((0.05, 0.5)),
            give_up_rate=chance.choice((0.0, 0.05)),
            impatient_rate=chance.choice((0.0, 0.1)),
            again_rate=chance.choice((0.0, 0.1)),
            too_late_rate=chance.choice((0.0, 0.05)),
            spanning=chance.choice(((1, 2, 4, 8), (1, 2, 4, 8), (2, 24))),
        )
        drawn = Rates.drawn(chance)
        return cls(
            shards=chance.choice((1, 2, 3, 3)),
            clients=chance.choice((1, 2, 3)),
            customers=chance.choice((3, 6)),
            commands=commands,
            settings=settings,
            rates=drawn if rates is None else rates,
            patience=patience,
            span_rate=chance.choice((0.4, 0.8)),
        )
