import numpy as np
import pytest

from actors.packing import chunk_ends, cut, cut_lines, heads, join, number_groups, pick, rejoin, text_sizes
from engine.kinds import Flag
from engine.layout import COMMAND, LINE, RESULT
from engine.wire import Array, Bytes


def make(texts: list[bytes], groups: list[int] | None = None) -> tuple[Array, Bytes]:
    rows = np.zeros(len(texts), COMMAND)
    at = 0
    for row, text in zip(rows, texts, strict=True):
        row["text_at"] = at
        row["text_lengths"][0] = min(len(text), 3)
        row["text_lengths"][7] = len(text) - min(len(text), 3)
        at += len(text)
    rows["sku_key"] = np.arange(len(texts))
    if groups:
        rows["group"] = groups
    return rows, np.frombuffer(b"".join(texts), np.uint8)


def texts(rows: Array, heap: Bytes) -> list[bytes]:
    sizes = text_sizes(rows)
    return [bytes(heap[at : at + size]) for at, size in zip(rows["text_at"].tolist(), sizes.tolist(), strict=True)]


def test_all_eight_lengths_are_added() -> None:
    rows = np.zeros(2, COMMAND)
    rows["text_lengths"][1] = [255] * 8
    assert text_sizes(rows).tolist() == [0, 2040]


@pytest.mark.parametrize("index", [[0, 1, 2], [1, 2], [2, 0], [0, 2], [1], []])
def test_picked_rows_bring_their_own_texts(index: list[int]) -> None:
    words = [b"one", b"twenty-two", b"three"]
    rows, heap = make(words)
    picked, own = pick(rows, heap, np.array(index, np.intp))
    assert texts(picked, own) == [words[i] for i in index]
    assert picked["sku_key"].tolist() == index
    assert len(own) == sum(len(words[i]) for i in index)
    assert rows["text_at"].tolist() == [0, 3, 13], "the request's own rows are not touched"


def test_joined_parts_keep_their_texts_and_their_groups_stay_apart() -> None:
    first = make([b"a", b"bb"], [7, 7])
    second = make([b"ccc", b"d", b"e", b"f"], [7, 0, 7, 7])
    third = make([b""], [7])
    rows, heap = join([first, second, third])
    assert texts(rows, heap) == [b"a", b"bb", b"ccc", b"d", b"e", b"f", b""]
    group = rows["group"].tolist()
    assert group[0] == group[1] != 0
    assert group[3] == 0
    assert group[4] == group[5]
    assert len({group[0], group[2], group[4], group[6]}) == 4


def test_a_single_part_is_joined_without_a_copy() -> None:
    rows, heap = make([b"a"])
    assert join([(rows, heap)])[0] is rows


def test_parts_without_rows_or_texts_can_be_joined() -> None:
    empty = (np.empty(0, COMMAND), np.empty(0, np.uint8))
    rows, heap = join([empty, make([b"x"], [4]), empty])
    assert texts(rows, heap) == [b"x"]


def test_a_group_number_used_twice_becomes_two_groups() -> None:
    rows, _ = make([b""] * 5, [3, 3, 0, 3, 3])
    number_groups(rows)
    assert rows["group"].tolist() == [1, 1, 0, 3, 3]


def test_a_chunk_never_cuts_a_group_or_a_command() -> None:
    rows, _ = make([b""] * 10, [0, 1, 1, 1, 0, 0, 2, 2, 2, 2])
    rows["flags"][5] = Flag.CONTINUES
    assert np.flatnonzero(heads(rows)).tolist() == [0, 1, 4, 6]
    assert chunk_ends(rows, 10) == [10]
    assert chunk_ends(rows, 4) == [4, 6, 10]
    assert chunk_ends(rows, 3) == [1, 4, 6, 10], "a group above the limit goes whole"
    assert chunk_ends(rows, 1) == [1, 4, 6, 10]


def test_cut_results_bring_only_their_own_lines() -> None:
    lines = np.zeros(6, LINE)
    lines["line"] = np.arange(6)
    results = np.zeros(3, RESULT)
    results["lines_at"] = [9, 2, 4]
    results["lines_n"] = [0, 2, 1]
    own, cut = cut_lines(results, lines)
    assert cut["line"].tolist() == [2, 3, 4]
    assert own["lines_at"].tolist() == [0, 0, 2]
    assert results["lines_at"].tolist() == [9, 2, 4]
    assert len(cut_lines(results[:1], lines)[1]) == 0


def test_parts_cut_from_one_request_are_joined_again_without_a_copy() -> None:
    words = [b"one", b"twenty-two", b"three", b"four", b"five"]
    rows, heap = make(words)
    parts = [cut(rows, heap, begin, end) for begin, end in ((0, 2), (2, 3), (3, 5))]
    joined, own = rejoin(parts)
    assert np.shares_memory(joined, rows)
    assert np.shares_memory(own, heap)
    assert texts(joined, own) == words
    assert joined["sku_key"].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("begin", "end"), [(0, 2), (1, 2), (1, 5), (4, 5)])
def test_a_part_cut_from_a_request_brings_its_own_texts(begin: int, end: int) -> None:
    words = [b"one", b"twenty-two", b"three", b"four", b"five"]
    rows, heap = make(words)
    before = rows.tobytes()
    alone, own = rejoin([cut(rows, heap, begin, end)])
    assert texts(alone, own) == words[begin:end]
    assert len(own) == sum(map(len, words[begin:end]))
    part = cut(*cut(rows, heap, begin, end), 0, 1)
    assert texts(*rejoin([part])) == words[begin : begin + 1], "a part can be cut again"
    assert rows.tobytes() == before, "the request's own rows are not touched"


def test_parts_of_several_requests_are_joined_with_their_own_texts() -> None:
    first, second = make([b"one", b"twenty-two", b"three"]), make([b"four", b"five", b""])
    rows, heap = rejoin([cut(*second, 1, 3), cut(*first, 1, 2), cut(*first, 2, 3), cut(*second, 0, 1)])
    assert texts(rows, heap) == [b"five", b"", b"twenty-two", b"three", b"four"]
    assert rows["sku_key"].tolist() == [1, 2, 1, 2, 0]
