"""What the API may send as a document, and what it may not."""

import base64
from typing import Any

import msgspec
import pytest

from devices.receipts.document import (
    BLOCKS_MAX,
    Barcode,
    Cut,
    DocumentRefused,
    Drawer,
    Image,
    Qr,
    Row,
    Rule,
    Text,
    as_json,
    document_from,
    document_from_json,
)

EVERYTHING: list[dict[str, Any]] = [
    {"text": "Hello", "align": "center", "size": "big"},
    {"row": ["Milk", "2 × 0,99", "1,98"], "weights": [3, 0, 0]},
    {"rule": True},
    {"qr": "https://example.org"},
    {"barcode": "4006381333931", "symbology": "EAN13"},
    {"image": base64.b64encode(b"png").decode()},
    {"cut": True},
    {"drawer": 1},
]


def test_every_block_is_told_by_its_key() -> None:
    made = document_from({"blocks": EVERYTHING})
    assert [type(block) for block in made.blocks] == [Text, Row, Rule, Qr, Barcode, Image, Cut, Drawer]


def test_a_document_travels_as_json_and_back() -> None:
    made = document_from_json(msgspec.json.encode({"blocks": EVERYTHING}))
    assert document_from_json(as_json(made)) == made


@pytest.mark.parametrize(
    ("sent", "place"),
    [
        ({"blocks": []}, "document"),
        ({"blocks": [{"text": "a"}] * (BLOCKS_MAX + 1)}, "document"),
        ({"blocks": [{}]}, r"blocks\[0\]"),
        ({"blocks": [{"text": "a"}, {"text": "a", "qr": "b"}]}, r"blocks\[1\]"),
        ({"blocks": [{"raw": "G0A="}]}, r"blocks\[0\]"),
        ({"blocks": [{"text": 5}]}, r"blocks\[0\]"),
        ({"blocks": [{"text": "a", "colour": "red"}]}, r"blocks\[0\]"),
        ({"blocks": [{"text": "a" * 5000}]}, r"blocks\[0\]"),
        ({"blocks": [{"row": []}]}, r"blocks\[0\]"),
        ({"blocks": [{"row": ["a", "b"], "weights": [1]}]}, r"blocks\[0\].weights"),
        ({"blocks": [{"row": ["a"], "align": ["left", "left"]}]}, r"blocks\[0\].align"),
        ({"blocks": [{"rule": False}]}, r"blocks\[0\]"),
        ({"blocks": [{"qr": "я" * 600}]}, r"blocks\[0\].qr"),
        ({"blocks": [{"barcode": "1", "symbology": "EAN99"}]}, r"blocks\[0\]"),
        ({"blocks": [{"image": "not base64!"}]}, r"blocks\[0\]"),
        ({"blocks": [{"drawer": 3}]}, r"blocks\[0\]"),
        ({"blocks": [{"cut": True}], "raw": "x"}, "document"),
        ({"blocks": [{"text": "a" * 4000}] * 26}, "document: 104000 characters"),
        ({"blocks": [{"row": ["a" * 4000] * 8}] * 4}, "document: 128000 characters"),
        ({"blocks": [EVERYTHING[5]] * 21}, "document: 21 images"),
        ({"blocks": [EVERYTHING[3]] * 201}, "document: 201 codes"),
        ([], "document"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(sent: object, place: str) -> None:
    with pytest.raises(DocumentRefused, match=place):
        document_from(sent)


@pytest.mark.parametrize("sent", [b"", b"{", b"\xff", b'{"blocks": "x"}'])
def test_no_json_is_no_document(sent: bytes) -> None:
    with pytest.raises(DocumentRefused):
        document_from_json(sent)
