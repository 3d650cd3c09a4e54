"""Run the migrations on the connection that the writer hands over; there is no other way to run them."""

from alembic import context
from sqlalchemy import Connection

from actors.documents.schema import metadata

connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    # SQLite cannot alter a constraint: later migrations copy the table.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
