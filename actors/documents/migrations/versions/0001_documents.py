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
        _document_table(
            name,
            sa.Column("number", sa.SmallInteger, primary_key=True, autoincrement=False),
            sa.Column("code", code, nullable=False),
            "code",
        )
    sku_key = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    _document_table(
        "products",
        sa.Column("sku_key", sku_key, primary_key=True, autoincrement=False),
        sa.Column("sku", code, nullable=False),
        "sku",
    )
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


def _document_table(name: str, number: "sa.Column[int]", code: "sa.Column[str]", code_column: str) -> None:
    op.create_table(
        name,
        number,
        code,
        sa.Column("document", sa.Text),
        sa.Column("archived", sa.Boolean, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("pending", sa.Text),
        sa.Column("pending_archived", sa.Boolean),
        sa.Column("pending_version", sa.BigInteger),
        sa.PrimaryKeyConstraint(number.name, name=f"pk_{name}"),
        sa.UniqueConstraint(code_column, name=f"uq_{name}_{code_column}"),
    )
    _partial_index(name, "version", "version > 0")
    _partial_index(name, "pending_version", "pending_version IS NOT NULL")


def _partial_index(table: str, column: str, where: str) -> None:
    condition = sa.text(where)
    op.create_index(f"ix_{table}_{column}", table, [column], sqlite_where=condition, postgresql_where=condition)
