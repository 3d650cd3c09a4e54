"""What a row's own content determines: which fields count, and numbers that no version may change.

The fingerprints and reservation keys are in journals: a retry that arrives after an upgrade must make the same ones.
"""

import numpy as np
import numpy.typing as npt
import pytest

from engine.ids import command_key, finish_rows, partition_of, sku_key, text_key
from engine.kinds import Flag, Kind
from engine.layout import COMMAND, NO_WAREHOUSE, SPANS, TEXTS

SECRET = bytes(range(16))
WORDS = ("id-1", "order-1", "basket", "found", "po-1", "ann", "sale-1", "mug")
FIELDS = COMMAND.names or ()

CONTENT = frozenset(
    {"sku_key", "quantity", "expected", "unit_price", "discount", "reservation", "occurred_at_ms", "due_ms", "content",
     "ttl_s", "tax_rate", "currency", "priority", "line", "kind"}
)  # fmt: skip
MADE = frozenset({"id_hi", "id_lo", "source_key", "reference_key"})
"""written here, whatever was there"""
HOW_IT_TRAVELS = frozenset({"not_after_ms", "issued_at_ms", "group", "client", "partition"})
AS_THE_CHECKSUM = frozenset({"warehouse", "to_warehouse", "channel", "place_kind"})
"""numbers of what `content` has the texts of"""
CONTENT_FLAGS = (
    Flag.PARTIAL | Flag.SETTLED | Flag.IN_TRANSIT | Flag.SET_TO | Flag.HAS_EXPECTED | Flag.HAS_QUANTITY | Flag.ARCHIVED
    | Flag.ALL_WAREHOUSES | Flag.COMMIT | Flag.HAS_PRICE | Flag.REPLACES
)  # fmt: skip

Rows = npt.NDArray[np.void]


def rows_of(
    count: int, kind: Kind = Kind.RECEIVE, words: tuple[str, ...] = WORDS
) -> tuple[Rows, npt.NDArray[np.uint8]]:
    """Alike but for their ids, every field with a value of its own."""
    rows = np.zeros(count, COMMAND)
    heap = b""
    for n in range(count):
        texts = [words[0] + "+" * n, *words[1:]]
        rows[n]["text_at"] = len(heap)
        rows[n]["text_lengths"] = [len(text) for text in texts]
        heap += "".join(texts).encode()
    for number, name in enumerate(FIELDS):
        if name in CONTENT or name in HOW_IT_TRAVELS or name in AS_THE_CHECKSUM:
            rows[name] = 3 + number
    rows["sku_key"] = sku_key("A-1")
    rows["kind"] = kind
    rows["group"] = 0
    return rows, np.frombuffer(heap, np.uint8)


def fingerprint(rows: Rows, heap: npt.NDArray[np.uint8]) -> int:
    """Of the first command."""
    finish_rows(rows, heap, SECRET)
    return int(rows["content"][0])


def test_of_every_field_it_is_said_whether_it_counts() -> None:
    said = [CONTENT, MADE, HOW_IT_TRAVELS, AS_THE_CHECKSUM, {"flags", "text_at", "text_lengths"}]
    assert sorted(name for some in said for name in some) == sorted(FIELDS)


@pytest.mark.parametrize("name", sorted(CONTENT))
def test_what_counts_changes_the_fingerprint(name: str) -> None:
    same, other = rows_of(1), rows_of(1)
    other[0][name] += 1
    assert fingerprint(*other) != fingerprint(*same)


@pytest.mark.parametrize("name", sorted(HOW_IT_TRAVELS | AS_THE_CHECKSUM))
def test_what_does_not_count_leaves_it(name: str) -> None:
    same, other = rows_of(1), rows_of(1)
    other[0][name] += 1
    assert fingerprint(*other) == fingerprint(*same)


@pytest.mark.parametrize("flag", [flag for flag in Flag if flag is not Flag.CONTINUES], ids=lambda flag: flag.name)
def test_flags_that_say_what_is_wanted_count(flag: Flag) -> None:
    same, other = rows_of(1), rows_of(1)
    other[0]["flags"] = flag
    assert (fingerprint(*other) != fingerprint(*same)) is bool(flag & CONTENT_FLAGS)


@pytest.mark.parametrize("place", range(len(TEXTS)), ids=TEXTS)
def test_all_texts_but_the_id_count(place: int) -> None:
    changed = tuple(word[:-1] + "?" if at == place else word for at, word in enumerate(WORDS))
    longer = tuple(word + "?" if at == place else word for at, word in enumerate(WORDS))
    for words in (changed, longer):
        counts = fingerprint(*rows_of(1, words=words)) != fingerprint(*rows_of(1))
        assert counts is (place != TEXTS.index("id"))


def test_where_one_text_ends_and_the_next_begins_counts() -> None:
    words = ("id-1", "order-", "1basket", *WORDS[3:])
    assert "".join(words) == "".join(WORDS)
    assert fingerprint(*rows_of(1, words=words)) != fingerprint(*rows_of(1))


def test_the_reservation_that_is_made_follows_from_the_id_and_does_not_count() -> None:
    same, other = rows_of(1, Kind.RESERVE), rows_of(1, Kind.RESERVE)
    other[0]["reservation"] += 1
    assert fingerprint(*other) == fingerprint(*same)
    assert other[0]["reservation"] == same[0]["reservation"] != 0


def test_a_decision_is_the_same_whichever_way_it_goes() -> None:
    same = fingerprint(*rows_of(1, Kind.DECIDE))
    for name in CONTENT - {"content", "reservation", "kind"}:
        other = rows_of(1, Kind.DECIDE)
        other[0][name] += 1
        assert fingerprint(*other) == same, name
    for name in ("content", "reservation"):
        other = rows_of(1, Kind.DECIDE)
        other[0][name] += 1
        assert fingerprint(*other) != same, name


def test_the_rows_of_a_command_count_in_their_order_and_its_first_row_has_the_sum() -> None:
    """Two commands in one group, of two rows each."""
    found = []
    for quantities in ((1, 2, 3, 4), (2, 1, 3, 4), (1, 2, 4, 3), (1, 2, 3, 5)):
        rows, heap = rows_of(4)
        rows["group"] = 7
        rows["flags"][[1, 3]] = Flag.CONTINUES
        rows["quantity"] = quantities
        finish_rows(rows, heap, SECRET)
        assert rows["content"][[1, 3]].tolist() == [3 + FIELDS.index("content")] * 2
        assert (rows["id_lo"] != 0).tolist() == [True, False, True, False]
        found.append((int(rows["content"][0]), int(rows["content"][2])))
    (first, second), swapped, later, last = found
    assert swapped[0] != first
    assert swapped[1] == second
    assert later == (first, later[1])
    assert len({second, later[1], last[1]}) == 3


def test_a_row_that_continues_nothing_is_a_command() -> None:
    """The first of an array, or of its group, has nothing that it could continue."""
    rows, heap = rows_of(2)
    rows["flags"] = Flag.CONTINUES
    finish_rows(rows, heap, SECRET)
    assert (rows["id_lo"] != 0).all()
    assert rows["content"][0] == rows["content"][1]


def test_ids_are_those_of_the_client_and_texts_have_their_keys() -> None:
    rows, heap = rows_of(2)
    rows["flags"][0] = Flag.IN_TRANSIT
    rows["text_lengths"][1, TEXTS.index("source")] = 0
    finish_rows(rows, heap, SECRET)
    for n, id_ in enumerate(("id-1", "id-1+")):
        assert (rows[n]["id_hi"], rows[n]["id_lo"]) == command_key(3 + FIELDS.index("client"), id_, SECRET)
        assert rows[n]["reference_key"] == text_key("order-1")
    assert rows["source_key"].tolist() == [text_key("po-1"), 0]


def test_a_reference_of_one_letter_has_its_key() -> None:
    rows, heap = rows_of(1, words=("id-1", "o", *WORDS[2:]))
    finish_rows(rows, heap, SECRET)
    assert rows["reference_key"].tolist() == [text_key("o")]


def test_goods_on_the_way_come_from_the_command_that_sent_them() -> None:
    rows, heap = rows_of(2, Kind.TRANSFER, (*WORDS[:4], "", *WORDS[5:]))
    rows["flags"][0] = Flag.IN_TRANSIT
    finish_rows(rows, heap, SECRET)
    assert rows["source_key"].tolist() == [text_key("id-1"), 0]


def test_a_text_of_one_letter_has_a_key_and_one_of_none_has_not() -> None:
    assert text_key("a") not in (0, text_key("b"))
    assert text_key("") == 0


def spread(*groups: tuple[int, str, Kind]) -> Rows:
    """Finished rows of (group, SKU, kind)."""
    rows, heap = rows_of(len(groups))
    for n, (group, sku, kind) in enumerate(groups):
        rows[n]["group"], rows[n]["sku_key"], rows[n]["kind"] = group, sku_key(sku), kind
    rows["partition"] = 0
    finish_rows(rows, heap, SECRET)
    return rows


def test_a_group_is_one_reservation_whose_home_is_that_of_its_first_line() -> None:
    home, other = partition_of(sku_key("A-1")), partition_of(sku_key("B-2"))
    assert home != other
    rows = spread(
        (0, "B-2", Kind.RECEIVE),
        (0, "B-2", Kind.RESERVE),
        (1, "B-2", Kind.SELL), (1, "A-1", Kind.RESERVE), (1, "B-2", Kind.RESERVE), (1, "A-1", Kind.RESERVE),
        (2, "A-1", Kind.RESERVE), (2, "B-2", Kind.SELL), (2, "A-1", Kind.RESERVE),
    )  # fmt: skip
    assert rows["partition"].tolist() == [0, other, 0, *[home | SPANS] * 3, home, 0, home]
    keys = rows["reservation"].tolist()
    assert len(set(keys[3:6])) == len({keys[6], keys[8]}) == 1
    assert len({keys[1], keys[3], keys[6]}) == 3
    first = spread((1, "A-1", Kind.RESERVE), (1, "B-2", Kind.RESERVE))
    assert first["partition"].tolist() == [home | SPANS] * 2


def test_numbers_that_journals_hold() -> None:
    """Made by the first version."""
    rows, heap = rows_of(3, Kind.RESERVE)
    rows["group"][1:] = 5
    rows["flags"][2] = Flag.CONTINUES
    rows["warehouse"] = NO_WAREHOUSE
    finish_rows(rows, heap, SECRET)
    assert [[int(row[name]) for name in ("content", "id_hi", "id_lo", "reservation")] for row in rows] == GOLDEN


GOLDEN = [
    [0x8BD849C0, 0x714C9B55D7D1F2EC, 0xCD45ED3087D98C2A, 0x9C0CD3F07E3FC58A],
    [0x3DAB6543, 0x48B3A1688E414D8E, 0x5936CEF081957054, 0x22BE386D84EEE5B7],
    [0x12, 0, 0, 0x22BE386D84EEE5B7],
]
