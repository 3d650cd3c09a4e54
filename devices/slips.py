"""A printer's bytes from documents, what they were made for, and what they look like on its paper.

A job keeps its bytes together with the printer's paper and letters that they were made for (`Job.layout`), so that
those made for another printer are made anew before they are sent, and a picture shows what really was sent.
"""

import msgspec

from devices.jobs import Job
from devices.printer_settings import PrinterSettings
from devices.receipts.copies import marked_copy
from devices.receipts.document import Document, document_from_json
from devices.receipts.escpos import Slip, slip
from devices.receipts.preview import as_png
from devices.receipts.profiles import PrinterProfile, ProfileUnknown, printer_profile


class SlipMaker:
    """Makes bytes for one printer as it is set up."""

    def __init__(self, settings: PrinterSettings) -> None:
        """Raises ProfileUnknown."""
        self.layout = layout_of(settings)
        self._profile = printer_profile(settings)

    def slip(self, document: Document) -> bytes:
        """Of a document; raises DocumentRefused."""
        return slip(document, self._profile).data

    def body(self, job: Job) -> bytes:
        """Of a job, from what it was asked as; a copy says that it is one. Raises DocumentRefused."""
        document = document_from_json(job.source)
        return self.slip(marked_copy(document) if job.copy_of else document)

    def picture(self, job: Job) -> bytes:
        """A PNG of the paper, from the job's very bytes, on the printer that they were made for."""
        return as_png(Slip(job.body, ()), self._made_for(job.layout))

    def _made_for(self, layout: str) -> PrinterProfile:
        if layout in ("", self.layout):  # a journal of before layouts were kept has none
            return self._profile
        try:
            return printer_profile(msgspec.json.decode(layout, type=PrinterSettings))
        except (msgspec.DecodeError, ProfileUnknown):
            return self._profile


def layout_of(settings: PrinterSettings) -> str:
    """The settings that bytes depend on, as text: two printers with the same take the same bytes."""
    pages = None if settings.code_pages is None else dict(sorted(settings.code_pages.items()))
    said = PrinterSettings(settings.profile, settings.columns, settings.dots, pages, settings.text)
    return msgspec.json.encode(said).decode()
