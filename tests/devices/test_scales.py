"""No weight is sold by unless it is fresh, still and of this item (row 13)."""

import itertools
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.clock import ManualClock
from devices.codecs.scales import CasReader, Control, Frame, NoWeight, ToledoReader, cas_frame, grams_of, toledo_frame
from devices.drivers.scale import Scale, ScaleSettings, Weight
from devices.simulators.scale import ScaleSimulator
from devices.simulators.simulated_line import SimulatedLine

PROTOCOLS: list[Literal["toledo8217", "cas"]] = ["toledo8217", "cas"]
BOTH = pytest.mark.parametrize("protocol", PROTOCOLS)


class Stand:
    def __init__(self, protocol: Literal["toledo8217", "cas"]) -> None:
        self.clock = ManualClock()
        self.scale = ScaleSimulator(protocol)
        self.driver = Scale(protocol, SimulatedLine(self.scale, self.clock), ScaleSettings(), self.clock)

    def weigh(self, tare_grams: int = 0) -> Weight | NoWeight:
        return self.driver.weigh(tare_grams)


def test_the_golden_frames() -> None:
    golden = bytes.fromhex("01 02 53 20 30 31 2E 32 35 30 6B 67 67 03 04")
    assert cas_frame(1250) == golden
    assert [frame.grams for frame in CasReader().feed(golden) if isinstance(frame, Frame)] == [1250]
    assert list(CasReader().feed(b"\x06\x15")) == [Control(0x06), Control(0x15)]
    assert toledo_frame(1250) == b"\x0201.250\r"
    reader = ToledoReader()
    assert [frame.grams for frame in reader.feed(b"\x0201.250\r\x0200.500N\r")] == [1250, 500]
    assert [frame.trouble for frame in reader.feed(b"\x02?\x01\r\x02?\x02\r\x02?\x04\r\x02?\x08\r\x02?\x40\r")] == [
        "motion",
        "over",
        "under_zero",
        "outside_zero",
        "refused",
    ]


@pytest.mark.parametrize(
    ("text", "grams"),
    [
        (b"01.250", 1250),
        (b"00.005", 5),
        (b" 1.25 ", 1250),
        (b"1.2505", None),
        (b"1250", None),
        (b"-1.250", None),
        (b"1.2a0", None),
        (b"", None),
    ],
)
def test_kilograms_are_read_as_whole_grams_or_not_at_all(text: bytes, grams: int | None) -> None:
    assert grams_of(text) == grams


@BOTH
def test_a_still_weight_is_taken_with_its_sequence_age_and_tare(protocol: Literal["toledo8217", "cas"]) -> None:
    stand = Stand(protocol)
    stand.scale.put(1250)
    weight = stand.weigh(tare_grams=20)
    assert isinstance(weight, Weight)
    assert (weight.grams, weight.gross_grams, weight.tare_grams, weight.sequence) == (1230, 1250, 20, 1)
    stand.clock.advance(7.0)
    assert weight.age_ms(stand.clock.wall_ms()) == 7000


@BOTH
def test_a_moving_weight_is_taken_when_it_is_still(protocol: Literal["toledo8217", "cas"]) -> None:
    stand = Stand(protocol)
    stand.scale.put(800, moves_s=1.5)
    weight = stand.weigh()
    assert isinstance(weight, Weight)
    assert weight.grams == 800
    stand.scale.put(900, moves_s=60.0)
    assert stand.weigh() is NoWeight.MOTION


@BOTH
def test_what_lies_in_a_buffer_is_never_a_weight(protocol: Literal["toledo8217", "cas"]) -> None:
    stand = Stand(protocol)
    old = toledo_frame(1250) if protocol == "toledo8217" else cas_frame(1250)
    stand.weigh()
    stand.scale.leave_in_buffer((b"\x02?A\r" if protocol == "toledo8217" else b"\x06") + old)
    stand.scale.put(1300)
    weight = stand.weigh()
    assert isinstance(weight, Weight)
    assert weight.grams == 1300
    stand.driver.watch()
    stand.scale.put(0)
    stand.driver.watch()
    stand.scale.mute = True
    stand.scale.leave_in_buffer(old + old)
    assert stand.weigh() is NoWeight.SILENT


@BOTH
def test_the_last_item_is_not_sold_again(protocol: Literal["toledo8217", "cas"]) -> None:
    stand = Stand(protocol)
    stand.scale.put(500)
    assert isinstance(stand.weigh(), Weight)
    assert stand.weigh() is NoWeight.NOT_EMPTIED
    stand.scale.put(0)
    frame = stand.driver.watch()
    assert frame is not None
    assert frame.grams == 0
    stand.scale.put(500)
    weight = stand.weigh()
    assert isinstance(weight, Weight)
    assert weight.sequence == 2


@BOTH
@pytest.mark.parametrize(
    ("grams", "tare", "why"),
    [(0, 0, NoWeight.EMPTY), (20_000, 0, NoWeight.OVER), (-5, 0, NoWeight.UNDER_ZERO), (30, 30, NoWeight.UNDER_ZERO)],
)
def test_no_weight_has_a_reason(protocol: Literal["toledo8217", "cas"], grams: int, tare: int, why: NoWeight) -> None:
    stand = Stand(protocol)
    stand.scale.put(grams)
    assert stand.weigh(tare) is why


def test_a_scale_that_was_set_to_pounds_sells_nothing() -> None:
    stand = Stand("cas")
    stand.scale.unit = b"lb"
    stand.scale.put(500)
    assert stand.weigh() is NoWeight.WRONG_UNIT


@BOTH
def test_a_storm_of_refusals_ends_in_time_and_the_next_weight_is_right(protocol: Literal["toledo8217", "cas"]) -> None:
    stand = Stand(protocol)
    stand.scale.put(500)
    stand.scale.refuses = 10_000
    before = stand.clock.now()
    assert stand.weigh() in {NoWeight.REFUSED, NoWeight.SILENT}
    assert stand.clock.now() - before < 5.0
    stand.scale.refuses = 3
    weight = stand.weigh()
    assert isinstance(weight, Weight)
    assert weight.grams == 500


def test_a_scale_that_took_its_own_tare_says_so() -> None:
    stand = Stand("toledo8217")
    stand.scale.net = True
    stand.scale.put(480)
    weight = stand.weigh()
    assert isinstance(weight, Weight)
    assert weight.net_on_scale


@BOTH
@given(noise=st.binary(max_size=60), grams=st.integers(0, 15_000), cuts=st.lists(st.integers(0, 90), max_size=6))
def test_garbage_in_any_split_raises_nothing_and_the_next_frame_is_read(
    protocol: Literal["toledo8217", "cas"], noise: bytes, grams: int, cuts: list[int]
) -> None:
    make = toledo_frame if protocol == "toledo8217" else cas_frame
    data = noise + b"\xff" * 20 + make(grams)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    reader = ToledoReader() if protocol == "toledo8217" else CasReader()
    frames = [frame for begin, end in itertools.pairwise(edges) for frame in reader.feed(data[begin:end])]
    last = frames[-1]
    assert isinstance(last, Frame)
    assert last.grams == grams
