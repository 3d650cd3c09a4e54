"""Clients that want many things of one engine at once, lose patience, ask again by the same id, and write it all down.

Each is a thread with its own chance, its own connection and its own reservations. They know nothing of the engine but
its HTTP interface. What they record, and what the feed says, is all that `tests.e2e.chaos.verdict` judges by.
"""

import contextlib
import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

WAREHOUSES: Final = ("north", "south", "outlet")
CHANNEL: Final = "web"
TIMEOUT_S: Final = 3.0
PATIENT_S: Final = 30.0
IMPATIENT_S: Final = 0.02
"""Some callers hang up so soon that nobody can have answered, and ask again at once."""
PAUSE_S: Final = 0.1
"""Before a call is sent again that came to nothing."""
NOT_PINNED: Final = ("unavailable", "overloaded")
_OPEN_MAX: Final = 12
"""Reservations that a client keeps; beyond, it ends some."""

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One time that a call was sent."""

    began: float
    ended: float
    status: int
    """0 = no answer"""
    body: Any = None

    @property
    def answered(self) -> bool:
        """Whether a shard decided all of it."""
        if self.status in (0, 429) or self.status >= 500:
            return False
        rows = self.body.get("results", ()) if isinstance(self.body, dict) else ()
        return not any(row["outcome"] in NOT_PINNED for row in rows)


@dataclass(slots=True)
class Call:
    """What a client asked, as often as it had to."""

    client: int
    kind: str
    path: str
    body: Any
    key: str | None
    """Idempotency-Key; None for an array, whose rows have ids"""
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        """Of its command or commands."""
        return [self.key] if self.key is not None else [row["id"] for row in self.body]

    @property
    def answer(self) -> Attempt | None:
        """The first answer that a shard gave to all of it."""
        return next((attempt for attempt in self.attempts if attempt.answered), None)


class Caller:
    """One keep-alive connection to one engine; not for several threads."""

    def __init__(self, address: tuple[str, int], key: str) -> None:
        self._address = address
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._connection: http.client.HTTPConnection | None = None

    def send(
        self, method: str, path: str, body: Any = None, key: str | None = None, timeout_s: float = TIMEOUT_S
    ) -> Attempt:
        """Once; never raises for a server that is away."""
        began = time.monotonic()
        headers = self._headers | ({"Idempotency-Key": key} if key is not None else {})
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection(*self._address, timeout=timeout_s)
                self._connection.connect()
            self._connection.sock.settimeout(timeout_s)
            self._connection.request(method, path, None if body is None else json.dumps(body), headers)
            with self._connection.getresponse() as response:
                text = response.read()
            if response.will_close:
                self.close()
            return Attempt(began, time.monotonic(), response.status, json.loads(text) if text else None)
        except (OSError, http.client.HTTPException, ValueError):
            self.close()
            return Attempt(began, time.monotonic(), 0)

    def until_answered(self, method: str, path: str, body: Any, key: str | None, patience_s: float) -> Attempt:
        """Again and again, and waiting long each time; the last attempt if patience ended first."""
        give_up_at = time.monotonic() + patience_s
        while True:
            attempt = self.send(method, path, body, key, PATIENT_S)
            if attempt.answered or time.monotonic() > give_up_at:
                return attempt
            time.sleep(PAUSE_S)

    def text(self, path: str) -> str:
        """What a GET of something that is no JSON says."""
        connection = http.client.HTTPConnection(*self._address, timeout=TIMEOUT_S)
        connection.request("GET", path, headers=self._headers)
        text = connection.getresponse().read().decode()
        connection.close()
        return text

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@dataclass(frozen=True, slots=True)
class Market:
    """What there is to buy: `scarce` SKUs are wanted by more than can have them, `probes` only by those who measure."""

    scarce: Sequence[str]
    plenty: Sequence[str]

    @property
    def skus(self) -> list[str]:
        """All of them."""
        return [*self.scarce, *self.plenty]

    @classmethod
    def of(cls, scarce: int = 10, plenty: int = 14) -> "Market":
        """So many of each."""
        return cls([f"scarce-{n}" for n in range(scarce)], [f"plenty-{n}" for n in range(plenty)])

    def open(self, caller: Caller, patience_s: float = 60.0) -> list[Call]:
        """Places, channel, products, and the first deliveries, which count like any other call."""

        def put(path: str, document: dict[str, Any]) -> None:
            answer = caller.until_answered("PUT", path, document, None, patience_s)
            assert answer.status in (200, 201), answer

        for number, code in enumerate(WAREHOUSES):
            put(f"/v1/warehouses/{code}", {"name": code, "kind": "warehouse", "priority": number})
        put(f"/v1/channels/{CHANNEL}", {"name": "Web", "kind": "web", "warehouses": None})
        products = [{"sku": sku, "name": sku, "quantity_decimals": 0} for sku in self.skus]
        made = caller.until_answered("POST", "/v1/products:batch", products, "products", patience_s)
        assert made.status == 200, made
        calls = []
        for sku in self.skus:
            units = 25 if sku in self.scarce else 100_000
            rows = [
                {"id": f"open-{sku}-{place}", "kind": "receive", "sku": sku, "warehouse": place, "quantity": units}
                for place in WAREHOUSES
            ]
            call = Call(-1, "receive", "/v1/commands", rows, None)
            call.attempts.append(caller.until_answered("POST", call.path, rows, None, patience_s))
            calls.append(call)
        return calls


class Client:
    """One customer of the engine, of every kind at once."""

    def __init__(self, number: int, seed: int, address: tuple[str, int], key: str, market: Market) -> None:
        self.calls: list[Call] = []
        self.product_puts: list[tuple[str, Attempt]] = []
        """(name, answer) of the product that this client alone describes"""
        self.statuses: Counter[int] = Counter()
        self.failure: BaseException | None = None
        self._number = number
        self._chance = random.Random(f"{seed}-{number}")
        self._caller = Caller(address, key)
        self._market = market
        self._held: list[tuple[str, str]] = []
        """(reservation, state)"""
        self._count = 0
        self._doings: dict[Callable[[], None], int] = {
            self._reserve_one: 26,
            self._reserve_many: 18,
            self._reserve_group: 8,
            self._go_on: 26,
            self._sell_group: 9,
            self._receive: 5,
            self._adjust: 4,
            self._transfer: 6,
            self._describe: 2,
        }

    def run(self, enough: threading.Event) -> None:
        """Until told."""
        try:
            while not enough.is_set():
                busy = len(self._held) > _OPEN_MAX
                (doing,) = (self._go_on,) if busy else self._chance.choices(*zip(*self._doings.items(), strict=True))
                doing()
        except BaseException as failure:
            self.failure = failure
            raise
        finally:
            self._caller.close()

    # What it wants

    def _reserve_one(self) -> None:
        line = self._line()
        if self._chance.random() < 0.3:
            line["warehouse"] = self._chance.choice(WAREHOUSES)
        self._reserve("reserve one", [line])

    def _reserve_many(self) -> None:
        lines = [self._line() for _ in range(self._chance.randint(2, 4))]
        if self._chance.random() < 0.2:
            lines.append({"sku": lines[0]["sku"], "quantity": self._chance.randint(1, 3)})
        self._reserve("reserve many", lines)

    def _reserve(self, kind: str, lines: list[Line]) -> None:
        # A few hold for a second only: they expire while others ask, also while their shard is away.
        ttl_s = 1 if self._chance.random() < 0.08 else 3600
        body = {"channel": CHANNEL, "ttl_s": ttl_s, "lines": lines}
        answer = self._ask(kind, "/v1/reservations", body, self._id())
        if answer is not None and answer.status == 201 and ttl_s > 1:
            self._held.append((answer.body["reservation"], "held"))

    def _reserve_group(self) -> None:
        label = self._id()
        rows = [
            {"id": f"{label}.{n}", "kind": "reserve", "channel": CHANNEL, "ttl_s": 3600, "reservation": label}
            | self._line()
            for n in range(self._chance.randint(2, 3))
        ]
        answer = self._ask("reserve group", "/v1/commands", rows)
        if answer is not None and answer.body["results"][0]["outcome"] == "ok":
            self._held.append((answer.body["results"][0]["reservation"], "held"))

    def _go_on(self) -> None:
        if not self._held:
            return
        at = self._chance.randrange(len(self._held))
        reservation, state = self._held.pop(at)
        step = "fulfil" if state == "confirmed" and self._chance.random() < 0.8 else None
        step = step or self._chance.choices(("confirm", "release"), (3, 2) if state == "held" else (0, 1))[0]
        answer = self._ask(step, f"/v1/reservations/{reservation}/{step}", {}, self._id())
        if step == "confirm" and answer is not None and answer.status == 200:
            self._held.append((reservation, "confirmed"))

    def _sell_group(self) -> None:
        label = self._id()
        rows = [
            {"id": f"{label}.{n}", "kind": "sell", "channel": CHANNEL, "group": label, "warehouse": self._place()}
            | self._line()
            for n in range(self._chance.randint(2, 3))
        ]
        self._ask("sell group", "/v1/commands", rows)

    def _receive(self) -> None:
        rows = [
            {"id": self._id(), "kind": "receive", "warehouse": self._place()} | self._line()
            for _ in range(self._chance.randint(1, 4))
        ]
        self._ask("receive", "/v1/commands", rows)

    def _adjust(self) -> None:
        delta = self._chance.choice((-3, -1, 1, 2))
        row = {"id": self._id(), "kind": "adjust", "sku": self._sku(), "warehouse": self._place(), "delta": delta}
        self._ask("adjust", "/v1/commands", [row | {"reason": "count"}])

    def _transfer(self) -> None:
        source, target = self._chance.sample(WAREHOUSES, 2)
        row = {"id": self._id(), "kind": "transfer", "warehouse": source, "to_warehouse": target} | self._line()
        self._ask("transfer", "/v1/commands", [row])

    def _describe(self) -> None:
        name = f"name {len(self.product_puts)}"
        document = {"name": name, "quantity_decimals": 0}
        answer = self._caller.send("PUT", f"/v1/products/described-{self._number}", document)
        self.statuses[answer.status] += 1
        self.product_puts.append((name, answer))

    def _sku(self) -> str:
        scarce = self._chance.random() < 0.6
        return self._chance.choice(self._market.scarce if scarce else self._market.plenty)

    def _place(self) -> str:
        return self._chance.choice(WAREHOUSES)

    def _line(self) -> Line:
        return {"sku": self._sku(), "quantity": self._chance.randint(1, 5)}

    def _id(self) -> str:
        self._count += 1
        return f"c{self._number}-{self._count}"

    # How it asks

    def _ask(self, kind: str, path: str, body: Any, key: str | None = None) -> Attempt | None:
        """Until answered, unless the client walks away; now and then once more after the answer."""
        call = Call(self._number, kind, path, body, key)
        self.calls.append(call)
        impatient = self._chance.random() < 0.04
        leaves = self._chance.random() < 0.15
        again = self._chance.random() < 0.08
        give_up_at = time.monotonic() + 45.0
        while True:
            attempt = self._caller.send("POST", path, body, key, IMPATIENT_S if impatient else TIMEOUT_S)
            call.attempts.append(attempt)
            self.statuses[attempt.status] += 1
            if attempt.answered:
                break
            if (leaves and not impatient) or time.monotonic() > give_up_at:
                return None
            if not impatient:
                time.sleep(PAUSE_S * (0.5 + self._chance.random()))
            impatient = False
        if again:
            call.attempts.append(self._caller.send("POST", path, body, key))
            self.statuses[call.attempts[-1].status] += 1
        return attempt


@contextlib.contextmanager
def clients_at_work(count: int, seed: int, address: tuple[str, int], key: str, market: Market) -> Any:
    """Clients in threads of their own, until the end of the `with`."""
    enough = threading.Event()
    clients = [Client(number, seed, address, key, market) for number in range(count)]
    threads = [threading.Thread(target=client.run, args=(enough,)) for client in clients]
    for thread in threads:
        thread.start()
    try:
        yield clients
    finally:
        enough.set()
        for thread in threads:
            thread.join()
