"""Nothing but the sign-in form for whoever is not signed in, and no change that another site asks for."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from api.console.accounts import Accounts, Role
from api.console.gate import ACCOUNT, Gate, is_own, next_page
from api.console.keys import made_key
from api.console.sessions import COOKIE, Sessions
from api.root_page import console_address

HOST = (b"host", b"shop:8001")
OURS = (b"origin", b"http://shop:8001")


class House:
    """A gate with nothing behind it but a note of who came through."""

    def __init__(self, data: Path) -> None:
        accounts = Accounts(data)
        sessions = Sessions(data, accounts)
        self.token = sessions.open(accounts.add("anna", Role.VIEWER, "correct horse", made_key().text, by="cli:root"))
        self.came: list[Any] = []
        self.gate = Gate(self.behind, sessions)

    async def behind(self, scope: Any, receive: Any, send: Any) -> None:
        self.came.append(scope[ACCOUNT])
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})

    def asked(self, path: str, *headers: tuple[bytes, bytes], method: str = "GET", kind: str = "http") -> Any:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": kind, "method": method, "path": path, "query_string": b"", "headers": [HOST, *headers]}
        asyncio.run(self.gate(scope, None, send))  # type: ignore[arg-type]
        return sent[0] if sent else None

    @property
    def cookie(self) -> tuple[bytes, bytes]:
        return b"cookie", f"{COOKIE}={self.token}".encode()


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_stranger_is_sent_to_the_form_and_comes_back_to_the_page(house: House) -> None:
    answer = house.asked("/reports/turnover", (b"accept", b"text/html"))
    assert answer["status"] == 303
    assert (b"location", b"/login?next=%2Freports%2Fturnover") in answer["headers"]
    assert house.came == []


@pytest.mark.parametrize("path", ["/download/channel_sales", "/_nicegui/3.18.0/static/nicegui.js", "/openapi.json"])
def test_a_stranger_gets_no_file_and_no_script(house: House, path: str) -> None:
    assert house.asked(path)["status"] == 401
    assert house.came == []


def test_a_stranger_gets_no_socket(house: House) -> None:
    assert house.asked("/_nicegui_ws/socket.io/", OURS, kind="websocket") == {"type": "websocket.close", "code": 4401}


def test_who_is_signed_in_comes_through_and_is_known(house: House) -> None:
    assert house.asked("/", house.cookie)["status"] == 200
    assert [account.name for account in house.came] == ["anna"]


@pytest.mark.parametrize(
    "headers",
    [
        [(b"origin", b"http://evil.example")],
        [(b"origin", b"null")],
        [(b"origin", b"http://shop:9999")],
        [(b"sec-fetch-site", b"cross-site")],
        [(b"sec-fetch-site", b"same-site")],
    ],
)
def test_another_site_changes_nothing_and_opens_no_socket(house: House, headers: list[tuple[bytes, bytes]]) -> None:
    assert house.asked("/logout", house.cookie, *headers, method="POST")["status"] == 403
    assert house.asked("/_nicegui_ws/", house.cookie, *headers, kind="websocket")["type"] == "websocket.close"
    assert house.came == []


def test_our_own_page_opens_a_socket_and_a_program_must_say_that_it_is_one() -> None:
    assert is_own(dict([HOST, OURS]), must_say=True)
    assert not is_own(dict([HOST]), must_say=True)
    assert is_own(dict([HOST]), must_say=False)


def test_no_page_is_shown_in_a_frame_of_another(house: House) -> None:
    headers = dict(house.asked("/", house.cookie)["headers"])
    assert headers[b"x-frame-options"] == b"DENY"
    assert b"frame-ancestors 'none'" in headers[b"content-security-policy"]


@pytest.mark.parametrize(
    "asked", ["https://evil.example/", "//evil.example", "/\\evil.example", "evil", "/login?next=/login", "/a\nb", ""]
)
def test_signing_in_never_leads_elsewhere(asked: str) -> None:
    assert next_page(asked) == "/"


def test_signing_in_leads_to_the_page_that_was_wanted() -> None:
    assert next_page("/reports/turnover?from=2026-11-01") == "/reports/turnover?from=2026-11-01"


@pytest.mark.parametrize(
    ("console", "host", "address"),
    [
        (None, "shop:8000", None),
        ("http://127.0.0.1:8001", "evil.example", "http://127.0.0.1:8001"),
        ("http://0.0.0.0:8001", "shop:8000", "http://shop:8001"),
        ("http://[::]:8001", "[fe80::1]:8000", "http://[fe80::1]:8001"),
        ("http://0.0.0.0:8001", 'x"><script>', "http://0.0.0.0:8001"),
    ],
)
def test_the_apis_root_links_to_the_console(console: str | None, host: str, address: str | None) -> None:
    assert console_address(console, host) == address
