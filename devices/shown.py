"""What a customer's display is to show: one of five states, as a till says it. Amounts are texts, made by the till.

Light: for who only passes it on.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

COLUMNS = 20
"""of a line; both protocols' displays have two such lines"""

Name = Annotated[str, Meta(max_length=200)]
Amount = Annotated[str, Meta(max_length=COLUMNS)]


class _State(msgspec.Struct, frozen=True, tag_field="state", forbid_unknown_fields=True):
    """What all states have in common."""


class Idle(_State, frozen=True, tag="idle"):
    """Nobody pays."""


class LineAndSubtotal(_State, frozen=True, tag="line"):
    """What was just scanned, and what it comes to so far."""

    name: Name
    amount: Amount
    subtotal: Amount


class Total(_State, frozen=True, tag="total"):
    """What is to be paid."""

    amount: Amount


class TenderedAndChange(_State, frozen=True, tag="change"):
    """What was given and what comes back."""

    tendered: Amount
    change: Amount


class Thanks(_State, frozen=True, tag="thanks"):
    """Goodbye."""


Shown = Idle | LineAndSubtotal | Total | TenderedAndChange | Thanks
