"""The tables of the documents database, the same for SQLite and PostgreSQL.

Warehouses, channels, clients and products share one shape: what everybody sees (`document`, `archived`,
`version`) beside what is on its way to the shards (`pending`, `pending_archived`, `pending_version`). Devices are
nobody's business but their drivers': no shard is told of them, and they have only the first three.
Rows are never deleted: a number or a sku_key that a shard has seen stands for the same thing for ever.
"""

from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    text,
)

HEAD: Final = "0004"
"""The revision that this program reads and writes; a test compares it with the migrations."""

CODE_CHARACTERS_MAX: Final = 64

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class DocumentKind(StrEnum):
    """What a document describes."""

    WAREHOUSE = "warehouse"
    CHANNEL = "channel"
    CLIENT = "client"
    PRODUCT = "product"
    DEVICE = "device"


def _code() -> String:
    # Pages go by code: both databases must sort it by bytes, whatever the locale.
    return String(CODE_CHARACTERS_MAX).with_variant(String(CODE_CHARACTERS_MAX, collation="C"), "postgresql")


def _document_table(kind: DocumentKind, *own: Column[Any]) -> Table:
    name = f"{kind}s"
    version = Column("version", BigInteger, nullable=False)
    pending = Column("pending_version", BigInteger)
    return Table(
        name,
        metadata,
        *own,
        Column("document", Text),  # JSON as it is answered; null = never was in force
        Column("archived", Boolean, nullable=False),
        version,  # the change that put it in force; 0 = none did yet
        Column("pending", Text),
        Column("pending_archived", Boolean),
        pending,  # the change whose definition goes to the shards; null = nothing is on its way
        # Both leave out the rows that nobody looks for by them, which is most writing of a large import saved.
        _partial_index(f"ix_{name}_version", version, "version > 0"),
        _partial_index(f"ix_{name}_pending_version", pending, "pending_version IS NOT NULL"),
    )


def _partial_index(name: str, column: Column[int], where: str) -> Index:
    return Index(name, column, sqlite_where=text(where), postgresql_where=text(where))


def _numbered(kind: DocumentKind) -> Table:
    return _document_table(
        kind,
        Column("number", SmallInteger, primary_key=True, autoincrement=False),
        Column("code", _code(), nullable=False, unique=True),
    )


TABLES: Final[dict[DocumentKind, Table]] = {
    DocumentKind.WAREHOUSE: _numbered(DocumentKind.WAREHOUSE),
    DocumentKind.CHANNEL: _numbered(DocumentKind.CHANNEL),
    DocumentKind.CLIENT: _numbered(DocumentKind.CLIENT),
    DocumentKind.PRODUCT: _document_table(
        DocumentKind.PRODUCT,
        # Rows lie in the order they came. By its hash each of a large import would touch a page of its own, and a
        # rollback journal writes every touched page twice: 100,000 products took four times as long.
        Column("sku", _code(), primary_key=True, key="code"),
        # The SKU's fixed 64-bit hash: two texts with one key cannot both be registered.
        Column("sku_key", BigInteger, nullable=False, unique=True, key="number"),
    ),
}
"""The table of each kind of document that shards are told of. `c.code` is what people write, `c.number` is what shards
know."""

devices = Table(
    "devices",
    metadata,
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
    Column("code", _code(), nullable=False, unique=True),
    Column("document", Text, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False, index=True),
    Column("made_version", BigInteger, nullable=False),  # the change that made it, or made it again
)

READ_TABLES: Final[dict[DocumentKind, Table]] = {**TABLES, DocumentKind.DEVICE: devices}
"""Every kind's, for who reads what is in force."""

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("secret_sha256", LargeBinary(32), nullable=False),
    Column("client", SmallInteger, nullable=False),
    Column("scopes", Text, nullable=False),  # JSON array
    Column("channels", Text),  # JSON array of codes; null = all
    Column("warehouses", Text),  # JSON array of codes; null = all
    Column("created_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger),
    Column("revoked_at_ms", BigInteger),
    Column("version", BigInteger, nullable=False),
)

changes = Table(
    "changes",
    metadata,
    Column("only", Integer, primary_key=True, autoincrement=False),  # one row, 0
    Column("last", BigInteger, nullable=False),
)
"""The change counter: versions come from it, and readers look here whether anything moved."""

answers = Table(
    "answers",
    metadata,
    Column("client", SmallInteger, primary_key=True, autoincrement=False),
    Column("request", String(CODE_CHARACTERS_MAX), primary_key=True),
    Column("content_sha256", LargeBinary(32), nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("at_ms", BigInteger, nullable=False, index=True),
)
"""What requests with an Idempotency-Key were answered."""

closings = Table(
    "closings",
    metadata,
    Column("day", String(10), primary_key=True),  # 2026-11-22
    Column("warehouse", SmallInteger, primary_key=True, autoincrement=False),
    Column("channel", SmallInteger, primary_key=True, autoincrement=False),
    Column("document", Text, nullable=False),  # JSON as it is answered
    Column("version", BigInteger, nullable=False, index=True),
)
"""Business days that were closed: written once, never changed, never deleted."""

interest = Table(
    "interest",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("channel", SmallInteger, primary_key=True, autoincrement=False),
    Column("sku_key", BigInteger, primary_key=True, autoincrement=False),  # 0 = of a search, not of a SKU
    Column("query", String(255), primary_key=True),  # what was searched for; empty = of a SKU
    Column("views", BigInteger, nullable=False),
    Column("cart_adds", BigInteger, nullable=False),
    Column("empty_searches", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False, index=True),
)
"""What customers looked at, as each channel said last."""

alert_marks = Table(
    "alert_marks",
    metadata,
    Column("alert", String(CODE_CHARACTERS_MAX), primary_key=True),
    Column("state", String(16), nullable=False),  # acknowledged or snoozed
    Column("client", SmallInteger, nullable=False),
    Column("author", String(CODE_CHARACTERS_MAX), nullable=False),
    Column("marked_at_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger),  # of a snoozed one
    Column("version", BigInteger, nullable=False, index=True),
)
"""What people said of alerts last; an alert that is raised anew is another one."""
