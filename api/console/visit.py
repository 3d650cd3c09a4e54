"""What a page is made with: the desk that all pages share, and one visit of one user."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Final
from urllib.parse import quote, urlencode

from fastapi import Request

from api.console import charts
from api.console.accounts import Account, Accounts, Role, client_of
from api.console.client import Api, ApiProblem, Params, all_pages
from api.console.figures import Figures, zone_of
from api.console.gate import ACCOUNT
from api.console.live import DeviceNews, Live
from api.console.login import LOOK_COOKIE, LOOKS
from api.console.sessions import COOKIE, Sessions
from api.console.words import Words, words_of

NAMES_FOR_S: Final = 30.0
"""How old the names of places and channels may be on a page."""
PRODUCTS_MAX: Final = 5_000
"""whose names are kept"""
_DAY_START: Final = "04:00"


@dataclass(slots=True)
class Desk:
    """Shared by all pages of the process."""

    api: Api
    live: Live
    accounts: Accounts
    sessions: Sessions
    device_news: DeviceNews
    """goes on whenever something happens to a device or a job"""
    zone: str | None = None
    """of the most preferred place, as far as it is known: pages about no one place tell the time by its clock"""
    called: dict[str, dict[str, str]] = field(default_factory=lambda: {"place": {}, "channel": {}})
    """what places and channels are called, by code, as far as it is known"""
    _products: OrderedDict[str, str] = field(default_factory=OrderedDict)

    async def warehouses(self) -> dict[str, dict[str, Any]]:
        """All places by code, the most preferred first."""
        found = await self._all("/v1/warehouses")
        places = sorted(found, key=lambda each: (each["priority"], each["code"]))
        self.zone = places[0].get("time_zone") if places else None
        self.called["place"] = {each["code"]: each["name"] for each in places}
        return {each["code"]: each for each in places}

    async def channels(self) -> dict[str, dict[str, Any]]:
        """All channels by code."""
        found = await self._all("/v1/channels")
        self.called["channel"] = {each["code"]: each["name"] for each in found}
        return {each["code"]: each for each in found}

    async def learn(self) -> None:
        """Know again what places and channels are called; pages do without when nobody answers."""
        with contextlib.suppress(ApiProblem):
            await asyncio.gather(self.warehouses(), self.channels())

    async def _all(self, path: str) -> list[dict[str, Any]]:
        return await all_pages(lambda page: self.api.shared(path, page, for_s=NAMES_FOR_S))

    async def report(self, name: str, given: Params, for_s: float = 10.0) -> list[dict[str, Any]]:
        """The rows of a small report, by column."""
        found = await self.api.shared(f"/v1/reports/{name}", given, for_s=for_s)
        return [dict(zip(found["columns"], row, strict=True)) for row in found["rows"]]

    async def names(self, skus: list[str]) -> dict[str, str]:
        """What a few products are called; the SKU itself where nobody knows."""
        unknown = [sku for sku in dict.fromkeys(skus) if sku not in self._products]
        asked = [self.api.shared(f"/v1/products/{quote(sku, safe='')}", for_s=300.0) for sku in unknown]
        for sku, each in zip(unknown, await asyncio.gather(*asked, return_exceptions=True), strict=True):
            if isinstance(each, dict):
                self._products[sku] = each["name"]
            elif isinstance(each, ApiProblem) and each.status == 404:
                self._products[sku] = ""  # nor will anybody ask again
        found = {sku: self._products.get(sku) or sku for sku in skus}
        while len(self._products) > PRODUCTS_MAX:
            self._products.popitem(last=False)
        return found

    def known(self, sku: str) -> str:
        """What a product is called, as far as some page has asked."""
        return self._products.get(sku, "")

    def unknown(self, skus: Iterable[str | None]) -> list[str]:
        """Those of these products that nobody has asked about."""
        return [sku for sku in dict.fromkeys(skus) if sku and sku not in self._products]


@dataclass(slots=True)
class Visit:
    """One page, shown to one user."""

    desk: Desk
    account: Account
    t: Words
    look: str
    path: str
    query: dict[str, str]
    token: str | None
    f: Figures = field(init=False)

    def __post_init__(self) -> None:
        self.use_zone(self.desk.zone)

    @property
    def may_plan(self) -> bool:
        """Whether the user may change thresholds, answer alerts, close days, and say what became of a receipt."""
        return self.account.role in (Role.PLANNER, Role.ADMIN)

    @property
    def may_admin(self) -> bool:
        """Whether the user may keep users and keys."""
        return self.account.role is Role.ADMIN

    @property
    def still_signed_in(self) -> bool:
        """Whether the session has not ended meanwhile."""
        return self.desk.sessions.find(self.token) is not None

    @property
    def client(self) -> str:
        """In whose name changes are made."""
        return client_of(self.account.name)

    @property
    def still_admin(self) -> bool:
        """Whether the user may keep users still, however long the page has been open."""
        account = self.desk.sessions.find(self.token)
        return account is not None and account.role is Role.ADMIN

    def use_zone(self, name: str | None) -> tzinfo:
        """Write moments by this clock."""
        zone = zone_of(name)
        self.f = Figures(self.t.language, zone)
        return zone

    def place(self, code: str | None) -> str:
        """What a place is called; its code where nobody knows."""
        return self.desk.called["place"].get(code or "", code or "–")

    def channel(self, code: str | None) -> str:
        """What a channel is called."""
        return self.desk.called["channel"].get(code or "", code or "–")

    def channel_colours(self, codes: Iterable[str]) -> dict[str, str]:
        """The colour of each channel, by what it is called; the same on every page, whichever of them it shows."""
        every = charts.colours({*codes, *self.desk.called["channel"]})
        return {self.channel(code): colour for code, colour in every.items()}

    def to_utc(self, clock: str | None) -> str | None:
        """What a field for a moment holds, by the clock of the page, as the API is asked."""
        if not clock:
            return None
        at = datetime.fromisoformat(clock).replace(tzinfo=self.f.zone).astimezone(UTC)
        return f"{at:%Y-%m-%dT%H:%M:%SZ}"

    def to_clock(self, moment: str | None) -> str:
        """The same the other way round; nothing for what is no moment."""
        try:
            return f"{datetime.fromisoformat(moment or '').astimezone(self.f.zone):%Y-%m-%dT%H:%M}"
        except ValueError:
            return ""

    def link(self, path: str, **given: str | int | None) -> str:
        """An address with what it is asked."""
        return address(path, given)

    def here(self, **given: str | int | None) -> str:
        """This page, asked something else beside what it was."""
        return address(self.path, {**self.query, **given})


def visit_of(request: Request, desk: Desk) -> Visit:
    """Whose visit a request is; the gate let it in."""
    look = request.cookies.get(LOOK_COOKIE, "auto")
    return Visit(
        desk=desk,
        account=request.scope[ACCOUNT],
        t=words_of(request),
        look=look if look in LOOKS else "auto",
        path=request.url.path,
        query=dict(request.query_params),
        token=request.cookies.get(COOKIE),
    )


def address(path: str, given: Params) -> str:
    """A path with its query, without what is empty."""
    query = urlencode({name: value for name, value in given.items() if value not in (None, "")})
    return f"{path}?{query}" if query else path


def business_day(place: dict[str, Any] | None, now: datetime | None = None) -> date:
    """Today, as the reports count it, by the clock of this place."""
    here = (now or datetime.now(UTC)).astimezone(zone_of((place or {}).get("time_zone")))
    return (here - day_start(place)).date()


def day_start(place: dict[str, Any] | None) -> timedelta:
    """How long after midnight its business day begins."""
    hour, _, minute = str((place or {}).get("day_start") or _DAY_START).partition(":")
    return timedelta(hours=int(hour), minutes=int(minute))
