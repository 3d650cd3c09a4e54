"""The documents database's history, run by Alembic when the writer opens it."""
