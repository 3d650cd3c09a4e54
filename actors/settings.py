"""Every limit, period and time-out of the actors, with a name and a default.

Plain data: the composition root makes one `Settings` and hands it to clients, shards and the watchdog. All
times are milliseconds. What a shard's memory is built with stands in `engine.layout.Limits`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Shared by the batcher, the client, admission, the shard actor, the watchdog and the saga."""

    # The batcher: one per shard and client process.
    calls_in_flight_max: int = 2
    """calls to one shard at a time; while they are under way the next batch fills"""
    beside_rows_min: int = 256
    """a call is sent beside another only with so many rows; fewer wait for the answer and fill: a call has a price
    whatever is in it (1.3 ms of a core through Ray, less through a socket), so small ones take each other's
    time; through a socket 1, 64 and 256 made no difference that could be told from noise"""
    batch_rows_max: int = 8192
    """rows and questions of one call; a group larger than this goes alone, up to `Limits.batch_rows_max`"""
    batch_bytes_max: int = 4 << 20
    group_rows_max: int = 16_384
    """a longer group is answered `limit_exceeded`; not above `Limits.batch_rows_max`"""
    chunk_rows_max: int = 4096
    """a request is cut into chunks of this size, so that other requests find room between them"""

    # The client: waiting, and trying again by the same ids.
    call_timeout_ms: int = 5_000
    """a call unanswered for so long is given up; nothing is sent to that shard until its probe answers"""
    answer_within_ms: int = 30_000
    """nobody waits longer for an answer, whatever `not_after` says; then the rows are `unavailable`"""
    question_within_ms: int = 10_000
    probe_timeout_ms: int = 1_000
    backoff_first_ms: int = 10
    backoff_max_ms: int = 1_000
    backoff_opening_ms: int = 100
    """at most, when the shard itself said that it is opening"""
    retry_after_ms: int = 1_000
    """what a caller is told to wait when a shard is away"""
    deaths_max: int = 2
    """a batch that was being decided at so many deaths of its shard is taken apart to find the culprit"""
    page_max: int = 100
    """reservations in one answer of one shard: their texts are read from the journal, which takes the shard's time"""

    # Admission: full is an answer at once, not a time-out.
    queue_rows_max: int = 200_000
    """rows admitted and unanswered, per shard"""
    queue_bytes_max: int = 128 << 20
    total_rows_max: int = 400_000
    total_bytes_max: int = 256 << 20
    client_rows_per_s: int = 0
    """rate of one client (an API key's name); 0 = no limit"""
    client_burst_rows: int = 20_000

    # The watchdog.
    probe_period_ms: int = 500
    probe_silence_max_ms: int = 3_000
    """a shard whose probe is unanswered for so long is stuck: it is killed and started again"""
    busy_max_ms: int = 10_000
    """a batch that is being decided for so long is stuck"""
    starting_max_ms: int = 120_000
    """silence that is allowed while a shard opens: replay and the first compilation can be long"""

    # The shard.
    tick_ms: int = 250
    """how often a shard looks for deadlines that are due while nobody sends it anything, and for room to write"""
    lease_ms: int = 3_000
    """a shard that has not proved for so long that it owns its journal answers nothing before it has"""
    downtime_max_ms: int = 3_600_000
    """deadlines that fell into a downtime are moved by it, but not further than this"""
    opening_backoff_first_ms: int = 50
    opening_backoff_max_ms: int = 5_000

    # Commands over several shards.
    undecided_ms: int = 5_000
    """what stays prepared for so long is aborted through its home shard"""
    undecided_settled_ms: int = 86_400_000
    """the same for sales that have happened: whoever made them asks until they are booked, perhaps after a night"""
    scan_period_ms: int = 1_000

    def __post_init__(self) -> None:
        if not 0 < self.chunk_rows_max <= min(self.batch_rows_max, self.group_rows_max):
            raise ValueError("chunk_rows_max must not be above batch_rows_max and group_rows_max")


SLEW_PER_MILLE = 5
"""how much faster or slower than the monotonic clock a shard's clock runs to meet the wall clock"""
CLOCK_ALARM_MS = 2_000
"""a wall clock further away than this from the shard's clock raises an alarm"""
