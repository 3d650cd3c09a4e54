"""Reading files as spreadsheets write them."""

from datetime import datetime
from pathlib import Path

import pytest
import xlsxwriter

from api.import_files import FileProblem, look_at

KNOWN = {"sku", "name", "quantity", "unit_price"}


def rows_of(path: Path, **options: str) -> list[tuple[int, list[str]]]:
    return [(row.line, row.cells) for row in look_at(path, KNOWN, **options).rows()]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-8", "Чашка «синяя»"),
        ("utf-8-sig", "Kubek żółty"),
        ("utf-16", "Чашка"),
        ("cp1251", "Чашка синяя большая"),
        ("cp1250", "Kubek żółty, talerz głęboki, łyżka"),
        ("utf-8", "Cup"),
    ],
)
def test_encoding_and_delimiter_are_found_out(tmp_path: Path, encoding: str, name: str, mark: str) -> None:
    path = tmp_path / "goods.csv"
    path.write_bytes(f'SKU{mark}Name{mark}Quantity\r\n1{mark}"{name}"{mark}"2"\r\n'.encode(encoding))
    source = look_at(path, KNOWN)
    assert source.columns == ["sku", "name", "quantity"]
    assert source.delimiter == mark
    assert rows_of(path) == [(2, ["1", name, "2"])]


def test_what_is_said_is_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "goods.csv"
    path.write_bytes("sku;name\n1;Ĺ\n".encode("cp1250"))
    assert rows_of(path, encoding="cp1250", delimiter=";") == [(2, ["1", "Ĺ"])]


def test_lines_are_those_of_an_editor(tmp_path: Path) -> None:
    path = tmp_path / "goods.csv"
    path.write_text('sku,name\n\n1,"a\nb"\n , \n2,c\x0bd\n', newline="")
    assert rows_of(path) == [(3, ["1", "a\nb"]), (6, ["2", "c\x0bd"])]


def test_header_is_read_as_people_write_it(tmp_path: Path) -> None:
    path = tmp_path / "goods.csv"
    path.write_text(" SKU , Unit Price,unit-price\n")
    assert look_at(path, KNOWN).columns == ["sku", "unit_price", "unit_price"]


def test_digest_is_that_of_the_content(tmp_path: Path) -> None:
    one, same, other = tmp_path / "one.csv", tmp_path / "same.csv", tmp_path / "other.csv"
    one.write_text("sku\n1\n")
    same.write_text("sku\n1\n")
    other.write_text("sku\n2\n")
    assert look_at(one, KNOWN).digest == look_at(same, KNOWN).digest != look_at(other, KNOWN).digest


def test_workbook_cells_are_what_a_person_typed(tmp_path: Path) -> None:
    path = tmp_path / "goods.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["SKU", "Quantity", "Occurred at"])
    sheet.write_row(1, 0, ["007", 0.1 + 0.2])
    sheet.write_datetime(1, 2, datetime(2026, 1, 31, 14, 5), book.add_format({"num_format": "yyyy-mm-dd hh:mm"}))
    sheet.write_row(4, 0, [4006381333931, 12.0, True])
    book.close()
    assert rows_of(path) == [(2, ["007", "0.3", "2026-01-31T14:05:00"]), (5, ["4006381333931", "12", "true"])]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("goods.csv", b'sku,name\n1,"open\n', "line"),
        ("goods.csv", b"sku,name\n1," + b"x" * 200_000, "field"),
        ("goods.xlsx", b"no workbook", "workbook"),
    ],
)
def test_broken_file_says_where(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FileProblem, match=words):
        rows_of(path)


def test_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="No such file"):
        look_at(tmp_path / "nowhere.csv", KNOWN)


def test_encoding_that_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "goods.csv"
    path.write_bytes("sku,name\n1,Чашка\n".encode("cp1251"))
    with pytest.raises(FileProblem, match="utf-8"):
        rows_of(path, encoding="utf-8")
    with pytest.raises(FileProblem, match="klingon"):
        rows_of(path, encoding="klingon")
