"""How text stands on the paper: wrapped, in columns, money to the right."""

import pytest

from devices.receipts.characters import cleaned, columns_of, wrapped
from devices.receipts.document import Block, Document, Row, Rule, Text
from devices.receipts.layout import Line, laid_out


def lines(*blocks: Block, columns: int = 32) -> list[str]:
    laid = laid_out(Document(blocks), columns, lambda text: text)
    return [line.text for line in laid if isinstance(line, Line)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("и\u0306", "й"),
        ("a\tb", "a b"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("a\x1bp\x00\x07\x7f\x9bb", "apb"),
        ("a\u200b\u00ad\u202e\ufeffb", "ab"),
        ("1\u202f234\u2007zł", "1\u00a0234\u00a0zł"),
        ("a\ud800b", "ab"),
        ("👨‍👩‍👧", "👨‍👩‍👧"),
        ("q" + "\u0300" * 9, "q" + "\u0300" * 4),
    ],
)
def test_text_is_cleaned(text: str, wanted: str) -> None:
    assert cleaned(text) == wanted


@pytest.mark.parametrize(("text", "wide"), [("abc", 3), ("Привет", 6), ("日本", 4), ("é", 1), ("👍🏽", 2), ("🇷🇺", 2)])
def test_columns_are_counted_as_they_are_seen(text: str, wide: int) -> None:
    assert columns_of(cleaned(text)) == wide


@pytest.mark.parametrize(
    ("text", "columns", "wanted"),
    [
        ("one two three", 7, ["one two", "three"]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("日本語日本語", 5, ["日本", "語日", "本語"]),
        ("a\n\nb", 9, ["a", "", "b"]),
        ("  indented text", 12, ["  indented", "  text"]),
        ("it costs 1\u00a0234", 9, ["it costs", "1\u00a0234"]),
        ("", 9, [""]),
        ("     " * 9, 9, [""]),
    ],
)
def test_text_is_wrapped(text: str, columns: int, wanted: list[str]) -> None:
    assert wrapped(text, columns) == wanted


def test_text_is_aligned() -> None:
    assert lines(Text("ab", align="center"), Text("ab", align="right"), columns=10) == ["    ab", "        ab"]
    assert lines(Text("ab", align="center", size="big"), columns=20) == ["    ab"]


def test_money_stands_to_the_right() -> None:
    assert lines(Row(["Total", "12,00"]), columns=20) == ["Total          12,00"]
    assert lines(Row(["Milk", "2 × 6,00", "12,00"]), columns=20) == ["Milk  2 × 6,00 12,00"]


def test_a_long_name_wraps_and_its_price_stands_at_its_end() -> None:
    made = lines(Row(["Whole milk from the village", "12,00"]), columns=20)
    assert made == ["Whole milk", "from the", "village        12,00"]


def test_a_name_without_room_stands_above_its_figures() -> None:
    made = lines(Row(["Whole milk", "2,000 kg × 1 234,00", "2 468,00"]), columns=32)
    assert made == ["Whole milk", "    2,000 kg × 1 234,00 2 468,00"]


def test_weights_share_the_line_out() -> None:
    assert lines(Row(["a", "b", "c"], weights=[1, 1, 1]), columns=20) == ["a           b      c"]
    assert lines(Row(["ab", "cdef", "x"], weights=[1, 0, 3], align=["left"] * 3), columns=18) == ["ab  cdef x"]


def test_cells_that_do_not_fit_side_by_side_stand_one_below_the_other() -> None:
    assert lines(Row(list("abcdefgh"), size="wide"), columns=32)[0] == "a"
    assert len(lines(Row(list("abcdefgh"), size="wide"), columns=32)) == 8


@pytest.mark.parametrize("columns", [20, 32, 42, 48])
@pytest.mark.parametrize("weights", [None, [1000, 1, 1], [0, 0, 0], [0, 1, 1000]])
def test_no_line_is_wider_than_the_paper(columns: int, weights: list[int] | None) -> None:
    cells = ["Очень длинное название товара", "日本語" * 9, "1 234 567,89" * 3]
    for line in lines(Row(cells, weights=weights), Rule(True), columns=columns):
        assert columns_of(line) <= columns
