"""Receipts: from a sale's facts to a printer's bytes on one core; python-escpos alone with the same lines beside it.

Every receipt is another one: names, figures and the fiscal code change, so that nothing but letters is kept from one
to the next. python-escpos gets lines that are laid out already, for it lays out none.
"""

import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import msgspec
import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.figures import note
from benchmarks.sizes import scaled, scratch
from devices.printer_settings import PrinterSettings
from devices.receipts.escpos import slip
from devices.receipts.layout import Line, laid_out
from devices.receipts.preview import as_png
from devices.receipts.profiles import PrinterProfile, printer_profile
from devices.receipts.templates.facts import Sale
from devices.receipts.templates.sale import sale_receipt
from devices.receipts.templates.samples import sample_sale

RECEIPTS = scaled(200, 20)
FEWER = scaled(20, 2)
ROUNDS = 5
LINES = 12
PRINTED, DRAWN = "TM-T20II", "simple"
_SALE = sample_sale("ru")


def sales() -> Iterator[Sale]:
    """Sales of a dozen lines, no two alike."""
    assert _SALE.fiscal
    for number in range(10**9):
        lines = [
            msgspec.structs.replace(line, name=f"{line.name} {number + 7 * each}", price=line.price + number)
            for each, line in enumerate(_SALE.lines * (LINES // len(_SALE.lines)))
        ]
        total = sum(line.total for line in lines) - _SALE.discount
        yield msgspec.structs.replace(
            _SALE,
            number=f"3-{number:06}",
            at=_SALE.at + timedelta(minutes=number),
            lines=lines,
            total=total,
            payments=[msgspec.structs.replace(_SALE.payments[0], total=total)],
            fiscal=msgspec.structs.replace(_SALE.fiscal, qr=f"{_SALE.fiscal.qr}&x={number}"),
        )


def timed(
    benchmark: BenchmarkFixture, key: str, given: Iterator[Any], make: Callable[[Any], object], count: int = RECEIPTS
) -> list[float]:
    """Rates of the rounds under `key`, and the time of every single one."""
    rates: list[float] = []
    each: list[float] = []

    def run() -> None:
        work = [next(given) for _ in range(count)]
        begun = time.process_time()
        for one in work:
            at = time.perf_counter()
            make(one)
            each.append(time.perf_counter() - at)
        rates.append(count / (time.process_time() - begun))

    pedantic: Any = benchmark.pedantic
    pedantic(run, rounds=ROUNDS, warmup_rounds=1, iterations=1)
    note(benchmark, key, rates[1:], "receipts/s")
    return each[count:]


@pytest.mark.parametrize(("name", "key"), [(PRINTED, "receipt"), (DRAWN, "receipt drawn")])
def test_facts_to_bytes(benchmark: BenchmarkFixture, name: str, key: str) -> None:
    profile = printer_profile(PrinterSettings(name))
    each = timed(benchmark, key, sales(), lambda sale: slip(sale_receipt(sale), profile))
    note(benchmark, f"{key} p99", [1e3 * float(np.percentile(each, 99))], "ms")


def test_bytes_to_a_picture(benchmark: BenchmarkFixture) -> None:
    profile = printer_profile(PrinterSettings(PRINTED))
    slips = (slip(sale_receipt(sale), profile) for sale in sales())
    timed(benchmark, "receipt preview", slips, lambda made: as_png(made, profile), FEWER)


def test_python_escpos_alone(benchmark: BenchmarkFixture) -> None:
    with scratch("escpos") as directory:
        os.environ["ESCPOS_CAPABILITIES_PICKLE_DIR"] = str(directory)
        try:
            from escpos.printer import Dummy
        finally:
            del os.environ["ESCPOS_CAPABILITIES_PICKLE_DIR"]
    profile = printer_profile(PrinterSettings(PRINTED))
    given = ((_lines(sale, profile), sale) for sale in sales())

    def make(one: tuple[list[Line], Sale]) -> bytes:
        lines, sale = one
        printer = Dummy(profile=PRINTED)
        printer.hw("INIT")
        for line in lines:
            printer.set(bold=line.bold, double_height=line.tall, double_width=line.wide)
            printer.text(f"{line.text}\n")
        assert sale.fiscal
        printer.qr(sale.fiscal.qr, native=True, ec=1, size=4)
        printer.cut()
        return bytes(printer.output)

    timed(benchmark, "receipt escpos", given, make, FEWER)


def _lines(sale: Sale, profile: PrinterProfile) -> list[Line]:
    laid = laid_out(sale_receipt(sale), profile.columns, profile.pages.spelled)
    return [line for line in laid if isinstance(line, Line)]
