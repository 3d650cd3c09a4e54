"""Movements of the feed, and what they are called, as people read them."""

from typing import Any, Final

from api.console.parts import badge, line
from api.console.text import Text
from api.console.visit import Visit

KINDS: Final = {
    "sell": ("Sold", "shopping_cart", "good"),
    "fulfil": ("Fulfilled", "local_shipping", "good"),
    "reserve": ("Reserved", "bookmark_add", "brand"),
    "confirm": ("Confirmed", "task_alt", "brand"),
    "extend": ("Extended", "more_time", ""),
    "release": ("Released", "undo", ""),
    "expire": ("Expired", "timer_off", "warn"),
    "return": ("Returned", "assignment_return", "warn"),
    "receive": ("Received", "move_to_inbox", "brand"),
    "expect": ("Expected", "schedule", ""),
    "adjust": ("Counted", "edit_note", "warn"),
    "transfer": ("Moved", "swap_horiz", ""),
    "configure": ("Set", "tune", ""),
    "alert.raised": ("Alert", "notifications_active", "bad"),
    "alert.cleared": ("Alert over", "notifications_off", "good"),
    "short": ("Below its bound", "report", "bad"),
}


def kind_words(visit: Visit, kind: str) -> str:
    """What a movement is called."""
    return visit.t(KINDS.get(kind, (kind, "", ""))[0])


OUTCOMES: Final = {
    "ok": "obtained",
    "held": "held",
    "named": "the place was named",
    "quarantine": "what is in quarantine is not sold",
    "one_place": "one place had enough",
    "split": "split: no place had enough alone",
    "partial": "only a part was there",
    "insufficient_stock": "not enough in stock",
    "group_failed": "refused together with its order",
    "quarantined": "in quarantine",
    "limit_exceeded": "above a limit",
    "invalid_quantity": "a quantity that cannot be",
    "conflict": "its state did not allow it",
    "reservation_closed": "the reservation was over",
    "reservation_expired": "the reservation had expired",
    "unknown_sku": "no such product",
    "unknown_warehouse": "no such place",
    "unknown_channel": "no such channel",
    "unknown_reservation": "no such reservation",
    "id_reused": "its id had been used for something else",
    "id_too_old": "its id was too old",
    "too_late": "it came too late",
    "unavailable": "the engine was away",
    "overloaded": "the engine was busy",
}
"""How a command ended, and why a line was taken from where it was, as people say it."""


def outcome_words(visit: Visit, outcome: str) -> str:
    """One of them in words."""
    return visit.t(OUTCOMES.get(outcome, outcome.replace("_", " ")))


def event_line(visit: Visit, event: dict[str, Any]) -> None:
    """One movement: what, where, how much, and what is left."""
    t, f = visit.t, visit.f
    kind, sku, place = event["kind"], event["sku"], event["warehouse"]
    name = visit.desk.known(sku) if sku else ""
    _, icon, mood = KINDS.get(kind, (kind, "circle", ""))
    channel = event.get("channel")
    parts = [visit.place(place) if place else "", visit.channel(channel) if channel else "", (name and sku) or ""]
    target = f"/explain/{sku}/{place}" if sku and place else None
    with line(name or sku or "", " · ".join(part for part in parts if part), target, icon):
        if event["quantity"]:
            Text(signed(visit, event["quantity"]), "span", "os-number")
        Text(t("{n} left", n=f.number(event["available"])), "span", "os-muted os-small os-number os-hide-small")
        badge(kind_words(visit, kind), mood)
        Text(f.moment(event["at"], seconds=True), "span", "os-muted os-small os-number")


def signed(visit: Visit, quantity: float) -> str:
    """+3 or −3."""
    return f"+{visit.f.number(quantity)}" if quantity > 0 else visit.f.number(quantity)
