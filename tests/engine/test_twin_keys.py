"""Keys that share all 32 bits of hash: what is looked up ahead finds the wrong one of them, and the key must tell."""

import numpy as np
import pytest

from engine.kinds import Flag, Kind
from engine.outcomes import Outcome
from engine.state import SKUS, USED
from tests.engine.test_operations import APPLE, TTL_S, Voter
from tests.engine.test_table import MIX, key_with

ONE, OTHER = key_with(0xABCD1234, 1), key_with(0xABCD1234, 2)


@pytest.fixture
def voter() -> Voter:
    return Voter()


def test_two_goods_of_one_hash_are_sold_and_held_apart(voter: Voter) -> None:
    voter.send(*({"kind": Kind.DEFINE_SKU, "sku_key": key} for key in (ONE, OTHER)))
    voter.send(
        *(
            {"kind": Kind.RECEIVE, "sku_key": key, "warehouse": 0, "quantity": n * 1000}
            for key, n in ((ONE, 5), (OTHER, 9))
        )
    )
    for key in (ONE, OTHER, OTHER):
        sold = voter.send({"kind": Kind.SELL, "sku_key": key, "warehouse": 0, "quantity": 1_000})
        assert sold.results["outcome"][0] == Outcome.OK
        reserve = {"kind": Kind.RESERVE, "sku_key": key, "ttl_s": TTL_S, "quantity": 1_000, "line": 0}
        held = voter.send(reserve | {"warehouse": 0}, reserve)
        assert list(held.results["outcome"]) == [Outcome.OK] * 2
    counters = [(int(cell["on_hand"]), int(cell["reserved"])) for cell in voter.shard.cells[1:3]]
    assert counters == [(4, 2), (7, 4)]
    archived = {"kind": Kind.DEFINE_SKU, "sku_key": key_with(0xABCD1234, 3)}
    voter.send(archived, archived | {"flags": Flag.ARCHIVED})
    for kind in (Kind.SELL, Kind.RESERVE):
        row = {"kind": kind, "sku_key": archived["sku_key"], "warehouse": 0, "quantity": 1_000, "ttl_s": 5, "line": 0}
        assert voter.send(row).results["outcome"][0] == Outcome.UNKNOWN_SKU


def test_goods_that_are_defined_in_a_batch_are_known_to_the_rows_behind(voter: Voter) -> None:
    row = {"sku_key": ONE, "warehouse": 0, "quantity": 1_000, "ttl_s": 5, "line": 0}
    kinds = (Kind.DEFINE_SKU, Kind.RECEIVE, Kind.RECEIVE, Kind.SELL, Kind.RESERVE)
    sent = voter.send(*(row | {"kind": kind, "quantity": 0 if kind == Kind.DEFINE_SKU else 1_000} for kind in kinds))
    assert list(sent.results["outcome"]) == [Outcome.OK] * len(kinds)


def test_two_cells_of_one_hash_are_sold_and_held_apart(voter: Voter) -> None:
    first, other = cells_of_one_hash()
    keys = []
    voter.send(
        *({"kind": Kind.DEFINE_WAREHOUSE, "place_kind": 1, "warehouse": cell & 0xFFFF} for cell in (first, other))
    )
    for n, cell in enumerate((first, other)):
        # As if so many goods had been defined before.
        for shard in (voter.shard, voter.fold):
            shard._state.tables[SKUS, USED] = cell >> 16
        keys.append(key_with(100 + n))
        voter.send({"kind": Kind.DEFINE_SKU, "sku_key": keys[-1]})
    rows = [{"sku_key": key, "warehouse": cell & 0xFFFF} for key, cell in zip(keys, (first, other), strict=True)]
    voter.send(*(row | {"kind": Kind.RECEIVE, "quantity": n * 1000} for row, n in zip(rows, (5, 9), strict=True)))
    for row in rows:
        more = {"quantity": 1_000, "ttl_s": TTL_S, "line": 0}
        sent = voter.send(*(row | more | {"kind": kind} for kind in (Kind.SELL, Kind.RESERVE)))
        assert list(sent.results["outcome"]) == [Outcome.OK] * 2
    counters = [(int(cell["on_hand"]), int(cell["reserved"])) for cell in voter.shard.cells[1:3]]
    assert counters == [(4, 1), (8, 1)]


def test_two_reservations_of_one_hash_are_settled_apart(voter: Voter) -> None:
    row = {"kind": Kind.RESERVE, "sku_key": APPLE, "ttl_s": TTL_S, "warehouse": 0, "line": 0}
    keys = [key_with(77, n) & (1 << 64) - 1 for n in (1, 2)]
    for n, key in enumerate(keys, 1):
        held = voter.send(row | {"reservation": key, "quantity": n * 1000})
        assert held.results["outcome"][0] == Outcome.OK
    assert voter.counters == (10, 3)
    assert voter.send(row | {"reservation": keys[1], "quantity": 1000}).results["outcome"][0] == Outcome.CONFLICT
    voter.send({"kind": Kind.CONFIRM, "reservation": keys[0]})
    voter.send({"kind": Kind.RELEASE, "reservation": keys[1]})
    assert voter.counters == (10, 1)
    voter.send({"kind": Kind.FULFIL, "reservation": keys[0]})
    assert voter.counters == (9, 0)


def cells_of_one_hash() -> tuple[int, int]:
    """Two cells' keys, of different goods and places, whose hashes are equal; the one with fewer goods first."""
    keys = (np.arange(2, 60_000, dtype=np.uint64)[:, None] << np.uint64(16) | np.arange(1, 8, dtype=np.uint64)).ravel()
    mixed = keys
    for factor in MIX:
        mixed = (mixed ^ (mixed >> np.uint64(33))) * np.uint64(factor)
    order = np.argsort(mixed >> np.uint64(32), kind="stable")
    hashes = (mixed >> np.uint64(32))[order]
    for at in np.flatnonzero(hashes[1:] == hashes[:-1]).tolist():
        one, other = sorted((int(keys[order[at]]), int(keys[order[at + 1]])))
        if one & 0xFFFF != other & 0xFFFF and one >> 16 < other >> 16:
            return one, other
    raise LookupError
