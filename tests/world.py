"""A shard with named goods and places, to which the rows of `tests.builders` are sent.

It does what an API process and a shard actor do around the engine: gives numbers to names, encodes, keeps the
records, finds pinned answers.
"""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from engine import ids
from engine.kinds import Flag, Kind, QuestionKind, ReservationState, ResultFlag
from engine.layout import COMMAND, NO_WAREHOUSE, QUESTION, TEXTS, UNKNOWN_NUMBER, Limits
from engine.outcomes import Outcome
from engine.record import Record, RecordKind, seq_and_row
from engine.shard import Answers, Decision, Shard
from tests.builders import flat, standard_definitions
from tests.rows import Hold, Row

SECRET: Final = b"sixteen bytes ok"
START_MS: Final = 1_760_000_000_000


@dataclass(frozen=True)
class Counters:
    """A cell as a test reads it, in smallest units."""

    on_hand: int = 0
    reserved: int = 0
    incoming: int = 0
    safety_stock: int = 0
    floor: int = 0
    reorder_point: int = 0
    order_up_to: int = 0


class World:
    """A shard, the numbers of the names in use, the records it wrote and the clock it is told."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.shard = Shard(self.limits)
        self.now_ms = START_MS
        self.records: list[Record] = []
        self.warehouses: dict[str, int] = {}
        self.channels: dict[str, int] = {}
        self.clients: dict[str, int] = {}
        self._keys: dict[Hold, tuple[int, int]] = {}

    @property
    def next_seq(self) -> int:
        """What the next batch gets if it changes anything."""
        return len(self.records) + 1

    @classmethod
    def furnished(cls, limits: Limits | None = None) -> "World":
        """Two places and a quarantine, goods by the piece and by weight, channels web (all places) and till."""
        world = cls(limits)
        world.send(*standard_definitions())
        return world

    def send(self, *rows: Row | Iterable[Row], at_ms: int | None = None) -> npt.NDArray[np.void]:
        """Decide one batch; RESULT rows with replayed answers resolved, as a shard actor does."""
        decision = self.decide(*rows, at_ms=at_ms)
        return self.resolved(decision)

    def decide(self, *rows: Row | Iterable[Row], at_ms: int | None = None) -> Decision:
        """Decide one batch, and keep its record when there is anything to keep."""
        self.now_ms = at_ms if at_ms is not None else self.now_ms
        table, heap = self.encode(flat(rows))
        decision = self.shard.decide(table, heap, now_ms=self.now_ms, seq=self.next_seq)
        if decision.changed:
            record = Record(
                RecordKind.BATCH,
                shard=0,
                era=0,
                seq=self.next_seq,
                epoch=1,
                now_ms=self.now_ms,
                id_window_ms=self.limits.id_window_ms,
                rows=table,
                results=decision.results,
                movements=decision.movements,
                lines=decision.lines,
                heap=heap,
            )
            self.records.append(record)
        return decision

    def resolved(self, decision: Decision) -> npt.NDArray[np.void]:
        """The results, each replayed one exchanged for the pinned answer (its flags keep REPLAYED)."""
        results = decision.results.copy()
        for i, flags in enumerate(results["flags"].tolist()):
            if flags & ResultFlag.REPLAYED:
                seq, at = seq_and_row(int(results[i]["position"]))
                results[i] = (
                    decision.results[at] if flags & ResultFlag.SAME_BATCH else self.records[seq - 1].results[at]
                )
                results["flags"][i] |= ResultFlag.REPLAYED
        return results

    def outcomes(self, *rows: Row | Iterable[Row], at_ms: int | None = None) -> list[Outcome]:
        """Only what the rows were answered."""
        return [Outcome(int(result["outcome"])) for result in self.send(*rows, at_ms=at_ms)]

    def encode(self, rows: Sequence[Row]) -> tuple[npt.NDArray[np.void], npt.NDArray[np.uint8]]:
        """COMMAND rows and their heap, finished."""
        for r in rows:
            self._number(r)
        heap = bytearray()
        table = np.zeros(len(rows), COMMAND)
        for at, r in enumerate(rows):
            self._encode_row(table[at : at + 1], r, heap)
        texts = np.frombuffer(bytes(heap), np.uint8)
        ids.finish_rows(table, texts, SECRET)
        return table, texts

    def stock(self, sku: str, warehouse: str) -> Counters:
        """A cell's counters; zeros when there is no such cell."""
        return self.cells(sku).get(warehouse, Counters())

    def cells(self, sku: str) -> dict[str, Counters]:
        """All cells of a SKU by warehouse."""
        answers = self.ask(QuestionKind.STOCK, key=ids.sku_key(sku) & (1 << 64) - 1, channel=NO_WAREHOUSE)
        names = {number: code for code, number in self.warehouses.items()}
        fields = Counters.__dataclass_fields__
        return {
            names[int(cell["warehouse"])]: Counters(**{name: int(cell[name]) for name in fields})
            for cell in answers.cells
        }

    def state_of(self, made_by: Row) -> ReservationState:
        """Where the reservation that a row made is in its life; NONE when there is none."""
        answers = self.ask(QuestionKind.RESERVATION, key=self.key_of((made_by.client, made_by.id)), flags=Flag.ADMIN)
        return ReservationState(int(answers.reservations[0]["state"]) if len(answers.reservations) else 0)

    def ask(self, kind: QuestionKind, **fields: int) -> Answers:
        """One question, as of now."""
        question = np.zeros(1, QUESTION)
        question["kind"] = kind
        for name, value in fields.items():
            question[name] = value
        return self.shard.answer(question)

    def key_of(self, hold: Hold) -> int:
        """The key of the reservation that (client, id) made or would make."""
        return self._key_and_partition(hold)[0]

    def _key_and_partition(self, hold: Hold) -> tuple[int, int]:
        if hold not in self._keys:
            client, command_id = hold
            table, _ = self.encode([Row(kind=Kind.RESERVE, client=client, id=command_id)])
            self._keys[hold] = (int(table[0]["reservation"]), int(table[0]["partition"]))
        return self._keys[hold]

    def _number(self, r: Row) -> None:
        """Numbers are given by whoever defines the name, before any row that uses it."""
        self.clients.setdefault(r.client, len(self.clients))
        if r.kind == Kind.DEFINE_WAREHOUSE:
            self.warehouses.setdefault(r.warehouse, len(self.warehouses))
        if r.kind == Kind.DEFINE_CHANNEL:
            self.channels.setdefault(r.channel, len(self.channels))

    def _encode_row(self, at: npt.NDArray[np.void], r: Row, heap: bytearray) -> None:
        plain = (
            "quantity expected unit_price discount not_after_ms issued_at_ms occurred_at_ms due_ms"
            " group ttl_s tax_rate priority line place_kind"
        )
        for name in plain.split():
            at[name] = getattr(r, name)
        at["kind"], at["flags"] = r.kind, int(r.flags)
        at["client"] = self.clients.get(r.client, 0)
        at["sku_key"], at["source_key"] = ids.sku_key(r.sku), ids.text_key(r.source)
        at["reference_key"] = ids.text_key(r.reference)
        at["currency"] = int.from_bytes(r.currency.encode(), "little")
        at["warehouse"] = _number_of(r.warehouse, self.warehouses)
        at["to_warehouse"] = _number_of(r.to_warehouse, self.warehouses)
        at["channel"] = _number_of(r.channel, self.channels)
        at["content"] = zlib.crc32(f"{r.warehouse}\0{r.to_warehouse}\0{r.channel}".encode())
        if r.reservation is not None:
            at["reservation"], at["partition"] = self._key_and_partition(r.reservation)
        at["text_at"] = len(heap)
        for place, name in enumerate(TEXTS):
            text = (_name_of(r) if name == "name" else str(getattr(r, name))).encode()
            at["text_lengths"][0, place] = len(text)
            heap += text


def _number_of(name: str, numbers: dict[str, int]) -> int:
    return numbers.get(name, UNKNOWN_NUMBER) if name else NO_WAREHOUSE


def _name_of(r: Row) -> str:
    names = {
        Kind.DEFINE_SKU: r.sku,
        Kind.DEFINE_WAREHOUSE: r.warehouse,
        Kind.DEFINE_CHANNEL: r.channel,
        Kind.DEFINE_CLIENT: r.client,
    }
    return names.get(r.kind, "")
