"""The e-receipt page: everything that the paper says, and nothing that a browser would run."""

import base64
import io
import re
from html.parser import HTMLParser

import pytest
from PIL import Image

from devices.receipts.document import Document, document_from
from devices.receipts.page import receipt_page
from devices.receipts.templates.facts import Language
from devices.receipts.templates.samples import LANGUAGES, SAMPLES, sample
from tests.devices.receipts.corpus import HOSTILE

TAGS = frozenset("html head meta title style body main p div span hr figure svg path figcaption".split())  # noqa: SIM905


class Tags(HTMLParser):
    """The names of tags, their attributes, and the text outside of the style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_has_a_page(name: str, language: Language) -> None:
    page = receipt_page(sample(name, language), language)
    tags = Tags(page)
    assert set(tags.names) <= TAGS
    assert f'<html lang="{language}">' in page


def test_it_says_what_the_paper_says() -> None:
    tags = Tags(receipt_page(sample("sale", "ru"), "ru"))
    for wanted in ("Магазин «Ёлка»", "817,00\u00a0₽", "2598448910", "КАССОВЫЙ ЧЕК"):
        assert wanted in tags.text
    assert tags.names.count("svg") == 1


def test_it_suits_a_phone_by_day_and_by_night() -> None:
    page = receipt_page(sample("sale", "en"), "en")
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page
    assert "prefers-color-scheme: dark" in page
    assert "default-src &#x27;none&#x27;" in page


@pytest.mark.parametrize(
    "text", [*HOSTILE, "<script>alert(1)</script>", '"><img src=x onerror=y>', "</style><b>", "{{x}}"]
)
def test_what_people_write_is_only_text(text: str) -> None:
    document = document_from(
        {"blocks": [{"text": text}, {"row": [text, text]}, {"qr": text[:100]}, {"barcode": "4006381333931"}]}
    )
    page = receipt_page(document, "en")
    tags = Tags(page)
    assert set(tags.names) <= TAGS
    assert not [name for name, _ in tags.attributes if name.startswith("on") or name in ("href", "srcset")]
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]", page)
    page.encode("utf-8")


def test_a_picture_comes_inside_the_page() -> None:
    out = io.BytesIO()
    Image.new("1", (8, 8)).save(out, "PNG")
    document = document_from({"blocks": [{"image": base64.b64encode(out.getvalue()).decode()}]})
    assert 'src="data:image/png;base64,iVBOR' in receipt_page(document, "en")


def test_an_empty_document_is_a_page_too() -> None:
    assert "<title>omnistock</title>" in receipt_page(Document(()), "en")
