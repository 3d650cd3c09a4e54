"""Bringing the documents database to the tables of this program; only the writer does it."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from actors.documents.database import DocumentsSettings, describe, revision
from actors.documents.schema import HEAD

_MIGRATIONS: Final = Path(__file__).parent / "migrations"


class DocumentsTooNew(RuntimeError):
    """The database was made by a newer program; carries where it is and its revision."""

    def __init__(self, where: str, revision: str) -> None:
        super().__init__(where, revision)
        self.where = where
        self.revision = revision

    def __str__(self) -> str:
        return f"{self.where} has revision {self.revision}, this program knows revisions up to {HEAD}"


def migrate(settings: DocumentsSettings, connection: Connection) -> None:
    """Bring the database to HEAD, in one transaction; raises DocumentsTooNew when it is beyond."""
    found = revision(connection)
    connection.rollback()
    if found == HEAD:
        return
    config = _alembic(connection)
    if found is not None:
        try:
            ScriptDirectory.from_config(config).get_revision(found)
        except CommandError:
            raise DocumentsTooNew(describe(settings), found) from None
    with connection.begin():
        command.upgrade(config, "head")


def _alembic(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
