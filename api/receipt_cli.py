"""`omnistock receipt preview`: what a printer would print, from the very bytes, as text, picture or page."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from devices.printer_settings import PrinterSettings
from devices.receipts.copies import marked_copy
from devices.receipts.document import Document, DocumentRefused, document_from
from devices.receipts.escpos import slip
from devices.receipts.page import receipt_page
from devices.receipts.preview import as_png, as_text
from devices.receipts.profiles import ProfileUnknown, printer_profile, printer_profiles
from devices.receipts.templates.make import TEMPLATES, made
from devices.receipts.templates.samples import SAMPLES, sample


class Language(StrEnum):
    """Of a sample."""

    RU = "ru"
    PL = "pl"
    EN = "en"


receipts = typer.Typer(help="Receipts as they would be printed.", no_args_is_help=True)
_TEMPLATES: Final = f"What the facts are for: {', '.join(TEMPLATES)}. Without FILE a sample: {', '.join(SAMPLES)}."


@receipts.callback()
def receipt() -> None:
    """Receipts as they would be printed."""


@receipts.command()
def preview(
    file: Annotated[
        Path | None,
        typer.Argument(exists=True, dir_okay=False, help="JSON: a document, or a template's facts. Without: a sample."),
    ] = None,
    template: Annotated[str | None, typer.Option(help=_TEMPLATES, show_default="sale")] = None,
    language: Annotated[Language, typer.Option(help="Of the sample.")] = Language.EN,
    copy: Annotated[bool, typer.Option("--copy", help="Mark it as a copy.")] = False,
    profile: Annotated[str, typer.Option(help="Printer; `--profiles` lists them.")] = "default",
    columns: Annotated[int | None, typer.Option(min=20, max=96, help="Instead of the profile's.")] = None,
    png: Annotated[Path | None, typer.Option(dir_okay=False, help="Write the picture here.")] = None,
    html: Annotated[Path | None, typer.Option(dir_okay=False, help="Write the e-receipt page here.")] = None,
    out: Annotated[Path | None, typer.Option("--bytes", dir_okay=False, help="Write the printer's bytes here.")] = None,
    profiles: Annotated[bool, typer.Option("--profiles", help="List the printers, and nothing else.")] = False,
) -> None:
    """Show what would be on the paper. The text goes to the terminal."""
    if profiles:
        for name in printer_profiles():
            typer.echo(name)
        return
    try:
        printer = printer_profile(PrinterSettings(profile, columns=columns))
        document = _document(file, template, language, copy)
        printed = slip(document, printer)
    except ProfileUnknown as unknown:
        raise typer.BadParameter(f"{unknown} is not known", param_hint="--profile") from None
    except DocumentRefused as refused:
        typer.echo(f"refused: {refused}", err=True)
        raise typer.Exit(1) from None
    typer.echo(as_text(printed, printer), nl=False)
    if png:
        png.write_bytes(as_png(printed, printer))
    if html:
        html.write_text(receipt_page(document, language.value), encoding="utf-8")
    if out:
        out.write_bytes(printed.data)


def _document(file: Path | None, template: str | None, language: Language, copy: bool) -> Document:
    if file is None:
        name = template or "sale"
        if name not in SAMPLES:
            raise typer.BadParameter(f"one of {', '.join(SAMPLES)}", param_hint="--template")
        document = sample(name, language.value)
        return marked_copy(document, language.value) if copy else document
    try:
        facts = msgspec.json.decode(file.read_bytes())
    except (msgspec.DecodeError, UnicodeDecodeError) as broken:
        raise DocumentRefused(str(file), str(broken)) from None
    if template is None and isinstance(facts, dict) and "blocks" in facts:
        document = document_from(facts)
        return marked_copy(document) if copy else document
    return made(template or "sale", facts, copy)


def register(app: typer.Typer) -> None:
    """Add `receipt` to the command line."""
    app.add_typer(receipts, name="receipt")
