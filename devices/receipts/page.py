"""The same receipt as a page: one file without scripts or addresses of others, for a phone, by day and by night.

It is made of the document and not of the bytes, so letters are letters and codes are crisp; everything that people
wrote is escaped, and its policy lets a browser load nothing but what is inside.
"""

import base64
import io
from collections.abc import Iterator
from html import escape
from typing import Final

from PIL import ImageOps

from devices.receipts.characters import cleaned
from devices.receipts.document import Barcode, Block, Cut, Document, Drawer, Image, Qr, Row, Rule, Text
from devices.receipts.dots import as_image
from devices.receipts.layout import aligned_cells
from devices.receipts.pictures import black_and_white
from devices.receipts.symbols import (
    BARCODE_QUIET_MODULES,
    QUIET_MODULES,
    barcode_modules,
    checked_barcode,
    qr_matrix,
    qr_payload,
)

_PICTURE_DOTS: Final = 576
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_STYLE: Final = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1b1b; --table: #e9e7e2; --faint: #b9b4a9; }
@media (prefers-color-scheme: dark) { :root { --paper: #1f1f22; --ink: #ececec; --table: #111113; --faint: #5a5a60; } }
* { box-sizing: border-box; margin: 0; }
body { background: var(--table); color: var(--ink); padding: 1rem .5rem; font: 15px/1.45 ui-monospace, "SF Mono", Menlo,
  Consolas, "DejaVu Sans Mono", monospace; }
main { background: var(--paper); max-width: 26rem; margin: 0 auto; padding: 1.5rem 1.1rem; border-radius: .5rem;
  box-shadow: 0 1px 6px rgb(0 0 0 / .18); overflow-wrap: anywhere; }
p { white-space: pre-wrap; min-height: 1.45em; }
.row { display: flex; gap: .75rem; align-items: flex-end; }
.row span { white-space: pre-wrap; flex: 0 1 auto; min-width: 0; }
.row span:first-child { flex: 1 1 40%; }
.center { text-align: center; } .right { text-align: right; } .left { text-align: left; }
.bold { font-weight: 700; } .tall, .wide { font-size: 1.15em; } .big { font-size: 1.5em; line-height: 1.25; }
hr { border: 0; border-top: 1px solid var(--faint); margin: .55rem 0; } hr.double { border-top: 3px double var(--ink); }
figure { margin: .8rem auto; text-align: center; }
figure svg, figure img { background: #fff; max-width: 100%; height: auto; border-radius: .25rem; }
figcaption { font-size: .85em; }
@media print { body { background: none; padding: 0; } main { box-shadow: none; } }
"""


def receipt_page(document: Document, language: str) -> str:
    """A whole page; `DocumentRefused` as for a printer."""
    title = next((cleaned(block.text) for block in document.blocks if isinstance(block, Text)), "omnistock")
    body = "\n".join(part for block in document.blocks for part in _block(block))
    return f"""<!doctype html>
<html lang="{escape(language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="referrer" content="no-referrer">
<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">
<title>{escape(title.splitlines()[0] if title else "")}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def _block(block: Block) -> Iterator[str]:
    match block:
        case Text():
            yield f'<p class="{_classes(block.align, block)}">{escape(cleaned(block.text))}</p>'
        case Row():
            aligned = aligned_cells(block)
            cells = zip(block.row, aligned, strict=True)
            spans = "".join(f'<span class="{align}">{escape(cleaned(cell))}</span>' for cell, align in cells)
            yield f'<div class="{_classes("row", block)}">{spans}</div>'
        case Rule(double=double):
            yield '<hr class="double">' if double else "<hr>"
        case Qr():
            yield f"<figure>{_qr(block)}</figure>"
        case Barcode():
            code = checked_barcode(block)
            bars = _bars(barcode_modules(block.symbology, code), code)
            yield f"<figure>{bars}<figcaption>{escape(code)}</figcaption></figure>"
        case Image(image=data):
            out = io.BytesIO()
            ImageOps.invert(as_image(black_and_white(data, _PICTURE_DOTS)).convert("L")).save(out, "PNG")
            source = f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"
            yield f'<figure><img alt="" src="{source}"></figure>'
        case Cut() | Drawer():
            return


def _classes(first: str, block: Text | Row) -> str:
    size = "" if block.size == "normal" else f" {block.size}"
    return f"{first}{' bold' if block.bold else ''}{size}"


def _qr(block: Qr) -> str:
    payload = qr_payload(block)
    matrix = qr_matrix(payload)
    side = len(matrix) + 2 * QUIET_MODULES
    dots = "".join(
        f"M{x + QUIET_MODULES} {y + QUIET_MODULES}h1v1h-1z"
        for y, row in enumerate(matrix)
        for x, module in enumerate(row)
        if module
    )
    return _svg(side, side, dots, 3 * side, payload.decode("utf-8"))


def _bars(modules: str, code: str) -> str:
    height = 50
    dots = "".join(
        f"M{x + BARCODE_QUIET_MODULES} 0h1v{height}h-1z" for x, module in enumerate(modules) if module == "1"
    )
    wide = len(modules) + 2 * BARCODE_QUIET_MODULES
    return _svg(wide, height, dots, 2 * wide, code)


def _svg(wide: int, high: int, path: str, pixels: int, says: str) -> str:
    return (
        f'<svg role="img" aria-label="{escape(cleaned(says))}" viewBox="0 0 {wide} {high}" width="{pixels}" '
        f'shape-rendering="crispEdges"><path d="{path}"/></svg>'
    )
