"""Seeded work with real rows: ids of 36 characters, a reference and a price on each sale, the full record.

Used by every benchmark, so that the kernel, the shard, Ray, HTTP and the peers are given the same goods and the same
wishes. Making rows is not what is measured: they are made before the time runs.
"""

import zlib
from collections import deque
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.sizes import BATCH_ROWS
from engine.ids import finish_rows, text_keys
from engine.kinds import Flag, Kind, WarehouseKind
from engine.layout import COMMAND, NO_LINE, NO_WAREHOUSE

Bytes = npt.NDArray[np.uint8]
Int64s = npt.NDArray[np.int64]

SECRET: Final = b"sixteen bytes ok"
NOW_MS: Final = 1_760_000_000_000
TTL_S: Final = 86_400
CLIENT: Final = 1
CHANNEL: Final = 0
CHANNEL_CODE: Final = "web"
PLENTY: Final = 100_000_000
ID_BYTES: Final = 36
REFERENCE_BYTES: Final = 20
LAG_BATCHES: Final = 12
"""A step follows so many batches after the one before it: several batches are under way, in any order."""

_PAIRS: Final = np.frombuffer(bytes(range(256)).hex().encode(), np.uint16)
"""The two hexadecimal digits of each byte."""
_CURRENCY: Final = int.from_bytes(b"EUR", "little")
_RUNS: Final = ((0, 8), (9, 13), (14, 18), (19, 23), (24, ID_BYTES))
"""Where an id has digits; between them are dashes."""


class Batch(NamedTuple):
    """Rows as an encoder leaves them, and the texts they point to."""

    rows: npt.NDArray[np.void]
    heap: Bytes

    def copied(self) -> "Batch":
        """For a receiver that finishes them in place."""
        return Batch(np.frombuffer(bytearray(self.rows.tobytes()), COMMAND), self.heap)

    def finished(self, secret: bytes = SECRET) -> "Batch":
        """With ids hashed and keys made, as shards want them."""
        batch = self.copied()
        finish_rows(batch.rows, batch.heap, secret)
        return batch


def uuids(rng: np.random.Generator, count: int) -> Bytes:
    """[count, 36]: random ids of version 4."""
    digits = _PAIRS[np.frombuffer(rng.bytes(16 * count), np.uint8)].view(np.uint8).reshape(count, 32)
    texts = np.full((count, ID_BYTES), ord("-"), np.uint8)
    for dashes, (first, last) in enumerate(_RUNS):
        texts[:, first:last] = digits[:, first - dashes : last - dashes]
    texts[:, 14], texts[:, 19] = ord("4"), ord("a")
    return texts


def numbered(prefix: str, numbers: Int64s, digits: int) -> Bytes:
    """[n, length]: the prefix and a number with leading zeros, such as SKU-000042."""
    texts = np.empty((len(numbers), len(prefix) + digits), np.uint8)
    texts[:, : len(prefix)] = np.frombuffer(prefix.encode(), np.uint8)
    left = numbers.copy()
    for at in range(texts.shape[1] - 1, len(prefix) - 1, -1):
        texts[:, at] = left % 10 + ord("0")
        left //= 10
    return texts


class Goods:
    """SKUs in warehouses, every cell of them, and channel `web` that sells from all."""

    def __init__(
        self,
        skus: int,
        warehouses: int,
        cells_per_sku: int,
        *,
        now_ms: int = NOW_MS,
        seed: int = 1,
        scarce: float = 0.0,
    ) -> None:
        """`now_ms`: when all this is; rows are in time for an hour.
        `scarce`: the share of cells that hold one unit, where rows ask for at least two; never all of a SKU."""
        self.rng = np.random.default_rng(seed)
        self.skus, self.warehouses, self.cells_per_sku = skus, warehouses, cells_per_sku
        self.cells = skus * cells_per_sku
        self.now_ms = now_ms
        self._scarce = scarce
        names = numbered("SKU-", np.arange(skus), 7)
        self.names = [name.tobytes().decode() for name in names]
        self.codes = [f"WH-{number:03d}" for number in range(warehouses)]
        self.priorities = self.rng.permutation(warehouses)
        self.keys = text_keys(names.ravel(), np.arange(skus + 1, dtype=np.int32) * np.int32(names.shape[1]))
        self._sales = 0
        self._sourced = zlib.crc32(f"\0\0{CHANNEL_CODE}".encode())
        self._selling = _checksums(self.codes, CHANNEL_CODE)
        self._receiving = _checksums(self.codes, "")

    def warehouse_of(self, sku: Int64s, cell: Int64s) -> Int64s:
        """Where the SKU's nth cell is."""
        step = self.warehouses // self.cells_per_sku
        return (sku * 131 + cell * step) % self.warehouses

    def definitions(self) -> Iterator[Batch]:
        """Everything that has a name."""
        count = self.warehouses + 2
        rows = _blank(count, self.now_ms)
        places = slice(0, self.warehouses)
        rows["kind"][places] = Kind.DEFINE_WAREHOUSE
        rows["warehouse"][places] = np.arange(self.warehouses)
        rows["place_kind"][places] = WarehouseKind.WAREHOUSE
        rows["priority"][places] = self.priorities
        rows["kind"][-2], rows["flags"][-2], rows["channel"][-2] = Kind.DEFINE_CHANNEL, Flag.ALL_WAREHOUSES, CHANNEL
        rows["kind"][-1] = Kind.DEFINE_CLIENT
        yield self._with_ids(rows)
        for at in range(0, self.skus, BATCH_ROWS):
            keys = self.keys[at : at + BATCH_ROWS]
            rows = _blank(len(keys), self.now_ms)
            rows["kind"], rows["sku_key"] = Kind.DEFINE_SKU, keys
            yield self._with_ids(rows)

    def opening(self) -> Iterator[Batch]:
        """Opening stock of every cell."""
        for at in range(0, self.cells, BATCH_ROWS):
            number = np.arange(at, min(at + BATCH_ROWS, self.cells))
            sku, cell = number % self.skus, number // self.skus
            scarce = (self.rng.random(len(number)) < self._scarce) & (cell + 1 < self.cells_per_sku)
            rows = _blank(len(number), self.now_ms)
            rows["kind"], rows["sku_key"] = Kind.RECEIVE, self.keys[sku]
            rows["warehouse"] = self.warehouse_of(sku, cell)
            rows["content"] = self._receiving[rows["warehouse"]]
            rows["quantity"] = np.where(scarce, 1, PLENTY) * 1000
            yield self._with_ids(rows)

    def wishes(self, count: int, hot: bool = False) -> tuple[Int64s, Int64s, Int64s]:
        """Which SKU, which warehouse and how many; `hot`: all of one cell."""
        sku = self.rng.integers(0, 1 if hot else self.skus, count)
        cell = self.rng.integers(0, 1 if hot else self.cells_per_sku, count)
        return sku, self.warehouse_of(sku, cell), self.rng.integers(2, 4, count)

    def reserves(self, count: int = BATCH_ROWS, *, sourced: bool = False, hot: bool = False) -> Batch:
        """Sales to be held, each a command of its own."""
        rows, texts = self._sale_rows(count, sourced, hot)
        return _packed(rows, texts, np.full(count, True))

    def _sale_rows(self, count: int, sourced: bool, hot: bool) -> tuple[npt.NDArray[np.void], Bytes]:
        sku, warehouse, quantity = self.wishes(count, hot)
        rows = _blank(count, self.now_ms)
        rows["kind"], rows["sku_key"], rows["quantity"] = Kind.RESERVE, self.keys[sku], quantity * 1000
        rows["warehouse"] = NO_WAREHOUSE if sourced else warehouse
        rows["content"] = self._sourced if sourced else self._selling[warehouse]
        rows["ttl_s"], rows["line"], rows["channel"] = TTL_S, 0, CHANNEL
        rows["unit_price"] = self.rng.integers(99, 49_999, count)
        rows["currency"], rows["tax_rate"], rows["flags"] = _CURRENCY, 190_000, Flag.HAS_PRICE
        texts = np.hstack((uuids(self.rng, count), self.references(count)))
        return rows, texts

    def references(self, count: int) -> Bytes:
        """The numbers of the orders that the sales belong to, [count, 20]."""
        self._sales += count
        return numbered("ORDER-26", np.arange(self._sales - count, self._sales), 12)

    def _with_ids(self, rows: npt.NDArray[np.void]) -> Batch:
        return _packed(rows, uuids(self.rng, len(rows)), np.full(len(rows), False))


class LifeCycle:
    """Batches of a mixed life: 40 % reserve, 30 % confirm, 20 % fulfil, 10 % release, in any order."""

    def __init__(self, goods: Goods, secret: bytes = SECRET, rows: int = BATCH_ROWS) -> None:
        self._goods, self._secret, self._rows = goods, secret, rows
        self._held: deque[npt.NDArray[np.void]] = deque()
        self._confirmed: deque[npt.NDArray[np.void]] = deque()
        self._confirms, self._fulfils, self._releases = rows * 3 // 10, rows * 2 // 10, rows // 10

    def warm_up(self) -> Iterator[Batch]:
        """The batches without which there is nothing to confirm or to fulfil."""
        for number in range(2 * LAG_BATCHES):
            yield self._batch(0 if number < LAG_BATCHES else self._confirms, 0, 0)

    def batch(self) -> Batch:
        """The next batch."""
        return self._batch(self._confirms, self._fulfils, self._releases)

    def _batch(self, confirms: int, fulfils: int, releases: int) -> Batch:
        reserves = self._rows - confirms - fulfils - releases
        made = self._goods._sale_rows(reserves, sourced=False, hot=False)
        kinds = ((Kind.CONFIRM, confirms, self._held), (Kind.FULFIL, fulfils, self._confirmed))
        rows, texts = [made[0]], [made[1]]
        for kind, count, pool in (*kinds, (Kind.RELEASE, releases, self._held)):
            of = _taken(pool, count)
            steps = _blank(count, self._goods.now_ms)
            steps["kind"], steps["reservation"], steps["partition"] = kind, of["reservation"], of["partition"]
            rows.append(steps)
            padding = np.zeros((count, REFERENCE_BYTES), np.uint8)
            texts.append(np.hstack((uuids(self._goods.rng, count), padding)))
            if kind == Kind.CONFIRM and count:
                self._confirmed.append(of)
        keyed = _packed(made[0], made[1], np.full(reserves, True)).finished(self._secret).rows
        self._held.append(keyed[["reservation", "partition"]].copy())
        order = self._goods.rng.permutation(self._rows)
        joined = np.frombuffer(b"".join(part.tobytes() for part in rows), COMMAND).take(order)
        return _packed(joined, np.vstack(texts).take(order, axis=0), joined["kind"] == Kind.RESERVE)


def _taken(pool: "deque[npt.NDArray[np.void]]", count: int) -> npt.NDArray[np.void]:
    """The `count` oldest of the pool."""
    found: list[npt.NDArray[np.void]] = []
    while count:
        head = pool.popleft()
        found.append(head[:count])
        if len(head) > count:
            pool.appendleft(head[count:])
        count -= len(found[-1])
    return np.concatenate(found) if found else np.empty(0, [("reservation", "<u8"), ("partition", "<u2")])


def _blank(count: int, now_ms: int) -> npt.NDArray[np.void]:
    rows = np.zeros(count, COMMAND)
    rows["client"], rows["line"] = CLIENT, NO_LINE
    rows["warehouse"] = rows["to_warehouse"] = rows["channel"] = NO_WAREHOUSE
    rows["not_after_ms"] = now_ms + 3_600_000
    return rows


def _packed(rows: npt.NDArray[np.void], texts: Bytes, referenced: npt.NDArray[np.bool_]) -> Batch:
    """Lay the texts end to end; rows that are not `referenced` have an id only."""
    rows["text_lengths"][:, 0] = ID_BYTES
    rows["text_lengths"][:, 1] = np.where(referenced, REFERENCE_BYTES, 0)
    lengths = ID_BYTES + rows["text_lengths"][:, 1].astype(np.uint32)
    rows["text_at"] = np.cumsum(lengths, dtype=np.uint32) - lengths
    wanted = np.arange(texts.shape[1]) < lengths[:, None]
    heap = texts[wanted]
    return Batch(rows, heap)


def _checksums(codes: list[str], channel: str) -> Any:
    """What encoders write into `content` for a row at each warehouse."""
    return np.array([zlib.crc32(f"{code}\0\0{channel}".encode()) for code in codes], np.uint32)
