"""Reading what people export: CSV in the encodings and with the delimiters of their spreadsheets, and workbooks.

Every cell comes out as the text that a person would have typed. A file is looked at once before: its digest, which
the ids of its rows are made of, and whether it is UTF-8, UTF-16, cp1251 or cp1250.
"""

import codecs
import csv
import hashlib
import io
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Final

from python_calamine import CalamineError, CalamineWorkbook

WORKBOOKS: Final = frozenset((".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"))
DELIMITERS: Final = (",", ";", "\t", "|")
_READ_BYTES: Final = 1 << 20
_UTF16_BOMS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_HEADER_BYTES_MAX: Final = 1 << 16


_high_bytes = re.compile(rb"[\x80-\xff]")
_high_runs = re.compile(rb"[\xa8\xb8\xc0-\xff]{3,}")


class FileProblem(Exception):
    """The file as a whole cannot be read; carries why, in words."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return self.why


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file."""

    line: int
    """where it begins, as an editor or a spreadsheet counts"""
    cells: list[str]
    read: int
    """how much of `Source.size` has been read with it"""


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was looked at."""

    path: Path
    digest: str
    """of its bytes, 32 hexadecimal digits"""
    encoding: str
    """empty for a workbook"""
    delimiter: str
    header: list[str]
    """as it stands there"""
    columns: list[str]
    """normalised: `Unit price` is unit_price"""
    size: int
    """bytes, or rows of a workbook"""

    def rows(self) -> Iterator[Row]:
        """The rows below the header; empty ones are passed over. Raises FileProblem."""
        return _text_rows(self) if self.encoding else _workbook_rows(self)


def look_at(path: Path, known: Collection[str], encoding: str | None = None, delimiter: str | None = None) -> Source:
    """Find out how a file is to be read; raises FileProblem.

    `known`: the columns that are looked for; the delimiter that shows most of them is taken.
    """
    try:
        if path.suffix.lower() in WORKBOOKS:
            digest, _ = _digest(path)
            grid = _grid(path)
            header = [_cell_text(cell) for cell in grid[0]] if grid else []
            return Source(path, digest, "", ",", header, _normalised(header), len(grid))
        digest, guessed = _digest(path)
        chosen = encoding or guessed
        with path.open(encoding=chosen, newline="") as file:
            begin = file.read(_HEADER_BYTES_MAX)
    except LookupError:
        raise FileProblem(f"there is no encoding {encoding}") from None
    except UnicodeDecodeError as error:
        raise FileProblem(f"it is not {chosen}: {error}") from None
    except OSError as error:
        raise FileProblem(error.strerror or str(error)) from None
    headers = {mark: _first_record(begin, mark) for mark in ([delimiter] if delimiter else DELIMITERS)}
    mark = max(headers, key=lambda each: (len(set(_normalised(headers[each])) & set(known)), len(headers[each])))
    return Source(path, digest, chosen, mark, headers[mark], _normalised(headers[mark]), path.stat().st_size)


def _digest(path: Path) -> tuple[str, str]:
    """(digest, encoding) in one pass over the bytes."""
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8 = True
    begin = b""
    with path.open("rb") as file:
        while piece := file.read(_READ_BYTES):
            begin = begin or piece
            digest.update(piece)
            is_utf8 = is_utf8 and _fits(decoder, piece)
    is_utf8 = is_utf8 and _fits(decoder, b"", final=True)
    encoding = "utf-8-sig" if is_utf8 else _guessed(begin)
    return digest.hexdigest()[:32], encoding


def _fits(decoder: codecs.IncrementalDecoder, piece: bytes, final: bool = False) -> bool:
    try:
        decoder.decode(piece, final)
    except UnicodeDecodeError:
        return False
    return True


def _guessed(begin: bytes) -> str:
    """What bytes that are not UTF-8 are.

    Cyrillic words are runs of high bytes in cp1251; Polish, Czech or Hungarian ones have single high bytes
    between ASCII letters in cp1250.
    """
    if begin.startswith(_UTF16_BOMS):
        return "utf-16"
    high = len(_high_bytes.findall(begin))
    in_runs = sum(map(len, _high_runs.findall(begin)))
    return "cp1251" if 2 * in_runs > high else "cp1250"


def _text_rows(source: Source) -> Iterator[Row]:
    try:
        with source.path.open("rb") as raw, io.TextIOWrapper(raw, source.encoding, newline="") as file:
            reader = csv.reader(file, delimiter=source.delimiter, strict=True)
            next(reader, None)
            line = reader.line_num + 1
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield Row(line, [cell.strip() for cell in cells], raw.tell())
                line = reader.line_num + 1
    except csv.Error as error:
        raise FileProblem(f"line {reader.line_num}: {error}") from None
    except UnicodeDecodeError as error:
        raise FileProblem(f"after line {reader.line_num} it is not {source.encoding}: {error}") from None
    except OSError as error:
        raise FileProblem(error.strerror or str(error)) from None


def _first_record(begin: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader(io.StringIO(begin, newline=""), delimiter=delimiter), [])]
    except csv.Error as error:
        raise FileProblem(f"its header cannot be read: {error}") from None


def _workbook_rows(source: Source) -> Iterator[Row]:
    for number, cells in enumerate(islice(_grid(source.path), 1, None), start=2):
        texts = [_cell_text(cell) for cell in cells]
        if any(texts):
            yield Row(number, texts, number)


def _grid(path: Path) -> Sequence[Sequence[object]]:
    """The first sheet."""
    try:
        sheet = CalamineWorkbook.from_path(path).get_sheet_by_index(0)
        # With its empty rows and columns at the top: line numbers must be those of the spreadsheet.
        return sheet.to_python(skip_empty_area=False)
    except (CalamineError, IndexError) as error:
        raise FileProblem(f"it cannot be read as a workbook: {error}") from None


def _cell_text(cell: object) -> str:
    """What a person would have typed into the cell."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        # Spreadsheets show 15 digits: 0.1 + 0.2 is 0.3 there.
        number = Decimal(format(cell, ".15g"))
        return format(number.quantize(Decimal(1)) if number == number.to_integral_value() else number.normalize(), "f")
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell)
    return str(cell).strip()


def _normalised(header: Sequence[str]) -> list[str]:
    return ["_".join(name.lower().split()).replace("-", "_") for name in header]
