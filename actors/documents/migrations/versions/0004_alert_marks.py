"""What people said of alerts."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "alert_marks",
        sa.Column("alert", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("client", sa.SmallInteger, nullable=False),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("marked_at_ms", sa.BigInteger, nullable=False),
        sa.Column("until_ms", sa.BigInteger),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("alert", name="pk_alert_marks"),
    )
    op.create_index("ix_alert_marks_version", "alert_marks", ["version"])
