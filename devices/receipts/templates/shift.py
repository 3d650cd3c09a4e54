"""X and Z reports: what a shift took, gave back and should have in its drawer."""

from collections.abc import Iterator

from devices.receipts.document import Block, Cut, Document, Row, Text
from devices.receipts.templates.facts import ShiftReport
from devices.receipts.templates.figures import moment, money
from devices.receipts.templates.sale import DOUBLE_RULE, RULE, heading, not_fiscal, said
from devices.receipts.templates.words import WORDS, Words


def shift_report(report: ShiftReport) -> Document:
    """The report."""
    return Document(tuple(_report(report, WORDS[report.language])))


def _report(report: ShiftReport, words: Words) -> Iterator[Block]:
    def shown(minor: int) -> str:
        return money(minor, report.currency, report.language)

    yield from heading(report.shop, words)
    yield RULE
    yield from not_fiscal(report.fiscal, words)
    yield Text(words.x_report if report.kind == "x" else words.z_report, align="center", bold=True, size="tall")
    yield from said(words.printed, f"{words.number} {report.number}")
    yield from said(words.shift, report.shift)
    yield from said(words.till, report.shop.till)
    yield from said(words.cashier, report.cashier)
    yield from said(words.opened, moment(report.opened_at, report.language))
    yield from said(words.printed, moment(report.at, report.language))
    yield DOUBLE_RULE
    for name, turnover in (
        (words.sales, report.sales),
        (words.returns, report.returns),
        (words.cancellations, report.cancelled),
    ):
        yield Row([f"{name} ({turnover.count})", shown(turnover.total)])
    yield Row([words.discounts, shown(report.discounts)])
    yield DOUBLE_RULE
    net = report.sales.total - report.returns.total
    yield Row([words.total, shown(net)], bold=True, size="big")
    yield from _payments(report, words)
    if report.taxes:
        yield RULE
    for each in report.taxes:
        rate = f"{each.letter} {each.rate}".strip()
        if each.base is not None:
            yield Row([f"{words.sum_at_rate} {each.letter or each.rate}", shown(each.base)])
        yield Row([f"{words.tax} {rate}", shown(each.tax)])
    yield from _cash(report, words)
    if report.fiscal:
        yield RULE
        yield from said(words.registrar, report.fiscal.registrar)
        yield from said(words.storage, report.fiscal.storage)
        yield from said(words.document, report.fiscal.document)
        yield from said(words.sign, report.fiscal.sign)
    yield RULE
    yield Row([words.drawer_openings, str(report.drawer_openings)])
    if report.grand_total is not None:
        yield Row([words.grand_total, shown(report.grand_total)], bold=True)
    yield Text("")
    yield Row([words.signature, "_" * 16])
    yield from not_fiscal(report.fiscal, words)
    yield Cut(True)


def _payments(report: ShiftReport, words: Words) -> Iterator[Block]:
    for title, payments in ((words.sales, report.payments), (words.returned, report.returned)):
        if payments:
            yield RULE
            yield Text(title, bold=True)
        for each in payments:
            amount = money(each.total, report.currency, report.language)
            yield Row([f"  {words.payment[each.kind]} ({each.count})", amount])


def _cash(report: ShiftReport, words: Words) -> Iterator[Block]:
    cash = report.cash
    yield RULE
    yield Text(words.cash_drawer, bold=True)
    rows = [
        (words.opening, cash.opening),
        (words.put_in, cash.put_in),
        (words.taken_out, -cash.taken_out),
        (words.expected, cash.expected),
    ]
    if cash.counted is not None:
        rows.append((words.counted, cash.counted))
    for name, minor in rows:
        yield Row([f"  {name}", money(minor, report.currency, report.language)])
    if cash.counted is not None and cash.counted != cash.expected:
        amount = money(cash.counted - cash.expected, report.currency, report.language)
        yield Row([words.difference, amount], bold=True, size="tall")
