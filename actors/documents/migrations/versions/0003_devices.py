"""Devices: documents that no shard is told of."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    code = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
    op.create_table(
        "devices",
        sa.Column("number", sa.SmallInteger, nullable=False, autoincrement=False),
        sa.Column("code", code, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("archived", sa.Boolean, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("made_version", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_devices"),
        sa.UniqueConstraint("code", name="uq_devices_code"),
    )
    op.create_index("ix_devices_version", "devices", ["version"])
