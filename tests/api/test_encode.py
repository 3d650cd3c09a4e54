"""Commands to rows: one list that uses every field, as structs, as their columns and as Arrow, makes the same rows."""

import asyncio
import json
import random
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest

from api import decode
from api import schemas as s
from api.arrow_columns import ALWAYS, FIELDS, ArrowColumns
from api.command_columns import CommandRows
from api.encode import Encoder
from api.encoding import Encoded, encoded_columns, encoded_structs
from api.schemas import COMMANDS, KIND_OF
from api.status import Problem
from api.struct_columns import StructColumns
from engine.ids import reservation_text, sku_key
from engine.kinds import Flag, Kind, Setting
from engine.layout import COMMAND, NO_LINE, NO_WAREHOUSE, TEXTS, UNKNOWN_NUMBER
from tests.api.fakes import Names, principal

ARRIVED_MS = 1_760_000_000_000
RESERVATION = reservation_text(17, 0xFEDCBA9876543210)
UUID7 = "019363f6-0b3e-7abc-8abc-0123456789ab"
UUID7_MS = 0x019363F60B3E

EUR_12_90 = {"amount": 1290, "currency": "EUR"}
EVERYTHING: list[dict[str, Any]] = [
    {"id": "a1", "kind": "receive", "sku": "TEE-M", "warehouse": "berlin", "quantity": 5},
    {
        "id": UUID7,
        "kind": "receive",
        "sku": "TEE-M",
        "warehouse": "berlin",
        "quantity": 5,
        "unit_cost": EUR_12_90,
        "source": "PO 17/3",
        "reason": "Lieferung für März",
        "reference": "LS-9",
        "not_after": "2026-01-01T00:00:30.5Z",
        "issued_at": "2025-12-31T23:59:59.123+00:00",
        "occurred_at": "1999-02-03T04:05:06Z",
    },
    {
        "id": "a3",
        "kind": "expect",
        "sku": "CHEESE",
        "warehouse": "hamburg",
        "delta": -1.25,
        "source": "PO",
        "due": "2026-03-01T00:00:00Z",
    },
    {"id": "a4", "kind": "adjust", "sku": "CHEESE", "warehouse": "nowhere", "delta": -0.5, "reason": "mice"},
    {
        "id": "a5",
        "kind": "adjust",
        "sku": "CHEESE",
        "warehouse": "berlin",
        "set_to": 4.001,
        "expected_on_hand": 4,
        "reason": "count",
    },
    {"id": "b1", "kind": "sell", "sku": "TEE-M", "warehouse": "berlin", "quantity": 1, "channel": "shop"},
    {
        "id": "b2",
        "kind": "sell",
        "sku": "TEE-M",
        "warehouse": "berlin",
        "quantity": 1,
        "channel": "shop",
        "unit_price": EUR_12_90,
        "discount": {"amount": 90, "currency": "EUR"},
        "tax_rate": 0.19,
        "group": "basket 1",
    },
    {
        "id": "b3",
        "kind": "sell",
        "sku": "TEE-L",
        "warehouse": "berlin",
        "quantity": 2,
        "channel": "shop",
        "group": "basket 1",
        "settled": True,
    },
    {
        "id": "b4",
        "kind": "sell",
        "sku": "TEE-L",
        "warehouse": "berlin",
        "quantity": 2,
        "channel": "shop",
        "group": "basket 2",
    },
    {
        "id": "c1",
        "kind": "return",
        "sku": "TEE-M",
        "warehouse": "berlin",
        "quantity": 1,
        "channel": "market",
        "unit_price": EUR_12_90,
        "tax_rate": 0.07,
        "original": "order 9",
        "reason": "too small",
        "condition": "worn",
    },
    {"id": "d1", "kind": "reserve", "sku": "TEE-M", "quantity": 1, "channel": "shop", "ttl_s": 600},
    {
        "id": "d2",
        "kind": "reserve",
        "sku": "TEE-M",
        "quantity": 10**13,
        "channel": "shop",
        "ttl_s": 60,
        "warehouse": "hamburg",
        "partial": True,
        "reservation": "basket 2",
        "unit_price": EUR_12_90,
        "discount": {"amount": -5, "currency": "EUR"},
        "tax_rate": 0.2,
        "customer": "Ωmega",
    },
    {
        "id": "d3",
        "kind": "reserve",
        "sku": "TEE-L",
        "quantity": 2,
        "channel": "shop",
        "ttl_s": 60,
        "reservation": "basket 2",
    },
    {
        "id": "d4",
        "kind": "reserve",
        "sku": "TEE-L",
        "quantity": 2,
        "channel": "market",
        "ttl_s": 61,
        "reservation": "basket 3",
    },
    {"id": "e1", "kind": "confirm", "reservation": RESERVATION},
    {"id": "e2", "kind": "extend", "reservation": RESERVATION, "ttl_s": 90},
    {"id": "e3", "kind": "release", "reservation": RESERVATION, "reason": "changed my mind"},
    {"id": "e4", "kind": "fulfil", "reservation": RESERVATION, "line": 2, "warehouse": "berlin", "quantity": 1.5},
    {"id": "e6", "kind": "release", "reservation": RESERVATION, "line": 0, "warehouse": "lost", "quantity": 2},
    {"id": "e5", "kind": "confirm", "reservation": "r-that-nobody-made"},
    {"id": "f1", "kind": "transfer", "sku": "TEE-M", "warehouse": "berlin", "to_warehouse": "hamburg", "quantity": 3},
    {
        "id": "f2",
        "kind": "transfer",
        "sku": "TEE-M",
        "warehouse": "berlin",
        "to_warehouse": "lost",
        "quantity": 3,
        "in_transit": True,
        "reason": "truck",
    },
    {
        "id": "f3",
        "kind": "expect",
        "sku": "CHEESE",
        "warehouse": "hamburg",
        "delta": 1,
        "source": "PO",
        **dict.fromkeys(("not_after", "issued_at", "occurred_at", "due"), "1970-01-01T00:00:00Z"),
    },
    {"id": "g1", "kind": "configure", "sku": "TEE-M", "warehouse": "berlin", "floor": 3},
    {
        "id": "g2",
        "kind": "configure",
        "sku": "TEE-M",
        "warehouse": "berlin",
        "safety_stock": 1,
        "reorder_point": 10,
        "order_up_to": 20.5,
    },
]

ARROW_TYPES = {
    **dict.fromkeys(("quantity", "delta", "set_to", "expected_on_hand", "safety_stock"), pa.decimal128(38, 3)),
    **dict.fromkeys(("floor", "reorder_point", "order_up_to", "tax_rate"), pa.decimal128(20, 6)),
    **dict.fromkeys(("unit_price", "unit_cost", "discount"), pa.int64()),
    **dict.fromkeys(("ttl_s", "line"), pa.int32()),
    **dict.fromkeys(("partial", "settled", "in_transit"), pa.bool_()),
    **dict.fromkeys(("not_after", "issued_at", "occurred_at", "due"), pa.timestamp("ms", "UTC")),
    **dict.fromkeys(("kind", "warehouse", "channel"), pa.dictionary(pa.int16(), pa.string())),
}


def arrow_table(commands: list[dict[str, Any]]) -> pa.Table:
    """The commands as the columns that the Arrow form has: money in two columns, times as timestamps."""
    flat = []
    for command in commands:
        row = dict(command)
        for name in ("unit_price", "unit_cost", "discount"):
            if name in row:
                row["currency"] = row[name]["currency"]
                row[name] = row[name]["amount"]
        for name in ("not_after", "issued_at", "occurred_at", "due"):
            if name in row:
                row[name] = datetime.fromisoformat(row[name])
        flat.append(row)
    names = sorted({name for row in flat for name in row})
    columns = {}
    for name in names:
        kind = ARROW_TYPES.get(name, pa.string())
        values = [row.get(name) for row in flat]
        if pa.types.is_decimal(kind):
            values = [None if value is None else Decimal(str(value)) for value in values]
        if pa.types.is_dictionary(kind):
            columns[name] = pa.array(values, pa.string()).dictionary_encode().cast(kind)
        else:
            columns[name] = pa.array(values, kind)
    return pa.table(columns)


def encoded(commands: list[dict[str, Any]], who: Any = None) -> tuple[Any, bytes]:
    """(rows, heap) by way of JSON."""
    encoder = Encoder(Names(), who or principal("admin"), ARRIVED_MS)
    count = 0
    for piece in decode.commands(orjson.dumps(commands)):
        encoder.commands(piece, count)
        count += len(piece)
    rows, heap = encoder.arrays()
    return rows, heap.tobytes()


def structs(commands: list[dict[str, Any]]) -> list[s.AnyCommand]:
    """As the body of an array is decoded."""
    return [command for piece in decode.commands(json.dumps(commands).encode()) for command in piece]


def by_columns(commands: list[dict[str, Any]], piece: int = 10**9, who: Any = None) -> tuple[Any, bytes]:
    """(rows, heap) by way of JSON and columns, a few rows at a time."""
    rows = CommandRows(Names(), who or principal("admin"), ARRIVED_MS)
    given = structs(commands)
    for at in range(0, len(given), piece):
        rows.add(StructColumns(given[at : at + piece]))
    made, heap = rows.finished()
    return made, heap.tobytes()


def by_arrow(commands: list[dict[str, Any]], who: Any = None) -> Encoded:
    """By way of an Arrow table."""
    return encoded_columns(ArrowColumns(arrow_table(commands)), Names(), who or principal("admin"), ARRIVED_MS)


def texts_of(row: Any, heap: bytes) -> dict[str, str]:
    """The texts of a row by name."""
    at = int(row["text_at"])
    texts = {}
    for name, length in zip(TEXTS, row["text_lengths"].tolist(), strict=True):
        texts[name] = heap[at : at + length].decode()
        at += length
    return texts


def test_every_field_of_every_command_is_in_the_list() -> None:
    """So that the comparison below leaves nothing out."""
    used: dict[str, set[str]] = {}
    for fields in EVERYTHING:
        used.setdefault(fields["kind"], set()).update(fields)
    for command in COMMANDS:
        own = set(command.__struct_fields__) - {"id", "not_after", "issued_at", "occurred_at", "reference"}
        assert own <= used[KIND_OF[command].text], command


@pytest.mark.parametrize("piece", [1, 2, 7, 1000])
def test_columns_of_structs_make_the_same_rows(piece: int) -> None:
    rows, heap = encoded(EVERYTHING)
    same, texts = by_columns(EVERYTHING, piece)
    for name in COMMAND.names or ():
        assert rows[name].tolist() == same[name].tolist(), name
    assert heap == texts


def test_json_and_arrow_make_the_same_rows() -> None:
    rows, heap = encoded(EVERYTHING)
    arrow = by_arrow(EVERYTHING)
    for name in COMMAND.names or ():
        assert rows[name].tolist() == arrow.rows[name].tolist(), name
    assert heap == arrow.heap.tobytes()


def test_plain_texts_of_skus_make_the_rows_that_dictionaries_make() -> None:
    table = arrow_table(EVERYTHING)
    at = table.column_names.index("sku")
    table = table.set_column(at, "sku", table["sku"].dictionary_encode())
    rows, _, *_ = encoded_columns(ArrowColumns(table.combine_chunks()), Names(), principal("admin"), ARRIVED_MS)
    assert rows.tobytes() == by_arrow(EVERYTHING).rows.tobytes()


def test_the_fields_of_an_arrow_row_are_those_of_its_struct() -> None:
    needs, may = FIELDS[Kind.RESERVE]
    assert needs == {"sku", "quantity", "channel", "ttl_s"}
    assert {"currency", "unit_price", "partial", "reservation"} < may
    assert {"id", "not_after", "issued_at", "occurred_at", "reference"} == ALWAYS
    assert FIELDS[Kind.CONFIRM] == (frozenset({"reservation"}), frozenset())


def test_a_sale_fills_its_row() -> None:
    rows, heap = encoded(EVERYTHING)
    row = rows[6]
    assert row["kind"] == Kind.SELL
    assert row["sku_key"] == sku_key("TEE-M")
    assert row["quantity"] == 1000
    assert row["unit_price"] == 1290
    assert row["discount"] == 90
    assert row["tax_rate"] == 190_000
    assert int(row["currency"]).to_bytes(4, "little") == b"EUR\0"
    assert row["client"] == 7
    assert row["warehouse"] == 0
    assert row["channel"] == 0
    assert row["to_warehouse"] == NO_WAREHOUSE
    assert row["line"] == NO_LINE
    assert row["flags"] == Flag.HAS_PRICE | Flag.ADMIN
    assert row["not_after_ms"] == ARRIVED_MS + 30_000
    assert row["issued_at_ms"] == 0
    assert texts_of(row, heap) == {**dict.fromkeys(TEXTS, ""), "id": "b2", "label": "basket 1"}


def test_a_receipt_carries_its_texts_and_times() -> None:
    rows, heap = encoded(EVERYTHING)
    row = rows[1]
    assert texts_of(row, heap) == {
        **dict.fromkeys(TEXTS, ""),
        "id": UUID7,
        "reference": "LS-9",
        "reason": "Lieferung für März",
        "source": "PO 17/3",
    }
    assert row["not_after_ms"] == 1_767_225_630_500
    assert row["occurred_at_ms"] == 918_014_706_000
    assert row["issued_at_ms"] == UUID7_MS  # earlier than its issued_at


def test_groups_are_adjacent_rows_with_one_label() -> None:
    rows, _ = encoded(EVERYTHING)
    by_id = dict(zip((command["id"] for command in EVERYTHING), rows["group"].tolist(), strict=True))
    assert by_id["b2"] == by_id["b3"] != 0
    assert by_id["b4"] not in (0, by_id["b3"])
    assert by_id["d2"] == by_id["d3"] not in (0, by_id["b4"], by_id["d4"])
    assert by_id["b1"] == by_id["d1"] == by_id["e1"] == 0
    lines = dict(zip((command["id"] for command in EVERYTHING), rows["line"].tolist(), strict=True))
    assert [lines[name] for name in ("d1", "d2", "d3", "d4")] == [0, 0, 1, 0]


def test_unknown_places_are_left_to_the_shard_but_change_the_fingerprint() -> None:
    here, there = (dict(EVERYTHING[0], warehouse=code) for code in ("nowhere", "nirgends"))
    rows, _ = encoded([here, there])
    assert rows["warehouse"].tolist() == [UNKNOWN_NUMBER, UNKNOWN_NUMBER]
    assert rows["content"][0] != rows["content"][1]


def test_settings_say_which_are_given() -> None:
    rows, _ = encoded(EVERYTHING)
    assert rows["line"][-2] == Setting.FLOOR
    assert rows["expected"][-2] == 3000
    assert rows["line"][-1] == Setting.SAFETY_STOCK | Setting.REORDER_POINT | Setting.ORDER_UP_TO
    assert rows[["quantity", "unit_price", "discount"]][-1].tolist() == (1000, 10_000, 20_500)


RECEIVE = EVERYTHING[0]
RESERVE = EVERYTHING[10]
SELL = EVERYTHING[5]
OTHERS = 100


def refused_behind_others(commands: list[dict[str, Any]], who: Any = None) -> Problem:
    """The problem of a long array that ends in these, its path counted from the first of them."""
    others = [dict(SELL, id=f"other-{at}") for at in range(OTHERS)]
    with pytest.raises(Problem) as refused:
        asyncio.run(encoded_structs(structs(others + commands), Names(), who or principal("admin"), ARRIVED_MS))
    for at in range(len(commands)):
        refused.value.extra["path"] = refused.value.extra["path"].replace(f"$[{OTHERS + at}]", f"$[{at}]")
    return refused.value


REFUSED: list[tuple[str, list[dict[str, Any]], str]] = [
    ("a character too many", [dict(RECEIVE, sku="TEE M")], "$[0].sku"),
    ("65 characters", [RECEIVE, dict(RECEIVE, id="x" * 65)], "$[1].id"),
    ("a place that is no code", [dict(RECEIVE, warehouse="über")], "$[0].warehouse"),
    ("bidi in a reference", [dict(RECEIVE, reference="a\u202eb")], "$[0].reference"),
    ("a control character", [dict(RECEIVE, reason="a\x1b[2J")], "$[0].reason"),
    ("a text of 256 bytes", [dict(RECEIVE, reason="ü" * 128)], "$[0].reason"),
    ("an empty text", [dict(RECEIVE, source="")], "$[0].source"),
    ("a ttl of nothing", [dict(RESERVE, ttl_s=0)], "$[0].ttl_s"),
    ("a ttl of a year", [dict(RESERVE, ttl_s=31_536_000)], "$[0].ttl_s"),
    ("neither delta nor set_to", [{**EVERYTHING[3], "delta": None}], "$[0].delta"),
    ("both delta and set_to", [{**EVERYTHING[4], "delta": 1}], "$[0].delta"),
    ("expected without set_to", [{**EVERYTHING[3], "expected_on_hand": 1}], "$[0].expected_on_hand"),
    ("nothing to set", [{**EVERYTHING[-2], "floor": None}], "$[0].safety_stock"),
    ("a tax of 2,000 %", [dict(SELL, tax_rate=20)], "$[0].tax_rate"),
    ("two channels in one reservation", [EVERYTHING[11], dict(EVERYTHING[12], channel="market")], "$[1].channel"),
    ("two ttls in one reservation", [EVERYTHING[11], dict(EVERYTHING[12], ttl_s=61)], "$[1].ttl_s"),
    ("a group that is torn apart", [EVERYTHING[6], SELL, EVERYTHING[7]], "$[2].group"),
    ("a reservation that is no code", [{**EVERYTHING[14], "reservation": "r 17"}], "$[0].reservation"),
    ("no SKU", [{**RECEIVE, "sku": None}], "$[0].sku"),
]


@pytest.mark.parametrize(("commands", "path"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_cannot_be_right_is_refused_with_its_path(commands: list[dict[str, Any]], path: str) -> None:
    with pytest.raises(Problem) as as_rows:
        encoded(commands)
    with pytest.raises(Problem) as as_arrow:
        by_arrow(commands)
    for refused in (as_rows.value, as_arrow.value, refused_behind_others(commands)):
        assert (refused.status, refused.code, refused.extra["path"]) == (422, "invalid_request", path)


@pytest.mark.parametrize("identity", [{"id": ""}, {"id": None}])
def test_a_command_without_an_id_is_refused(identity: dict[str, Any]) -> None:
    with pytest.raises(Problem) as as_arrow:
        by_arrow([RECEIVE, {**RECEIVE, **identity}])
    without = {name: value for name, value in RECEIVE.items() if name != "id"}
    with pytest.raises(Problem) as by_json:
        encoded([RECEIVE, without])
    for refused in (by_json.value, as_arrow.value):
        assert (refused.status, refused.code, refused.extra["path"]) == (400, "id_missing", "$[1].id")


LIMITED: list[tuple[str, dict[str, Any], str]] = [
    ("another channel", dict(SELL, channel="market"), "$[0].channel"),
    ("another warehouse", dict(SELL, warehouse="hamburg"), "$[0].warehouse"),
    ("a sourced line", RESERVE, "$[0].warehouse"),
    ("a transfer elsewhere", EVERYTHING[20], "$[0].to_warehouse"),
]


@pytest.mark.parametrize(("command", "path"), [row[1:] for row in LIMITED], ids=[row[0] for row in LIMITED])
def test_a_limited_key_names_only_its_places(command: dict[str, Any], path: str) -> None:
    who = principal("sell", "reserve", "stock", channels={"shop"}, warehouses={"berlin"})
    encoded([SELL], who)
    with pytest.raises(Problem) as as_rows:
        encoded([command], who)
    with pytest.raises(Problem) as as_arrow:
        by_arrow([command], who)
    for refused in (as_rows.value, as_arrow.value, refused_behind_others([command], who)):
        assert (refused.status, refused.code, refused.extra["path"]) == (403, "forbidden", path)


def test_a_reservation_is_one_group_with_one_id() -> None:
    body = s.NewReservation(
        channel="shop",
        ttl_s=60,
        lines=[s.NewLine(sku="TEE-M", quantity=1), s.NewLine(sku="TEE-L", quantity=2, warehouse="berlin")],
        reference="order 7",
        customer="Ann",
        replaces=RESERVATION,
    )
    encoder = Encoder(Names(), principal("reserve"), ARRIVED_MS)
    encoder.reservation("key-1", body)
    rows, heap = encoder.arrays()
    assert rows["kind"].tolist() == [Kind.RELEASE, Kind.RESERVE, Kind.RESERVE]
    assert rows["flags"].tolist() == [Flag.REPLACES, Flag.WANT_LINES | Flag.CONTINUES, Flag.CONTINUES]
    assert rows["line"].tolist() == [NO_LINE, 0, 1]
    assert len(set(rows["group"].tolist())) == 1
    assert rows["group"][0] != 0
    assert [texts_of(row, heap.tobytes())["id"] for row in rows] == ["key-1", "", ""]
    assert [texts_of(row, heap.tobytes())["reference"] for row in rows] == ["order 7", "order 7", ""]
    assert np.unique(rows["not_after_ms"]).tolist() == [ARRIVED_MS + 30_000]


def test_a_cut_inside_a_text_is_found_and_mended() -> None:
    tricky = '},{"kind":"receive"},{'
    commands = [dict(RECEIVE, id=f"i{at}", reason=tricky * (1 + at % 5)) for at in range(2000)]
    rows, heap = encoded(commands)
    assert [texts_of(row, heap)["id"] for row in rows] == [command["id"] for command in commands]


def test_an_error_deep_in_a_large_array_names_its_row() -> None:
    commands = [dict(RECEIVE, id=f"i{at}", reason="x" * 200) for at in range(3000)]
    commands[2500]["quantity"] = True
    with pytest.raises(Problem) as refused:
        encoded(commands)
    assert refused.value.extra["path"] == "$[2500].quantity"


ODD: list[Any] = [
    *(
        "",
        "a b",
        "x" * 65,
        "x" * 256,
        "Ω" * 128,
        "a\u202eb",
        "lost",
        "nowhere",
        "TEE-M",
        "shop",
        "basket 2",
        RESERVATION,
    ),
    *(None, True, 0, -1, 1.5, 0.0001, 1e-9, 10**12, 10**19, -(10**30), 0.19, 20, 3),
    *({"amount": 1, "currency": "eur"}, {"amount": -7, "currency": "USD"}, "2026-03-01T00:00:00.001Z", "1999-02-03"),
]


@pytest.mark.parametrize("seed", range(60))
def test_columns_take_nothing_that_rows_refuse(seed: int) -> None:
    """Random arrays with odd values in them: either columns meet a problem, or they make what rows make."""
    chance = random.Random(seed)
    who = chance.choice((principal("admin"), principal("sell", channels={"shop"}, warehouses={"berlin", "lost"})))
    for _ in range(20):
        commands = [dict(chance.choice(EVERYTHING), id=f"i{at}") for at in range(chance.randrange(1, 12))]
        for _ in range(chance.randrange(3)):
            command = chance.choice(commands)
            command[chance.choice(sorted(command.keys() - {"kind"}))] = chance.choice(ODD)
        try:
            given = structs(commands)
            rows = CommandRows(Names(), who, ARRIVED_MS)
            rows.add(StructColumns(given))
            made, heap = rows.finished()
        except (Problem, UnicodeEncodeError):
            continue
        encoder = Encoder(Names(), who, ARRIVED_MS)
        encoder.commands(given)
        same, texts = encoder.arrays()
        assert (made.tobytes(), heap.tobytes()) == (same.tobytes(), texts.tobytes()), (seed, commands)
