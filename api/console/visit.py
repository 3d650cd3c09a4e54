"""What a page is made with: the desk that all pages share, and one visit of one user."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import Request

from api.console.accounts import Account, Accounts, Role
from api.console.client import Api, Params
from api.console.figures import Figures, zone_of
from api.console.gate import ACCOUNT
from api.console.live import DeviceNews, Live
from api.console.login import LOOK_COOKIE, LOOKS
from api.console.sessions import COOKIE, Sessions
from api.console.words import Words, words_of

NAMES_FOR_S: Final = 30.0
"""How old the names of places and channels may be on a page."""
PAGES_MAX: Final = 20
"""pages of 1,000 places or channels that are read"""
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

    async def warehouses(self) -> dict[str, dict[str, Any]]:
        """All places by code, the most preferred first."""
        found = await self._all("/v1/warehouses")
        places = sorted(found, key=lambda each: (each["priority"], each["code"]))
        self.zone = places[0].get("time_zone") if places else None
        return {each["code"]: each for each in places}

    async def channels(self) -> dict[str, dict[str, Any]]:
        """All channels by code."""
        return {each["code"]: each for each in await self._all("/v1/channels")}

    async def _all(self, path: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        for _ in range(PAGES_MAX):
            page = await self.api.shared(path, {"limit": 1000, "cursor": cursor}, for_s=NAMES_FOR_S)
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        return items

    async def report(self, name: str, given: Params, for_s: float = 10.0) -> list[dict[str, Any]]:
        """The rows of a small report, by column."""
        found = await self.api.shared(f"/v1/reports/{name}", given, for_s=for_s)
        return [dict(zip(found["columns"], row, strict=True)) for row in found["rows"]]

    async def names(self, skus: list[str]) -> dict[str, str]:
        """What a few products are called; the SKU itself where nobody knows."""
        asked = [self.api.shared(f"/v1/products/{sku}", for_s=300.0) for sku in skus]
        found = await asyncio.gather(*asked, return_exceptions=True)
        return {sku: each["name"] if isinstance(each, dict) else sku for sku, each in zip(skus, found, strict=True)}


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
        """Whether the user may change thresholds, answer alerts, and say what became of a receipt."""
        return self.account.role in (Role.PLANNER, Role.ADMIN)

    @property
    def may_admin(self) -> bool:
        """Whether the user may keep users and keys."""
        return self.account.role is Role.ADMIN

    @property
    def still_signed_in(self) -> bool:
        """Whether the session has not ended meanwhile."""
        return self.desk.sessions.find(self.token) is not None

    def use_zone(self, name: str | None) -> tzinfo:
        """Write moments by this clock."""
        zone = zone_of(name)
        self.f = Figures(self.t.language, zone)
        return zone

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
    place = place or {}
    hour, _, minute = str(place.get("day_start") or _DAY_START).partition(":")
    here = (now or datetime.now(UTC)).astimezone(zone_of(place.get("time_zone")))
    return (here - timedelta(hours=int(hour), minutes=int(minute))).date()
