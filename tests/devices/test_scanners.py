"""Scans are whole, understood or refused with a reason, and a marked good is never sold twice (row 11)."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.clock import ManualClock, Waker
from devices.codecs.barcodes import BadCode, Code, understand
from devices.codecs.in_store import LAYOUTS, Template, TemplateRefused
from devices.codecs.keyboard_layouts import meant_by
from devices.codecs.scans import SCAN_BYTES_MAX, RawScan, ScanSplitter
from devices.drivers.scanner import OwnTemplate, Scanner, ScannerSettings
from devices.simulators.scanner import ScannerSimulator
from devices.simulators.simulated_line import SimulatedLine
from devices.transports.line import LineLost
from devices.transports.memory import MemoryLine

EAN = "4006381333931"
MILK = "0104600494694226215Abcde\x1d93Test"
SHIRT = "0104600494694226217890123456789\x1d91EE10\x1d92" + "A" * 44
SHOES = "0104600494694226217890123456789\x1d91EE10\x1d92" + "B" * 88


@pytest.fixture
def waker() -> Iterator[Waker]:
    waker = Waker()
    yield waker
    waker.close()


def scans(data: bytes, *, pieces: int = 10_000) -> list[RawScan]:
    splitter = ScanSplitter()
    return [scan for at in range(0, len(data), pieces) for scan in splitter.feed(data[at : at + pieces], 0.0)]


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\n\r", b"\r\r\n"])
@pytest.mark.parametrize("pieces", [1, 3, 1000])
def test_a_scan_ends_with_cr_or_lf_in_any_mixture_and_any_split(end: bytes, pieces: int) -> None:
    data = b"]E0" + EAN.encode() + end + b"ABC-1" + end
    assert scans(data, pieces=pieces) == [RawScan(EAN, "]E0"), RawScan("ABC-1")]


def test_two_scans_without_an_end_between_are_two_or_refused() -> None:
    assert scans(f"]E0{EAN}]E05901234123457\r".encode()) == [RawScan(EAN, "]E0"), RawScan("5901234123457", "]E0")]
    assert scans(f"{EAN}5901234123457\r".encode()) == [RawScan(EAN), RawScan("5901234123457")]
    (glued,) = scans(f"]d2{MILK}]d2{MILK}\r".encode())
    assert isinstance(understand(glued), BadCode)
    (glued,) = scans(f"{EAN}5901234123450\r".encode())
    assert understand(glued) == BadCode(EAN + "5901234123450", "glued")


def test_a_beginning_without_an_end_is_dropped() -> None:
    splitter = ScanSplitter()
    assert list(splitter.feed(b"40063813", 0.0)) == []
    assert list(splitter.feed(f"{EAN}\r".encode(), 5.0)) == [RawScan(EAN)]
    assert splitter.dropped == 1


def test_a_scanner_that_sends_no_end_is_read_by_its_pauses() -> None:
    splitter = ScanSplitter("pause")
    assert list(splitter.feed(EAN.encode(), 0.0)) == []
    assert list(splitter.look(0.01)) == []
    assert list(splitter.look(0.06)) == [RawScan(EAN)]


def test_noise_without_end_is_no_scan() -> None:
    assert scans(b"x" * (SCAN_BYTES_MAX + 1) + b"\r" + EAN.encode() + b"\r") == [RawScan(EAN)]


@pytest.mark.parametrize(
    ("scan", "code"),
    [
        (RawScan(EAN), Code("article", EAN, "04006381333931")),
        (RawScan(EAN, "]E0"), Code("article", EAN, "04006381333931")),
        (RawScan("40123455", "]E4"), Code("article", "40123455", "00000040123455")),
        (RawScan("036000291452"), Code("article", "036000291452", "00036000291452")),
        (RawScan("14006381333938", "]I1"), Code("article", "14006381333938", "14006381333938")),
        (RawScan("4006381333932"), BadCode("4006381333932", "check_digit")),
        (RawScan("40063813339", "]E0"), BadCode("40063813339", "check_digit")),
        (
            RawScan("0104006381333931" + "3103001250" + "17261231" + "10L7", "]C1"),
            Code(
                "gs1",
                "0104006381333931310300125017261231" + "10L7",
                "04006381333931",
                grams=1250,
                lot="L7",
                expires=date(2026, 12, 31),
            ),
        ),
        (RawScan("0104006381333932", "]C1"), BadCode("0104006381333932", "check_digit")),
        (RawScan("01040063813339310104006381333931", "]C1"), BadCode("01040063813339310104006381333931", "glued")),
        (RawScan("A-17", "]C0"), Code("text", "A-17")),
        (RawScan("https://example.com", "]Q1"), Code("text", "https://example.com")),
        (RawScan("фи-17".encode("cp1251").decode("latin-1")), None),
    ],
)
def test_what_a_scan_means(scan: RawScan, code: Code | BadCode | None) -> None:
    assert understand(scan) == (code or BadCode(scan.data, "wrong_layout"))


def typed_on_russian(data: str, encoding: str) -> str:
    """What a program hands on of a scanner that presses keys under a Russian layout."""
    us = "qwertyuiop[]asdfghjkl;'zxcvbnm,./`" + 'QWERTYUIOP{}ASDFGHJKL:"ZXCVBNM<>?~@#$^&|'
    russian = "йцукенгшщзхъфывапролджэячсмитьбю.ё" + 'ЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ,Ё"№;:?/'
    return data.translate(str.maketrans(us, russian)).encode(encoding).decode("latin-1")


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251", "cp866"])
@pytest.mark.parametrize(
    "data", ["]E0" + EAN, MILK, SHIRT, SHOES, "]d2" + MILK, "]C10104006381333931103103001250", "]E02300017012507"]
)
def test_a_keyboard_scanner_under_a_russian_layout_is_understood(data: str, encoding: str) -> None:
    """Row 11, from the bytes that came to what was meant."""
    (raw,) = scans(typed_on_russian(data, encoding).encode("latin-1") + b"\r")
    aim = data[:3] if data.startswith("]") else ""
    wanted = understand(RawScan(data.removeprefix(aim), aim), LAYOUTS["ru"])
    assert isinstance(wanted, Code)
    assert understand(raw, LAYOUTS["ru"]) == replace(wanted, repaired=True)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251", "cp866"])
def test_what_proves_nothing_is_not_repaired(encoding: str) -> None:
    text = typed_on_russian("ABC-17", encoding)
    assert understand(RawScan(text)) == BadCode(text, "wrong_layout")
    eaten = typed_on_russian(MILK.replace("\x1d", ""), encoding)  # most keyboards have no key for GS
    assert understand(RawScan(eaten)) == BadCode(eaten, "separator_lost")
    wrong = typed_on_russian("]E04006381333930", encoding)
    assert understand(RawScan(wrong)) == BadCode(wrong, "check_digit")


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=40))
def test_every_key_is_found_again(text: str) -> None:
    for encoding in ("utf-8", "cp1251", "cp866"):
        typed = typed_on_russian(text, encoding)
        assert meant_by(typed).count(text) == (0 if typed.isascii() else 1)


def test_what_may_be_two_things_is_neither() -> None:
    """The same bytes are letters of two encodings, and both make a marked good: no guess."""
    typed = typed_on_russian("010460049469422621shinzo\x1d93shac", "cp866")
    meant = meant_by(typed)
    assert len(meant) == 2
    assert {type(understand(RawScan(each))) for each in meant} == {Code}
    assert understand(RawScan(typed)) == BadCode(typed, "wrong_layout")


@pytest.mark.parametrize("data", [MILK, SHIRT, SHOES, "\x1d" + MILK])
@pytest.mark.parametrize("aim", ["", "]d2"])
def test_a_marked_code_is_kept_byte_for_byte(data: str, aim: str) -> None:
    code = understand(RawScan(data, aim))
    assert isinstance(code, Code)
    assert (code.kind, code.raw, code.gtin) == ("marked", data, "04600494694226")


@pytest.mark.parametrize("data", [MILK, SHIRT, SHOES])
def test_a_marked_code_that_lost_any_separator_is_refused_with_the_reason(data: str) -> None:
    places = [at for at, character in enumerate(data) if character == "\x1d"]
    for lost in places:
        assert understand(RawScan(data[:lost] + data[lost + 1 :], "]d2")) == BadCode(
            data[:lost] + data[lost + 1 :], "separator_lost"
        )
    assert isinstance(understand(RawScan(data.replace("\x1d", ""), "]d2")), BadCode)


@pytest.mark.parametrize("data", [MILK, SHIRT, SHOES])
def test_a_marked_code_cut_short_anywhere_is_never_a_marked_code(data: str) -> None:
    for end in set(range(len(data))) - {
        len(SHIRT)
    }:  # shoes' codes begin like shirts'; the scanner's end tells them apart
        code = understand(RawScan(data[:end], "]d2"))
        assert not (isinstance(code, Code) and code.kind == "marked"), end


@pytest.mark.parametrize("sent", [b"\x1d", b"\xe8"])
def test_fnc1_comes_as_gs_or_as_232(sent: bytes, waker: Waker) -> None:
    (scan,) = scans(b"]d2" + MILK.encode().replace(b"\x1d", sent) + b"\r")
    assert scan.data == MILK


def test_a_scanner_set_to_send_something_else_for_fnc1(waker: Waker) -> None:
    line = MemoryLine(ManualClock(), waker)
    line.say(b"]d2" + MILK.encode().replace(b"\x1d", b"\\F") + b"\r\n")
    (scan,) = Scanner(line, ScannerSettings(group_separator="\\F"), ManualClock()).read(1e9)
    assert isinstance(scan.code, Code)
    assert scan.code.raw == MILK


@pytest.mark.parametrize(
    ("layout", "code", "plu", "value", "kind"),
    [
        ("ru", "2112345012506", "12345", 1250, "weighed"),
        ("ru", "2212345012503", "12345", 1250, "priced"),
        ("ru6", "2112345012506", "112345", 1250, "weighed"),
        ("pl", "2912347012500", "1234", 1250, "weighed"),
        ("pl", "2712347012506", "1234", 1250, "priced"),
    ],
)
def test_weights_and_prices_in_a_stores_own_codes(layout: str, code: str, plu: str, value: int, kind: str) -> None:
    said = understand(RawScan(code, "]E0"), LAYOUTS[layout])
    assert isinstance(said, Code), said
    assert (said.kind, said.plu, said.grams if kind == "weighed" else said.price) == (kind, plu, value)
    wrong = code[:-1] + str((int(code[-1]) + 1) % 10)
    assert understand(RawScan(wrong, "]E0"), LAYOUTS[layout]) == BadCode(wrong, "check_digit")


@given(st.sampled_from(sorted(LAYOUTS)), st.integers(0, 9999), st.integers(0, 99_999), st.data())
def test_any_weight_printed_is_the_weight_read(layout: str, plu: int, value: int, data: st.DataObject) -> None:
    template = data.draw(st.sampled_from(LAYOUTS[layout]))
    said = template.read(template.write(str(plu), value))
    assert said is not None
    assert (int(said.plu), said.value, said.holds) == (plu, value, template.holds)


@pytest.mark.parametrize("pattern", ["", "29IIIIKVVVVV", "30IIIIKVVVVVC", "29VVVVKIIIIIC", "29IIIIKVVVVVCC"])
def test_a_template_that_no_scale_prints_is_refused(pattern: str) -> None:
    with pytest.raises(TemplateRefused):
        Template(pattern, "weight")


def test_equal_articles_are_two_pieces_and_equal_marks_are_one(waker: Waker) -> None:
    clock = ManualClock()
    simulator = ScannerSimulator()
    scanner = Scanner(SimulatedLine(simulator, clock), ScannerSettings(), clock)
    assert scanner.read(clock.now() + 0.1) == []
    for data, aim in [
        (EAN, "]E0"),
        (EAN, "]E0"),
        (SHIRT, "]d2"),
        (SHIRT, "]d2"),
        (SHIRT.replace("EE10", "EE11"), "]d2"),
    ]:
        simulator.scan(data, aim)
    found = [(scan.code.raw[:2], scan.again) for scan in scanner.read(clock.now() + 1.0)]
    assert found == [("40", False), ("40", False), ("01", False), ("01", True), ("01", True)]
    scanner.new_receipt()
    simulator.scan(SHIRT, "]d2")
    assert [scan.again for scan in scanner.read(clock.now() + 1.0)] == [False]


def test_a_bouncing_trigger_is_filtered_only_if_the_store_says_so(waker: Waker) -> None:
    for bounce_s, count in ((0.0, 2), (0.15, 1)):
        line = MemoryLine(ManualClock(), waker)
        scanner = Scanner(line, ScannerSettings(bounce_s=bounce_s), ManualClock())
        line.open(0)
        line.say(f"{EAN}\r\n{EAN}\r\n".encode())
        assert len(scanner.read(1e9)) == count


def test_half_a_code_before_a_lost_line_is_not_the_beginning_of_the_next(waker: Waker) -> None:
    clock = ManualClock()
    simulator = ScannerSimulator(aim=False)
    scanner = Scanner(SimulatedLine(simulator, clock), ScannerSettings(), clock)
    scanner.read(clock.now())
    simulator.scan("40063", lose_end=True)
    scanner.read(clock.now() + 0.05)
    simulator.line_up = False
    with pytest.raises(LineLost):
        scanner.read(clock.now() + 0.05)
    simulator.line_up = True
    scanner.read(clock.now())
    simulator.scan("81333931")
    assert [scan.scan.data for scan in scanner.read(clock.now() + 1)] == ["81333931"]
    assert scanner.dropped == 1


def test_a_stores_own_template_comes_before_the_layout(waker: Waker) -> None:
    line = MemoryLine(ManualClock(), waker)
    line.say(b"2112345012506\r")
    settings = ScannerSettings(layout="ru", templates=(OwnTemplate("21IIIIIVVVVVC", "price"),))
    (scan,) = Scanner(line, settings, ManualClock()).read(1e9)
    assert isinstance(scan.code, Code)
    assert (scan.code.kind, scan.code.price) == ("priced", 1250)


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=8), st.sampled_from(sorted(LAYOUTS)))
def test_garbage_in_any_split_raises_nothing_and_the_next_scan_is_read(
    noise: bytes, cuts: list[int], layout: str
) -> None:
    splitter = ScanSplitter()
    data = noise + b"\r\n" + f"]E0{EAN}\r\n".encode()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    found = [scan for begin, end in itertools.pairwise(edges) for scan in splitter.feed(data[begin:end], 0.0)]
    assert found == scans(data), "the split changes nothing"
    assert found[-1] == RawScan(EAN, "]E0")
    for scan in found:
        understand(scan, LAYOUTS[layout])


@given(
    st.text(st.characters(codec="ascii"), max_size=80),
    st.sampled_from(["", "]E0", "]E4", "]C1", "]d2", "]Q3", "]e0", "]I1", "]A0", "]L0"]),
    st.sampled_from(["", "01", "01046004946942262", "\x1d01", "8005", "00"]),
)
def test_anything_that_can_be_scanned_is_understood_or_refused(data: str, aim: str, beginning: str) -> None:
    understand(RawScan(beginning + data, aim), LAYOUTS["ru"])
