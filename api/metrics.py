"""Prometheus metrics: what HTTP, this process's client and every shard have counted, as one exposition.

Counting is plain integers in plain objects, because it is done on the hot path; prometheus_client only writes
the text. Several workers exchange their counters through files in a private directory, so that whichever
worker is asked answers for all, each under its own `process` label.
"""

import asyncio
import contextlib
import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
from prometheus_client import PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from actors.metrics import SECONDS, ClientMetrics, Histogram, ShardMetrics
from actors.transport import ShardStatus
from analytics.questions import Status as AnalyticsStatus
from engine.outcomes import Outcome
from engine.wire import ShardState

MEDIA: Final = "text/plain; version=0.0.4; charset=utf-8"
SHARE_EVERY_S: Final = 1.0
_SUFFIX: Final = ".counters"


@dataclass(slots=True)
class Served:
    """Requests of one kind on one route."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(SECONDS) + 1))
    seconds: float = 0.0


@dataclass(slots=True)
class HttpMetrics:
    """Requests by "METHOD route status"; unknown addresses are one route."""

    served: dict[str, Served] = field(default_factory=dict)

    def count(self, route: str, method: str, status: int, seconds: float) -> None:
        """One request was answered."""
        key = f"{method} {route or 'other'} {status}"
        served = self.served.get(key)
        if served is None:
            served = self.served[key] = Served()
        served.counts[bisect_left(SECONDS, seconds)] += 1
        served.seconds += seconds


class Counters(msgspec.Struct):
    """What one process has counted."""

    process: str
    http: HttpMetrics
    client: ClientMetrics
    streams: int = 0
    queued_rows: int = 0
    queued_bytes: int = 0


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Counters).decode


class Sharing:
    """The files of the other workers, and ours."""

    def __init__(self, directory: Path | None, own: str) -> None:
        """`own` is this process's name among them."""
        self._directory = directory
        self._own = own

    def put(self, counters: Counters) -> None:
        """Let the others see our counters."""
        if self._directory is None:
            return
        path = self._directory / (self._own + _SUFFIX)
        new = path.with_suffix(".new")
        # Counters are worth no error: the directory goes when the run ends.
        with contextlib.suppress(OSError):
            new.write_bytes(_encode(counters))
            os.replace(new, path)

    def others(self) -> list[Counters]:
        """The counters of the other workers, dead ones included: what they served was served."""
        found = []
        for path in sorted(self._directory.glob(f"*{_SUFFIX}")) if self._directory is not None else ():
            if path.name != self._own + _SUFFIX:
                with contextlib.suppress(OSError, msgspec.DecodeError):
                    found.append(_decode(path.read_bytes()))
        return found

    def withdraw(self) -> None:
        """Remove ours."""
        if self._directory is not None:
            with contextlib.suppress(OSError):
                (self._directory / (self._own + _SUFFIX)).unlink(missing_ok=True)


async def keep_sharing(sharing: Sharing, counters: Callable[[], Counters]) -> None:
    """Put our counters again and again, until cancelled."""
    while True:
        sharing.put(counters())
        await asyncio.sleep(SHARE_EVERY_S)


class _Exposition:
    """Looks like a prometheus_client registry: something that `generate_latest` collects from."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """The families."""
        return self._families


def exposition(
    processes: Sequence[Counters], shards: Sequence[ShardStatus], analytics: AnalyticsStatus | None
) -> bytes:
    """The text that Prometheus reads; `analytics`: None while they do not answer."""
    own = ProcessCollector(registry=None), PlatformCollector(registry=None)
    families = [*_http(processes), *_clients(processes), *_shards(shards), *_analytics(analytics)]
    for collector in own:
        families += collector.collect()
    text: bytes = generate_latest(_Exposition(families))
    return text


def _buckets(bounds: Sequence[float], counts: Sequence[int]) -> list[tuple[str, float]]:
    total = 0
    buckets = []
    for bound, count in zip([*map(str, bounds), "+Inf"], counts, strict=True):
        total += count
        buckets.append((bound, float(total)))
    return buckets


def _histogram(name: str, help_: str, label: str, series: Iterable[tuple[str, Histogram]]) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, help_, labels=[label])
    for value, histogram in series:
        family.add_metric([value], _buckets(histogram.bounds, histogram.counts), histogram.total)
    return family


def _http(processes: Sequence[Counters]) -> Iterator[Metric]:
    requests = HistogramMetricFamily(
        "omnistock_http_request_seconds",
        "Requests by route and status",
        labels=["process", "method", "route", "status"],
    )
    streams = GaugeMetricFamily("omnistock_feed_streams", "Live feeds that are open", labels=["process"])
    for counters in processes:
        for key, served in sorted(counters.http.served.items()):
            requests.add_metric([counters.process, *key.split(" ")], _buckets(SECONDS, served.counts), served.seconds)
        streams.add_metric([counters.process], counters.streams)
    yield requests
    yield streams


def _analytics(status: AnalyticsStatus | None) -> Iterator[Metric]:
    yield GaugeMetricFamily("omnistock_analytics_up", "1 when the analytics answer", value=float(status is not None))
    if status is None:
        return
    lag = GaugeMetricFamily(
        "omnistock_analytics_lag_seconds", "How long ago all that was durable was in the tables", labels=["shard"]
    )
    behind = GaugeMetricFamily(
        "omnistock_analytics_behind_records", "Durable records that are not in the tables", labels=["shard"]
    )
    for shard, (lag_s, records) in enumerate(zip(status.lag_s, status.behind_records, strict=True)):
        lag.add_metric([str(shard)], lag_s)
        behind.add_metric([str(shard)], records)
    yield lag
    yield behind
    yield CounterMetricFamily("omnistock_analytics_rows", "Command rows and movements entered", value=status.rows)
    yield CounterMetricFamily("omnistock_analytics_turns", "Transactions that entered rows", value=status.turns)
    yield CounterMetricFamily("omnistock_analytics_busy_seconds", "Time spent entering", value=status.busy_s)
    odd = GaugeMetricFamily(
        "omnistock_channel_alerts",
        "1 for each alert on a channel that is raised; unpaid_sales: sales without a payment reference",
        labels=["channel", "kind"],
    )
    for channel, kind in status.odd:
        odd.add_metric([channel, kind], 1.0)
    yield odd
    if status.looked_s is not None:
        yield GaugeMetricFamily(
            "omnistock_channel_look_age_seconds", "How long ago channels were looked at", value=status.looked_s
        )


_CLIENT_COUNTERS: Final = {
    "requests": "Requests for commands",
    "rows": "Command rows asked",
    "questions": "Questions asked",
    "refused_rows": "Rows that admission did not let in",
    "unavailable_rows": "Rows that got no answer",
    "calls": "Calls to shards",
    "calls_lost": "Calls that ended without an answer",
    "calls_timed_out": "Calls that took too long",
    "stale_replies": "Replies of an earlier epoch",
}
_CLIENT_HISTOGRAMS: Final = {
    "call_rows": "Rows and questions in a call",
    "call_s": "Seconds from sending a batch to its answer",
    "queue_s": "Seconds that the oldest row of a batch had waited when it was sent",
}
_SHARD_COUNTERS: Final = {
    "batches": "Batches decided",
    "rows": "Rows decided",
    "questions": "Questions answered",
    "replays": "Rows answered from the journal because their ids were known",
    "refused_read_only": "Rows not run for lack of space",
}
_SHARD_HISTOGRAMS: Final = {
    "batch_rows": "Rows in a batch",
    "decide_s": "Seconds to decide a batch",
    "append_s": "Seconds until a decided batch is durable, fsync included",
}


def _named(prefix: str, name: str) -> str:
    return f"omnistock_{prefix}_{name.removesuffix('_s')}{'_seconds' if name.endswith('_s') else ''}"


def _clients(processes: Sequence[Counters]) -> Iterator[Metric]:
    for name, help_ in _CLIENT_COUNTERS.items():
        family = CounterMetricFamily(_named("client", name), help_, labels=["process"])
        for counters in processes:
            family.add_metric([counters.process], getattr(counters.client, name))
        yield family
    for name, help_ in _CLIENT_HISTOGRAMS.items():
        series = ((counters.process, getattr(counters.client, name)) for counters in processes)
        yield _histogram(_named("client", name), help_, "process", series)
    for name, help_ in (("queued_rows", "Rows admitted and unanswered"), ("queued_bytes", "Bytes of these rows")):
        gauge = GaugeMetricFamily(f"omnistock_client_{name}", help_, labels=["process"])
        for counters in processes:
            gauge.add_metric([counters.process], getattr(counters, name))
        yield gauge


def _shards(shards: Sequence[ShardStatus]) -> Iterator[Metric]:
    state = GaugeMetricFamily(
        "omnistock_shard_state", "1 for the state that the shard is in", labels=["shard", "state"]
    )
    gauges = {
        "epoch": GaugeMetricFamily("omnistock_shard_epoch", "Openings of the shard's journal", labels=["shard"]),
        "seq": GaugeMetricFamily("omnistock_shard_seq", "Highest durable record", labels=["shard"]),
        "busy_ms": GaugeMetricFamily("omnistock_shard_busy_ms", "Age of the batch being decided", labels=["shard"]),
        "clock_alarm": GaugeMetricFamily("omnistock_shard_clock_alarm", "1 when the clocks disagree", labels=["shard"]),
    }
    outcomes = CounterMetricFamily("omnistock_shard_outcomes", "Answers by outcome", labels=["shard", "outcome"])
    counted: list[tuple[str, ShardMetrics]] = []
    for status in shards:
        shard = str(status.shard)
        for each in ShardState:
            state.add_metric([shard, each.text], float(status.state == each))
        for name, gauge in gauges.items():
            gauge.add_metric([shard], getattr(status, name))
        if status.metrics:
            metrics = msgspec.convert(status.metrics, ShardMetrics)
            counted.append((shard, metrics))
            for outcome in Outcome:
                outcomes.add_metric([shard, outcome.text], metrics.outcomes[outcome])
    yield from (state, *gauges.values(), outcomes)
    rows = GaugeMetricFamily("omnistock_shard_table_rows", "Rows in a table", labels=["shard", "table"])
    room = GaugeMetricFamily("omnistock_shard_table_room", "Rows that it has room for", labels=["shard", "table"])
    for shard, metrics in counted:
        for table, (used, most) in metrics.tables.items():
            rows.add_metric([shard, table], used)
            room.add_metric([shard, table], most)
    yield from (rows, room)
    for name, help_ in _SHARD_COUNTERS.items():
        family = CounterMetricFamily(_named("shard", name), help_, labels=["shard"])
        for shard, metrics in counted:
            family.add_metric([shard], getattr(metrics, name))
        yield family
    for name, help_ in _SHARD_HISTOGRAMS.items():
        series = ((shard, getattr(metrics, name)) for shard, metrics in counted)
        yield _histogram(_named("shard", name), help_, "shard", series)
