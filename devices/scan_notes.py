"""A scan as it is written down for whoever sells: what was read, what it means, or why it must not be sold by."""

from dataclasses import fields
from datetime import date
from typing import Any

from devices.codecs.barcodes import BadCode, Code
from devices.drivers.scanner import Scan
from devices.jobs import ScanSeen


def scan_seen(scan: Scan) -> ScanSeen:
    """The scan as an event of its device."""
    code, aim = scan.code, scan.scan.aim
    if isinstance(code, BadCode):
        return ScanSeen(scan.at_ms, code.raw, aim, refused=code.reason)
    return ScanSeen(scan.at_ms, code.raw, aim, _said(code), again=scan.again)


def _said(code: Code) -> dict[str, Any]:
    """Its parts that say something; a weight of nothing does."""
    parts = {each.name: getattr(code, each.name) for each in fields(code) if each.name != "raw"}
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in parts.items()
        if value not in ("", None) and value is not False
    }
