"""The console's client: shared answers, refusals in words, engines without alerts, and one stream for all pages."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import httpx2
import pytest

from api.console.alerts import alert_page, is_odd, odd_words, open_alerts, position
from api.console.client import QUESTIONS, Api, ApiProblem
from api.console.parts import sentence
from api.console.visit import Desk, Visit
from tests.console.test_figures import visit

Handler = Callable[[httpx2.Request], Coroutine[None, None, httpx2.Response]]


def run(handler: Handler, work: Callable[[Api], Awaitable[Any]]) -> Any:
    async def done() -> Any:
        api = Api("http://engine", "os_1_2", httpx2.MockTransport(handler))
        try:
            return await work(api)
        finally:
            await api.close()

    return asyncio.run(done())


class Engine:
    """Answers the same to everything, and counts who asked what at once."""

    def __init__(self, *answers: httpx2.Response) -> None:
        self.answers = list(answers)
        self.asked: Counter[str] = Counter()
        self.keys: list[str] = []
        self.ids: list[str] = []
        self.at_once = self.most_at_once = 0

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked[request.url.path] += 1
        self.keys.append(request.headers["authorization"])
        self.ids.append(request.headers.get("idempotency-key", ""))
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        for _ in range(5):
            await asyncio.sleep(0)
        self.at_once -= 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def ok(body: Any) -> httpx2.Response:
    return httpx2.Response(200, json=body)


def problem(status: int, code: str) -> httpx2.Response:
    return httpx2.Response(status, json={"code": code, "title": code})


def test_many_pages_that_ask_the_same_get_one_answer() -> None:
    engine = Engine(ok({"items": [1]}))

    async def work(api: Api) -> Any:
        first = await asyncio.gather(*(api.shared("/v1/channels") for _ in range(20)))
        await api.shared("/v1/channels", {"limit": 5})
        return first

    assert run(engine, work) == [{"items": [1]}] * 20
    assert engine.asked["/v1/channels"] == 2


def test_a_failure_is_not_kept() -> None:
    engine = Engine(problem(503, "unavailable"), ok([]))

    async def work(api: Api) -> Any:
        with pytest.raises(ApiProblem):
            await api.shared("/v1/channels")
        return await api.shared("/v1/channels")

    assert run(engine, work) == []


def test_the_analytics_are_asked_little_at_once() -> None:
    engine = Engine(ok({}))
    paths = [f"/v1/reports/{n}" for n in range(6)] + ["/v1/explain/a/b", "/v1/alerts"]
    run(engine, lambda api: asyncio.gather(*(api.get(path) for path in paths)))
    assert engine.most_at_once == QUESTIONS


def test_busy_analytics_are_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.console.client.BUSY_S", 0)
    engine = Engine(problem(429, "overloaded"), problem(429, "overloaded"), ok({"rows": []}))
    assert run(engine, lambda api: api.get("/v1/reports/turnover")) == {"rows": []}


def test_a_change_that_got_lost_is_sent_again_with_its_id_and_the_users_key() -> None:
    engine = Engine(problem(503, "unavailable"), ok({"results": []}))
    run(engine, lambda api: api.change("os_user_key", "POST", "/v1/commands", {}))
    assert engine.keys == ["Bearer os_user_key"] * 2
    assert engine.ids[0]
    assert engine.ids[0] == engine.ids[1]


def test_who_answers_an_alert_sees_it_answered_and_others_keep_what_they_share() -> None:
    engine = Engine(ok({"items": []}))

    async def work(api: Api) -> None:
        for _ in range(2):
            await api.shared("/v1/alerts", {"limit": 50}, for_s=60.0)
            await api.shared("/v1/channels", for_s=60.0)
            await api.change("k", "POST", "/v1/alerts/a1/acknowledge", {})

    run(engine, work)
    assert engine.asked == {"/v1/alerts": 2, "/v1/channels": 1, "/v1/alerts/a1/acknowledge": 2}


def test_a_change_that_was_refused_is_not() -> None:
    engine = Engine(problem(409, "conflict"))
    with pytest.raises(ApiProblem, match="conflict"):
        run(engine, lambda api: api.change("k", "POST", "/v1/commands", {}))
    assert engine.asked.total() == 1


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (0, "unavailable", "The engine does not answer just now"),
        (429, "overloaded", "The engine is busy"),
        (403, "forbidden", "You may not do this"),
        (404, "unknown_sku", "There is no such product"),
        (500, "internal", "The engine refused this"),
    ],
)
def test_every_refusal_is_said_in_words(status: int, code: str, words: str) -> None:
    assert sentence(ApiProblem(status, code, "")) == words


def of(api: Api) -> Visit:
    made = visit()
    made.desk = Desk(api, None, None, None, None)  # type: ignore[arg-type]
    return made


def test_an_engine_without_alerts_has_none() -> None:
    found = run(Engine(problem(404, "not_found")), lambda api: open_alerts(of(api)))
    assert found == []
    with pytest.raises(ApiProblem):
        run(Engine(problem(403, "forbidden")), lambda api: open_alerts(of(api)))


def test_alerts_on_cells_and_on_channels_are_told_apart() -> None:
    reorder = {"id": "a", "kind": "reorder", "sku": "cup", "warehouse": "w", "position": 2, "reorder_point": 5}
    silent = {"id": "b", "kind": "channel_silent", "channel": "web", "found": 0, "expected": 15.2}
    page = run(Engine(ok({"items": [silent, reorder], "next_cursor": "c"})), lambda api: alert_page(of(api), {}))
    assert [is_odd(alert) for alert in page["items"]] == [True, False]
    assert page["next_cursor"] == "c"
    assert odd_words(visit(), silent) == "web: Silence"
    assert position(visit(), reorder) == "2 / 5"
