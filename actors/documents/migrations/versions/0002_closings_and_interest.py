"""Closed business days, and what customers looked at."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "closings",
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("warehouse", sa.SmallInteger, nullable=False, autoincrement=False),
        sa.Column("channel", sa.SmallInteger, nullable=False, autoincrement=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("day", "warehouse", "channel", name="pk_closings"),
    )
    op.create_index("ix_closings_version", "closings", ["version"])
    op.create_table(
        "interest",
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("channel", sa.SmallInteger, nullable=False, autoincrement=False),
        sa.Column("sku_key", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("query", sa.String(255), nullable=False),
        sa.Column("views", sa.BigInteger, nullable=False),
        sa.Column("cart_adds", sa.BigInteger, nullable=False),
        sa.Column("empty_searches", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("day", "channel", "sku_key", "query", name="pk_interest"),
    )
    op.create_index("ix_interest_version", "interest", ["version"])
