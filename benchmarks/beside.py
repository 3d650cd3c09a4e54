"""A report beside plain SQL over the same lines: equal in every cell first, then timed in turns.

Both ask the same DuckDB in this process, with one thread each. Times are of the processor: whoever else runs must not
be in the figure.
"""

import time
from collections.abc import Callable

from pytest_benchmark.fixture import BenchmarkFixture

from analytics.following import Following
from analytics.store import Store
from benchmarks.decided_journal import DecidedJournal
from benchmarks.figures import note, note_slowest
from benchmarks.plain_reports import Compared


def followed_rates(journal: DecidedJournal, store: Store) -> list[float]:
    """Has all of it in the tables; command rows a second of the processor, piece by piece."""
    following = Following(store, [journal])
    while following.advance():
        pass
    rates = []
    for rows in journal.records():
        before = time.process_time()
        while following.advance():
            pass
        rates.append(rows / (time.process_time() - before))
    store.enter_details(journal.details())
    return rates


def note_following(benchmark: BenchmarkFixture, compared: Compared, kind: str, rates: list[float]) -> None:
    """What following took, as `KIND follow`, without the last piece, which is small. It was timed before this."""
    pedantic = benchmark.pedantic
    pedantic(compared.store.positions, rounds=1)  # type: ignore[no-untyped-call]
    note(benchmark, f"{kind} follow", rates[:-1] or rates, "rows/s")


def timed(
    benchmark: BenchmarkFixture, compared: Compared, kind: str, asked: tuple[str, str], ratios: list[float], rounds: int
) -> None:
    """Notes both times as `KIND report ...` and `KIND plain ...`, and the worst of `ratios`, this one added."""
    compared.differences(*asked)
    ours: list[float] = []
    plain: list[float] = []

    def both() -> None:
        ours.append(_seconds(lambda: compared.report(*asked)))
        plain.append(_seconds(lambda: compared.plain(*asked)))

    pedantic = benchmark.pedantic
    pedantic(both, rounds=rounds, warmup_rounds=1, iterations=1)  # type: ignore[no-untyped-call]
    key = " ".join(asked).strip()
    own = note(benchmark, f"{kind}report {key}", [1e3 * seconds for seconds in ours[1:]], "ms")
    other = note(benchmark, f"{kind}plain {key}", [1e3 * seconds for seconds in plain[1:]], "ms")
    ratios.append(own / other)
    note_slowest(benchmark, f"{kind}report slowest ratio", ratios)


def _seconds(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before
