"""zxing-cpp reads the codes from our own pictures: those that a printer makes and those that we draw."""

import pytest
import zxingcpp

from devices.printer_settings import PrinterSettings
from devices.receipts.document import document_from
from devices.receipts.escpos import slip
from devices.receipts.preview import as_picture
from devices.receipts.profiles import printer_profile, printer_profiles
from devices.receipts.symbols import check_digit
from devices.receipts.templates.samples import sample

PINS = {"TM-U220", "TM-U220B"}
"""Their dots are no squares: the picture here is squeezed, the paper is not."""


@pytest.mark.parametrize("name", sorted(set(printer_profiles()) - PINS))
def test_the_fiscal_code_and_a_price_tag_scan_on_every_printer(name: str) -> None:
    profile = printer_profile(PrinterSettings(name))
    found = zxingcpp.read_barcodes(as_picture(slip(sample("sale", "ru"), profile), profile))
    assert [each.text for each in found] == ["t=20261121T1644&s=817.00&fn=9999999999999051&i=42183&fp=2598448910&n=1"]
    found = zxingcpp.read_barcodes(as_picture(slip(sample("price-tag", "ru"), profile), profile))
    assert [each.text for each in found] == ["4600000000015"]


@pytest.mark.parametrize("length", [1, 14, 15, 62, 63, 180, 412, 711, 1000])
@pytest.mark.parametrize("name", ["TM-T20II", "POS-5890", "simple"])
def test_a_code_of_any_length_fits_and_scans(name: str, length: int) -> None:
    profile = printer_profile(PrinterSettings(name))
    text = "".join(chr(97 + at % 26) for at in range(length))
    picture = as_picture(slip(document_from({"blocks": [{"qr": text, "size": "large"}]}), profile), profile)
    assert [each.text for each in zxingcpp.read_barcodes(picture)] == [text]


@pytest.mark.parametrize("digits", ["400638133393", "590123412345", "9638507", "03600029145"])
def test_check_digits_are_those_that_a_scanner_accepts(digits: str) -> None:
    symbology = {12: "EAN13", 7: "EAN8", 11: "UPC-A"}[len(digits)]
    profile = printer_profile(PrinterSettings("TM-T20II"))
    made = slip(document_from({"blocks": [{"barcode": digits, "symbology": symbology}]}), profile)
    found = zxingcpp.read_barcodes(as_picture(made, profile))
    assert [each.text.lstrip("0") for each in found] == [(digits + check_digit(digits)).lstrip("0")]
