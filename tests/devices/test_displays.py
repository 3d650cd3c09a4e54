"""A customer's display shows the last state, whole, in the right letters, and no name of a good is a command to it."""

import itertools
from collections.abc import Iterator
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.clock import ManualClock, Waker
from devices.codecs.displays import CODE_PAGES, DisplayDecoder, DisplayProtocol, encode, line_bytes
from devices.drivers.customer_display import CustomerDisplay, DisplaySettings
from devices.shown import COLUMNS, Idle, LineAndSubtotal, Shown, TenderedAndChange, Thanks, Total
from devices.simulators.customer_display import DisplaySimulator
from devices.simulators.simulated_line import SimulatedLine
from devices.transports.line import LineError
from devices.transports.memory import MemoryLine

PROTOCOLS: list[DisplayProtocol] = ["epson_display", "cd5220"]
BOTH = pytest.mark.parametrize("protocol", PROTOCOLS)


@pytest.fixture
def waker() -> Iterator[Waker]:
    waker = Waker()
    yield waker
    waker.close()


def test_the_golden_bytes() -> None:
    assert encode("cd5220", "A", "B", "cp437") == b"\x1bQAA" + b" " * 19 + b"\r\x1bQBB" + b" " * 19 + b"\r"
    assert encode("epson_display", "A", "B", "cp866") == (
        b"\x1bt\x11\x1f$\x01\x01A" + b" " * 19 + b"\x1f$\x01\x02B" + b" " * 19
    )


@BOTH
@pytest.mark.parametrize(
    ("shown", "upper", "lower"),
    [
        (Idle(), "", "Касса 7"),
        (LineAndSubtotal("Молоко 3,2% жирности", "89.90", "1 179.80"), "Молоко 3,2% жи 89.90", "ИТОГ        1 179.80"),
        (Total("1 179.80"), "К ОПЛАТЕ    1 179.80", ""),
        (TenderedAndChange("2 000.00", "820.20"), "ПОЛУЧЕНО    2 000.00", "СДАЧА         820.20"),
        (Thanks(), "СПАСИБО", "ЗА ПОКУПКУ!"),
    ],
)
def test_each_state_as_a_customer_sees_it(protocol: DisplayProtocol, shown: Shown, upper: str, lower: str) -> None:
    clock = ManualClock()
    simulator = DisplaySimulator("cp866")
    settings = DisplaySettings(idle=("", "Касса 7"))
    display = CustomerDisplay(protocol, SimulatedLine(simulator, clock), settings, clock)
    assert display.show(shown)
    assert simulator.lines == (upper.ljust(COLUMNS), lower.ljust(COLUMNS))


def test_polish_letters_on_a_polish_display() -> None:
    clock = ManualClock()
    simulator = DisplaySimulator()
    settings = DisplaySettings(code_page="cp852", total="DO ZAPŁATY")
    display = CustomerDisplay("epson_display", SimulatedLine(simulator, clock), settings, clock)
    display.show(LineAndSubtotal("Żółta gęś", "9,99", "9,99"))
    assert simulator.lines[0] == "Żółta gęś       9,99"


def test_money_is_never_cut() -> None:
    clock = ManualClock()
    simulator = DisplaySimulator("cp866")
    display = CustomerDisplay("cd5220", SimulatedLine(simulator, clock), DisplaySettings(), clock)
    display.show(Total("123 456 789 012.34"))
    assert simulator.lines[0].endswith("123 456 789 012.34")


def test_a_display_whose_cable_was_out_is_started_again(waker: Waker) -> None:
    clock = ManualClock()
    simulator = DisplaySimulator()
    display = CustomerDisplay("epson_display", SimulatedLine(simulator, clock), DisplaySettings(), clock)
    display.show(Total("1.00"))
    simulator.line_up = False
    with pytest.raises(LineError):
        display.show(Total("2.00"))
    simulator.cycle_power()
    simulator.line_up = True
    display.show(Total("3.00"))
    assert simulator.lines[0] == "К ОПЛАТЕ        3.00"
    assert simulator.history[-1] == simulator.lines


def test_a_display_that_takes_no_bytes_costs_the_deadline_and_starts_anew(waker: Waker) -> None:
    clock = ManualClock()
    line = MemoryLine(clock, waker)
    display = CustomerDisplay("cd5220", line, DisplaySettings(), clock)
    line.room = 10
    assert not display.show(Thanks())
    line.room = None
    sent = len(line.sent)
    assert display.show(Thanks())
    assert bytes(line.sent[sent:]).startswith(b"\x1b@\x0c")


@given(st.text(max_size=40), st.text(max_size=40), st.sampled_from(sorted(CODE_PAGES)), st.sampled_from(PROTOCOLS))
def test_no_text_is_a_command_or_a_question_mark(
    upper: str, lower: str, code_page: str, protocol: DisplayProtocol
) -> None:
    for text in (upper, lower):
        shown = line_bytes(text, code_page)
        assert len(shown) == COLUMNS
        assert all(byte >= 0x20 and byte != 0x7F for byte in shown)
        assert shown.count(b"?") <= text.count("?") + sum("?" in normalize("NFKD", letter) for letter in text)
    decoder = DisplayDecoder()
    decoder.feed(encode(protocol, upper, lower, code_page))
    assert [bytes(cells) for cells in decoder.cells] == [line_bytes(upper, code_page), line_bytes(lower, code_page)]


@given(st.binary(max_size=80), st.lists(st.integers(0, 150), max_size=6), st.sampled_from(PROTOCOLS))
def test_garbage_in_any_split_raises_nothing_and_the_next_state_is_shown(
    noise: bytes, cuts: list[int], protocol: DisplayProtocol
) -> None:
    data = noise + b" " * 30 + b"\x0c" + encode(protocol, "AB", "CD", "cp437")
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    decoder = DisplayDecoder()
    for begin, end in itertools.pairwise(edges):
        decoder.feed(data[begin:end])
    assert decoder.lines("cp437") == ("AB".ljust(COLUMNS), "CD".ljust(COLUMNS))
