"""What one run of `omnistock serve` was asked for; every process of the stack reads the same file.

A file (0600) and not the command line, because a database URL may hold a password.
"""

import os
from pathlib import Path
from typing import Final, Literal

import msgspec

GIVE_UP: Final = 78
"""Exit code of a child for which starting again would not help (EX_CONFIG): it has said why in words."""

Transport = Literal["ray", "local"]


class ServeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The options of `serve`, with every default filled in."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 8000
    shards: int = 1
    workers: int = 1
    transport: Transport = "ray"
    console: str | None = None
    """where the planners' console answers; None = there is none"""
    database: str | None = None
    """URL of a PostgreSQL for journals and documents; None = files in `data`"""
    archive: Path | None = None
    """where old segments of the journals go; None = they stay in `data`"""
    run: Path
    """the private directory of this run (actors.ray_settings.RunDirectory)"""

    @property
    def file(self) -> Path:
        """Where `save` writes, for `load`."""
        return self.run / "settings.json"

    def save(self) -> None:
        """Write them for the children."""
        descriptor = os.open(self.file, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(self, enc_hook=str))

    @classmethod
    def load(cls, run: Path) -> "ServeSettings":
        """Read them in a child."""
        return msgspec.json.decode((run / "settings.json").read_bytes(), type=cls, dec_hook=lambda _, text: Path(text))
