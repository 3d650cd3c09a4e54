"""Runs in an environment of its own, with emupos: printers' bytes in, what emupos saw out. A line of JSON each.

emupos (Apache-2.0) is somebody else's ESC/POS decoder, written from Epson's reference. Its simulated printer gets the
bytes as from a network and gives text and picture as on paper.
"""

import base64
import json
import sys

from emupos.config import FontCell, PrinterProfile
from emupos.printer.escpos.model import PrintModel
from emupos.printer.escpos.tokenizer import Command, Tokenizer

_KICKS = {"ESC p", "DLE DC4"}
_CUTS = {"GS V", "ESC i", "ESC m"}


def read(asked: dict) -> dict:  # type: ignore[type-arg]
    cell, dots = asked["cell"], asked["dots"]
    profile = PrinterProfile(
        type="printer",
        name="judge",
        dpi=203,
        width_dots=dots,
        font_a=FontCell(width=cell, height=24),
        font_b=FontCell(width=9, height=17),
        code_pages={int(slot): name for slot, name in asked["code_pages"].items()},
        default_code_page=next(int(slot) for slot in asked["code_pages"]),
        drawer_sensor_open_level="high",
    )
    model, tokenizer = PrintModel("judge", profile), Tokenizer()
    kicks: list[str] = []
    unknown: list[str] = []
    receipts = []
    tokens = tokenizer.feed(base64.b64decode(asked["data"]))
    for token in tokens:
        if isinstance(token, Command) and token.name in _KICKS:
            kicks.append(token.raw.hex())
        elif isinstance(token, Command) and token.name in _CUTS:
            receipts.append(model.finish("cut"))
        else:
            events = model.process(token)
            unknown += [event.data["bytes"] for event in events if event.type == "printer.command.unknown"]
    rest = tokenizer.close()
    if rest is not None:
        unknown.append(rest.raw.hex(" "))
    receipts.append(model.finish("connection-closed"))
    printed = [receipt for receipt in receipts if receipt is not None]
    return {
        "text": "".join(receipt.text for receipt in printed),
        "png": [base64.b64encode(receipt.png).decode() for receipt in printed] if asked["png"] else [],
        "kicks": kicks,
        "unknown": unknown,
    }


for line in sys.stdin:
    sys.stdout.write(json.dumps(read(json.loads(line))) + "\n")
