"""A stand-in for the engine: dicts, one thread, no durability; the few calls that the replay makes, answered by hand.

Slow and obvious on purpose, and free of the engine's code. It can be told to lie (`lies`), so that tests see the
proof turn red, and to be away now and then (`away_percent`), so that the replay has to send again.
"""

import io
import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

ARROW = "application/vnd.apache.arrow.stream"


@dataclass
class Cell:
    on_hand: int = 0
    reserved: int = 0

    @property
    def free(self) -> int:
        return self.on_hand - self.reserved


@dataclass
class Hold:
    state: str
    expires_at: float
    lines: list[tuple[int, str, str, int]]
    """line, sku, warehouse, units that remain"""


@dataclass
class StandIn:
    """The engine's answers without the engine. An ASGI application."""

    away_percent: int = 0
    lies: set[str] = field(default_factory=set)
    """oversell, refuse, lose_event, forget_release, wrong_counter, wrong_hub, break_basket, wrong_shelf or
    wrong_figure: each is told once"""
    seed: int = 1
    feed_as_arrow: bool = False
    hesitates: bool = False
    """answers the feed with an empty page that has come further, before each page with something on it"""
    now: float = 0.0
    cells: dict[tuple[str, str], Cell] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    channels: dict[str, list[str] | None] = field(default_factory=dict)
    priorities: dict[str, int] = field(default_factory=dict)
    products: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._lied: set[str] = set()

    # ---- HTTP ----

    async def __call__(
        self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        self.now += 0.7
        self.expire()
        status, media, extra, answer = 503, "application/json", {"retry-after": "0"}, b"{}"
        if headers.get("authorization") != "Bearer secret":
            status = 401
        elif not self._away():
            status, media, extra, answer = self.route(
                scope["method"], scope["path"], scope["query_string"], headers, body
            )
        start = {"content-type": media, **extra}
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(name.encode(), value.encode()) for name, value in start.items()],
            }
        )
        await send({"type": "http.response.body", "body": answer})

    def _away(self) -> bool:
        return self._random.randrange(100) < self.away_percent

    def route(
        self, method: str, path: str, query: bytes, headers: dict[str, str], body: bytes
    ) -> tuple[int, str, dict[str, str], bytes]:
        def answer(value: Any) -> tuple[int, str, dict[str, str], bytes]:
            return 200, "application/json", {}, json.dumps(value).encode()

        match method, path.split("/")[2:]:
            case "PUT", ["warehouses", code]:
                self.priorities[code] = json.loads(body)["priority"]
                return answer({})
            case "PUT", ["channels", code]:
                self.channels[code] = json.loads(body)["warehouses"]
                return answer({})
            case "POST", ["products:batch"]:
                self.products |= {each["sku"] for each in json.loads(body)}
                return answer({"results": [{"sku": each["sku"], "outcome": "ok"} for each in json.loads(body)]})
            case "POST", ["commands"] if headers["content-type"] == ARROW:
                results = self.decide_all(pa.ipc.open_stream(body).read_all().to_pylist())
                names = ("id", "outcome", "reservation", "warehouse", "quantity", "available")
                table = pa.table({name: [result.get(name) for result in results] for name in names})
                table = table.set_column(1, "outcome", table["outcome"].dictionary_encode())
                return 200, ARROW, {}, stream(table)
            case "POST", ["commands"]:
                return answer({"results": self.decide_all(json.loads(body))})
            case "GET", ["reservations", key]:
                return answer({"reservation": key, "state": self.holds[key].state})
            case "POST", ["stock:query"]:
                return answer({"items": [self.stock(sku) for sku in json.loads(body)["skus"]]})
            case "GET", ["feed"]:
                return self.feed(dict(part.split("=") for part in query.decode().split("&")), headers)
            case _:
                return 404, "application/json", {}, b"{}"

    def feed(self, params: dict[str, str], headers: dict[str, str]) -> tuple[int, str, dict[str, str], bytes]:
        sent = params.get("after", "0")
        after = int(sent.rstrip("~"))
        page = self.events[after : after + int(params["limit"])]
        if not page or (self.hesitates and not sent.endswith("~")):
            stay = sent if not page else f"{after}~"
            return 200, "application/json", {}, json.dumps({"events": [], "next_cursor": stay}).encode()
        if self.feed_as_arrow and headers.get("accept") == ARROW:
            rows = [event | {"unit_price": (event["unit_price"] or {}).get("amount")} for event in page]
            if rows:
                return 200, ARROW, {"next-cursor": str(after + len(page))}, stream(pa.Table.from_pylist(rows))
        body = json.dumps({"events": page, "next_cursor": str(after + len(page))}).encode()
        return 200, "application/json", {}, body

    def stock(self, sku: str) -> dict[str, Any]:
        return {
            "sku": sku,
            "cells": [
                {
                    "warehouse": place,
                    "on_hand": cell.on_hand + self.lie("wrong_shelf"),
                    "reserved": cell.reserved,
                    "available": cell.free,
                }
                for (of, place), cell in self.cells.items()
                if of == sku
            ],
        }

    # ---- Stock ----

    def lie(self, name: str) -> bool:
        """Whether to tell this lie now; each is told once, for one is enough."""
        if name not in self.lies or name in self._lied:
            return False
        self._lied.add(name)
        return True

    def decide_all(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = []
        at = 0
        while at < len(rows):
            label = rows[at].get("group") or rows[at].get("reservation")
            stop = at + 1
            if rows[at]["kind"] in ("sell", "reserve"):
                while stop < len(rows) and (rows[stop].get("group") or rows[stop].get("reservation")) == label:
                    stop += 1
            group = rows[at:stop]
            known = [self.answers.get(row["id"]) for row in group]
            if self._away():
                # What is answered `unavailable` may have run, or not.
                if self._random.random() < 0.5:
                    self.decide(group)
                results += [{"id": row["id"], "outcome": "unavailable"} for row in group]
            elif all(known):
                results += [answer for answer in known if answer]
            else:
                results += self.decide(group)
            at = stop
        return results

    def decide(self, group: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if group[0]["id"] in self.answers:
            return [self.answers[row["id"]] for row in group]
        kind = group[0]["kind"]
        if kind == "receive":
            found = [self.receive(group[0])]
        elif kind in ("sell", "reserve"):
            found = self.basket(kind, group)
        else:
            found = [self.step(kind, group[0])]
        for row, answer in zip(group, found, strict=True):
            self.answers[row["id"]] = answer
        return found

    def receive(self, row: dict[str, Any]) -> dict[str, Any]:
        assert row["sku"] in self.products
        assert row["warehouse"] in self.priorities
        cell = self.cells.setdefault((row["sku"], row["warehouse"]), Cell())
        cell.on_hand += row["quantity"]
        self.note("receive", row["id"], row["sku"], row["warehouse"], row["quantity"])
        return {"id": row["id"], "outcome": "ok", "available": cell.free}

    def choose(self, row: dict[str, Any]) -> tuple[list[tuple[str, int]], int]:
        """Where the units would come from, and how many there are."""
        places = [row["warehouse"]] if row.get("warehouse") else self.channels[row["channel"]]
        assert places
        free = [(place, max(0, self.cells.get((row["sku"], place), Cell()).free)) for place in places]
        there = sum(units for _, units in free)
        wanted = row["quantity"]
        if self.lie("oversell") and there < wanted:
            return [(places[0], wanted)], there
        if there < wanted:
            self._lied.discard("oversell")
            return [], there
        self._lied.discard("oversell")
        whole = [place for place, units in free if units >= wanted]
        if whole:
            if len(whole) > 1 and self.lie("wrong_hub"):
                return [(whole[-1], wanted)], there
            return [(whole[0], wanted)], there
        taken: list[tuple[str, int]] = []
        for place, units in free:
            take = min(units, wanted - sum(each for _, each in taken))
            if take:
                taken.append((place, take))
        return taken, there

    def basket(self, kind: str, group: list[dict[str, Any]]) -> list[dict[str, Any]]:
        choices = [self.choose(row) for row in group]
        short = [not taken for taken, _ in choices]
        if not any(short) and len(group) > 2 and self.lie("refuse"):
            short[0] = True
        if any(short):
            breaking = len(group) > 1 and not all(short) and self.lie("break_basket")
            found = []
            for row, is_short, (taken, there) in zip(group, short, choices, strict=True):
                if breaking and not is_short:
                    self.take(kind, row, taken, None)
                    found.append({"id": row["id"], "outcome": "ok"})
                elif is_short:
                    told = there + 1 if self.lie("wrong_figure") else there
                    found.append({"id": row["id"], "outcome": "insufficient_stock", "available": told})
                else:
                    found.append({"id": row["id"], "outcome": "group_failed"})
            return found
        key = f"r{len(self.holds)}" if kind == "reserve" else None
        if key:
            lines = [(line, row["sku"], *each) for line, row in enumerate(group) for each in choices[line][0]]
            self.holds[key] = Hold("held", self.now + group[0]["ttl_s"], lines)
        for row, (taken, _) in zip(group, choices, strict=True):
            self.take(kind, row, taken, key)
        return [{"id": row["id"], "outcome": "ok", "reservation": key} for row in group]

    def take(self, kind: str, row: dict[str, Any], taken: list[tuple[str, int]], key: str | None) -> None:
        for place, units in taken:
            cell = self.cells[row["sku"], place]
            if kind == "sell":
                cell.on_hand -= units
            else:
                cell.reserved += units
            self.note(kind, row["id"], row["sku"], place, -units if kind == "sell" else units, key, row["unit_price"])

    def step(self, kind: str, row: dict[str, Any]) -> dict[str, Any]:
        hold = self.holds[row["reservation"]]
        wanted = "confirmed" if kind == "fulfil" else "held"
        if hold.state != wanted and not (kind == "release" and hold.state == "confirmed"):
            return {"id": row["id"], "outcome": "reservation_closed"}
        if kind == "confirm":
            hold.state = "confirmed"
        else:
            self.end(kind, row["reservation"], row["id"], row.get("line"))
        return {"id": row["id"], "outcome": "ok"}

    def end(self, kind: str, key: str, command_id: str | None, only: int | None = None) -> None:
        hold = self.holds[key]
        for line, sku, place, units in [each for each in hold.lines if only is None or each[0] == only]:
            cell = self.cells[sku, place]
            if not (kind == "release" and self.lie("forget_release")):
                cell.reserved -= units
            if kind == "fulfil":
                cell.on_hand -= units
            self.note(kind, command_id, sku, place, -units, key)
            hold.lines.remove((line, sku, place, units))
        if not hold.lines:
            hold.state = {"fulfil": "fulfilled", "release": "released", "expire": "expired"}[kind]

    def expire(self) -> None:
        for key, hold in self.holds.items():
            if hold.state == "held" and self.now >= hold.expires_at:
                self.end("expire", key, None)

    def note(
        self,
        kind: str,
        command_id: str | None,
        sku: str,
        place: str,
        quantity: int,
        key: str | None = None,
        price: int | None = None,
    ) -> None:
        cell = self.cells[sku, place]
        event = {
            "kind": kind, "command_id": command_id, "sku": sku, "warehouse": place, "quantity": quantity,
            "on_hand": cell.on_hand, "reserved": cell.reserved, "available": cell.free, "reservation": key,
            "unit_price": None if price is None else {"amount": price, "currency": "USD"},
        }  # fmt: skip
        if kind == "sell" and self.lie("wrong_counter"):
            event["on_hand"] = cell.on_hand + 1
        if kind != "receive" and self.lie("lose_event"):
            return
        self.events.append(event)


def stream(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()
