"""A device as a store describes it, and where its journal lies. Light: for who only passes it on."""

from pathlib import Path
from typing import Any, Final

import msgspec

FILES: Final = "paper"


class DeviceDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which driver drives it over which line; `settings` are the driver's own."""

    kind: str
    driver: str
    transport: str
    settings: dict[str, Any] = {}
    warehouse: str = ""


def folder_of(folder: Path, code: str) -> Path:
    """A device's folder; a code may begin with a dot, a folder that people are to see does not."""
    return folder / (f"={code[1:]}" if code.startswith(".") else code)


def files_of(folder: Path) -> Path:
    """Where devices with the transport `file:` write, beside the folder of all devices' journals."""
    return folder.parent / FILES
