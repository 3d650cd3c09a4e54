"""Signing in and out: one plain HTML form, which needs no script and no socket, and the choice of language and look."""

import asyncio
import math
import secrets
import time
from collections.abc import Collection
from html import escape
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.console.accounts import Accounts
from api.console.attempts import Attempts
from api.console.gate import next_page
from api.console.sessions import COOKIE, FORM_COOKIE, SESSION_S, Sessions
from api.console.words import LANGUAGE_COOKIE, LANGUAGES, Words, words_of

LOOK_COOKIE: Final = "omnistock_look"
LOOKS: Final = ("auto", "light", "dark")
BODY_BYTES_MAX: Final = 8_192
GUESSES_AT_ONCE: Final = 2
"""argon2 takes 64 MB each"""
_YEAR_S: Final = 365 * 24 * 3600

_PAGE: Final = """<!doctype html>
<html lang="{language}" class="{look}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title} · omnistock</title>
<link rel="icon" href="/look/icon.svg"><link rel="stylesheet" href="/look/console.css"></head>
<body class="os-login {body}"><main class="os-login-card">
<img src="/look/icon.svg" alt="" width="44" height="44"><h1>omnistock</h1><p class="os-muted">{welcome}</p>{notice}
<form method="post" action="/login"><input type="hidden" name="token" value="{token}">
<input type="hidden" name="next" value="{next}">
<label for="name">{name}</label>
<input id="name" name="name" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus
 value="{given}">
<label for="password">{password}</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button type="submit">{title}</button></form><nav class="os-login-languages">{languages}</nav></main></body></html>"""


class Door:
    """The routes, with what they need."""

    def __init__(self, accounts: Accounts, sessions: Sessions) -> None:
        self._accounts, self._sessions = accounts, sessions
        self._attempts = Attempts()
        self._guessing = asyncio.Semaphore(GUESSES_AT_ONCE)
        self.router = APIRouter()
        self.router.add_api_route("/login", self.show, methods=["GET"], include_in_schema=False)
        self.router.add_api_route("/login", self.sign_in, methods=["POST"], include_in_schema=False)
        self.router.add_api_route("/logout", self.sign_out, methods=["POST"], include_in_schema=False)
        self.router.add_api_route("/prefer", self.prefer, methods=["GET"], include_in_schema=False)

    async def show(self, request: Request) -> Response:
        """The form."""
        if language := request.query_params.get("language"):
            target = f"/login?next={quote(next_page(request.query_params.get('next', '/')), safe='')}"
            return _with_preference(RedirectResponse(target, 303), LANGUAGE_COOKIE, language, LANGUAGES, request)
        if self._sessions.find(request.cookies.get(COOKIE)) is not None:
            return RedirectResponse(next_page(request.query_params.get("next", "/")), 303)
        return self._form(request, next_page(request.query_params.get("next", "/")))

    async def sign_in(self, request: Request) -> Response:
        """A session for whoever knows the password; every refusal looks the same and takes as long."""
        t = words_of(request)
        body = await _body(request)
        if body is None:
            return Response("too large", 413)
        form = await request.form(max_fields=10)
        name, password = str(form.get("name", "")).strip().lower()[:64], str(form.get("password", ""))
        target = next_page(str(form.get("next", "/")))
        if not self._sessions.is_form_token(request.cookies.get(FORM_COOKIE), str(form.get("token", ""))):
            return self._form(request, target, t("This page was open for too long. Try again."), name, 400)
        address = request.client.host if request.client is not None else ""
        wait_s = self._attempts.wait_s(name, address, time.monotonic())
        if wait_s > 0:
            notice = t("Too many attempts. Try again in {n} s.", n=math.ceil(wait_s))
            refused = self._form(request, target, notice, name, 429)
            refused.headers["retry-after"] = str(math.ceil(wait_s))
            return refused
        self._attempts.guessed(name, address, time.monotonic())
        async with self._guessing:
            account = await asyncio.to_thread(self._accounts.signed_in, name, password)
        if account is None:
            return self._form(request, target, t("Wrong name or password."), name, 401)
        self._attempts.right(name, address)
        signed_in = RedirectResponse(target, 303)
        token = self._sessions.open(account)
        signed_in.set_cookie(
            COOKIE, token, max_age=SESSION_S, httponly=True, samesite="lax", secure=request.url.scheme == "https"
        )
        return signed_in

    async def sign_out(self, request: Request) -> Response:
        """End the session, here and on the server."""
        self._sessions.close(request.cookies.get(COOKIE))
        signed_out = RedirectResponse("/login", 303)
        signed_out.delete_cookie(COOKIE)
        return signed_out

    async def prefer(self, request: Request) -> Response:
        """Remember a language or a look, and go back to the page."""
        query = request.query_params
        back: Response = RedirectResponse(next_page(query.get("next", "/")), 303)
        for cookie, asked, known in (
            (LANGUAGE_COOKIE, query.get("language"), tuple(LANGUAGES)),
            (LOOK_COOKIE, query.get("look"), LOOKS),
        ):
            if asked:
                back = _with_preference(back, cookie, asked, known, request)
        return back

    def _form(
        self, request: Request, target: str, notice: str = "", given: str = "", status: int = 200
    ) -> HTMLResponse:
        t = words_of(request)
        nonce = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(16)
        if not notice and not self._accounts.all():
            notice = t("There are no users yet. On the server: omnistock users add NAME --role admin --data DIR")
        look = request.cookies.get(LOOK_COOKIE, "auto")
        page = HTMLResponse(
            _PAGE.format(
                language=t.language,
                look=escape(look if look in LOOKS else "auto"),
                body="body--dark" if look == "dark" else "",
                title=escape(t("Sign in")),
                welcome=escape(t("One pool of stock for every channel")),
                notice=f'<p class="os-login-notice" role="alert">{escape(notice)}</p>' if notice else "",
                token=self._sessions.form_token(nonce),
                next=escape(target),
                name=escape(t("Name")),
                password=escape(t("Password")),
                given=escape(given),
                languages=_languages(t, target),
            ),
            status,
            headers={"cache-control": "no-store"},
        )
        page.set_cookie(FORM_COOKIE, nonce, httponly=True, samesite="strict", secure=request.url.scheme == "https")
        return page


def _languages(t: Words, target: str) -> str:
    links = []
    for code, name in LANGUAGES.items():
        current = ' aria-current="true"' if code == t.language else ""
        links.append(f'<a href="/login?language={code}&amp;next={quote(target, safe="")}"{current}>{name}</a>')
    return " ".join(links)


def _with_preference(back: Response, cookie: str, value: str, known: Collection[str], request: Request) -> Response:
    if value in known:
        back.set_cookie(cookie, value, max_age=_YEAR_S, samesite="lax", secure=request.url.scheme == "https")
    return back


async def _body(request: Request) -> bytes | None:
    """The whole body, kept for the form; None when it is larger than any form of ours."""
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > BODY_BYTES_MAX:
            return None
        pieces.append(piece)
    # Starlette reads the body again from here.
    request._body = b"".join(pieces)
    return request._body
