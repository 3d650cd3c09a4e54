"""Warehouses, channels, clients, products, API keys, the change counter and the answers."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    code = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
    for name in ("warehouses", "channels", "clients"):
        number = sa.Column("number", sa.SmallInteger, nullable=False, autoincrement=False)
        _document_table(name, number, sa.Column("code", code, nullable=False), key="number", unique="code")
    sku, sku_key = sa.Column("sku", code, nullable=False), sa.Column("sku_key", sa.BigInteger, nullable=False)
    _document_table("products", sku, sku_key, key="sku", unique="sku_key")
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("client", sa.SmallInteger, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("channels", sa.Text),
        sa.Column("warehouses", sa.Text),
        sa.Column("created_at_ms", sa.BigInteger, nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger),
        sa.Column("revoked_at_ms", sa.BigInteger),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
    )
    changes = op.create_table(
        "changes",
        sa.Column("only", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("only", name="pk_changes"),
    )
    op.bulk_insert(changes, [{"only": 0, "last": 0}])
    op.create_table(
        "answers",
        sa.Column("client", sa.SmallInteger, nullable=False, autoincrement=False),
        sa.Column("request", sa.String(64), nullable=False),
        sa.Column("content_sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("answer", sa.LargeBinary, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("client", "request", name="pk_answers"),
    )
    op.create_index("ix_answers_at_ms", "answers", ["at_ms"])


def _document_table(name: str, *own: "sa.Column[object]", key: str, unique: str) -> None:
    op.create_table(
        name,
        *own,
        sa.Column("document", sa.Text),
        sa.Column("archived", sa.Boolean, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("pending", sa.Text),
        sa.Column("pending_archived", sa.Boolean),
        sa.Column("pending_version", sa.BigInteger),
        sa.PrimaryKeyConstraint(key, name=f"pk_{name}"),
        sa.UniqueConstraint(unique, name=f"uq_{name}_{unique}"),
    )
    _partial_index(name, "version", "version > 0")
    _partial_index(name, "pending_version", "pending_version IS NOT NULL")


def _partial_index(table: str, column: str, where: str) -> None:
    condition = sa.text(where)
    op.create_index(f"ix_{table}_{column}", table, [column], sqlite_where=condition, postgresql_where=condition)
