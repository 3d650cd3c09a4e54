"""What the read side asks of the tables: documents in force, by code or by page, and what changed since."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, or_, select, text

from actors.documents.facts import product_facts
from actors.documents.schema import READ_TABLES, TABLES, DocumentKind, changes

_KEYS_PER_QUERY_MAX: Final = 1000


@dataclass(frozen=True, slots=True)
class Document:
    """A document in force."""

    code: str
    document: str
    """JSON as it was given"""


def document(connection: Connection, kind: DocumentKind, code: str) -> Document | None:
    """The document with that code, unless there is none or it is archived."""
    table = READ_TABLES[kind]
    row = connection.execute(
        select(table.c.document).where(table.c.code == code, table.c.version > 0, table.c.archived.is_(False))
    ).one_or_none()
    return None if row is None else Document(code, row.document)


def page(connection: Connection, kind: DocumentKind, after: str, count_max: int) -> list[Document]:
    """The documents whose codes follow `after`, in order of their codes' bytes."""
    table = READ_TABLES[kind]
    statement = (
        select(table.c.code, table.c.document)
        .where(table.c.code > after, table.c.version > 0, table.c.archived.is_(False))
        .order_by(table.c.code)
        .limit(count_max)
    )
    return [Document(row.code, row.document) for row in connection.execute(statement)]


def found_products(connection: Connection, text_: str, after: str, count_max: int) -> list[Document]:
    """Products in force whose SKU begins with a text, whose name holds it, or that have it as a barcode.

    A product's document begins with its name, its decimals and its barcodes, in this order (`api/catalog.py`), so that
    plain patterns find them: 60 ms of a processor for 100,000 products.
    """
    table = TABLES[DocumentKind.PRODUCT]
    patterns = [f'{{"name":"%{_escaped(each)}%","quantity_decimals":%' for each in _spellings(text_)]
    patterns.append(f'%"barcodes":[%"{_escaped(text_)}"%')
    statement = (
        select(table.c.code, table.c.document)
        .where(table.c.code > after, table.c.version > 0, table.c.archived.is_(False))
        .where(
            or_(
                table.c.code.startswith(text_, autoescape=True),
                *(table.c.document.like(pattern, escape="\\") for pattern in patterns),
            )
        )
        .order_by(table.c.code)
        .limit(count_max)
    )
    return [Document(row.code, row.document) for row in connection.execute(statement)]


def _spellings(text_: str) -> list[str]:
    """SQLite's LIKE knows upper and lower case of ASCII letters only."""
    return list(dict.fromkeys((text_, text_.lower(), text_.upper(), text_.capitalize())))


def _escaped(text_: str) -> str:
    """As it stands in JSON, with what LIKE would take for a joker."""
    json_text = json.dumps(text_, ensure_ascii=False)[1:-1]
    return json_text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


_LAST_CHANGE: Final = select(changes.c.last)
"""Asked several times a second for ever, by processes that collect cyclic garbage rarely: made once."""


def last_change(connection: Connection) -> int:
    """The newest version there is."""
    version: int = connection.execute(_LAST_CHANGE).scalar_one()
    return version


def numbers_after(connection: Connection, kind: DocumentKind, version: int) -> list[tuple[str, int]]:
    """(code, number) of what was put in force after that version, archived ones too: their history stays."""
    table = READ_TABLES[kind]
    statement = select(table.c.code, table.c.number).where(table.c.version > version)
    return [(row.code, row.number) for row in connection.execute(statement)]


def products_after(connection: Connection, version: int, count_max: int) -> list[tuple[int, str, int]]:
    """(sku_key, SKU, decimals) of at most so many products that were put in force after that version."""
    table = TABLES[DocumentKind.PRODUCT]
    statement = (
        select(table.c.number, table.c.code, table.c.document)
        .where(table.c.version > version, text("version > 0"))  # spelt out, for the partial index
        .limit(count_max)
    )
    return [
        (row.number, row.code, product_facts(row.document).quantity_decimals) for row in connection.execute(statement)
    ]


def products_by_key(connection: Connection, sku_keys: Sequence[int]) -> list[tuple[int, str, int]]:
    """(sku_key, SKU, decimals) of those of `sku_keys` that are or were in force."""
    if not sku_keys:
        return []
    table = TABLES[DocumentKind.PRODUCT]
    statement = select(table.c.number, table.c.code, table.c.document).where(
        table.c.number.in_(bindparam("wanted", expanding=True)), table.c.version > 0
    )
    found: list[tuple[int, str, int]] = []
    for at in range(0, len(sku_keys), _KEYS_PER_QUERY_MAX):
        rows = connection.execute(statement, {"wanted": sku_keys[at : at + _KEYS_PER_QUERY_MAX]})
        found.extend((row.number, row.code, product_facts(row.document).quantity_decimals) for row in rows)
    return found
