import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.units import (
    Bytes,
    Count,
    Hertz,
    Microamperes,
    Microjoules,
    MilliampereHours,
    Nanoseconds,
    Percent,
    Picocoulombs,
    Picojoules,
    PicojoulesPerByte,
    Ratio,
    Volts,
    room,
    show,
)

POWER = [Microjoules, Picojoules, PicojoulesPerByte, Volts, Microamperes, Picocoulombs, MilliampereHours]
KINDS = [Bytes, Nanoseconds, Percent, Hertz, Ratio, Count, *POWER]
NUMBERS = st.floats(0, 1e12, allow_nan=False)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Bytes, "300 KiB", 307_200),
        (Bytes, "300KiB", 307_200),
        (Bytes, "1.5 MB", 1_500_000),
        (Bytes, "7 B", 7),
        (Nanoseconds, "5 ms", 5_000_000),
        (Nanoseconds, "2 µs", 2_000),
        (Nanoseconds, "2 μs", 2_000),
        (Nanoseconds, "1e3 ns", 1_000),
        (Percent, "0.5 %", 0.5),
        (Percent, "2 points", 2),
        (Hertz, "80 MHz", 80_000_000),
        (Ratio, "1.5 x", 1.5),
        (Ratio, 2, 2),
        (Count, "30 M", 30_000_000),
        (Count, 12, 12),
        (Microjoules, "1.5 mJ", 1500),
        (Picojoules, "500 fJ", 0.5),
        (PicojoulesPerByte, "2 pJ/bit", 16),
        (Volts, "1800 mV", 1.8),
        (Microamperes, "300 nA", 0.3),
        (Picocoulombs, "19.5 µA/MHz", 19.5),
        (MilliampereHours, "2.5 Ah", 2500),
    ],
)
def test_quantities(kind, text, value):
    found = kind.parse(text)
    assert isinstance(found, kind) and found == pytest.approx(value)


@pytest.mark.parametrize("kind", KINDS)
@given(number=NUMBERS, data=st.data())
def test_a_number_times_its_unit(kind, number, data):
    unit = data.draw(st.sampled_from(sorted(kind.units)))
    assert kind.parse(f"{number!r} {unit}") == number * kind.units[unit]


@pytest.mark.parametrize("kind", KINDS)
@given(number=NUMBERS.filter(bool), data=st.data())
def test_negative_numbers_are_refused(kind, number, data):
    unit = data.draw(st.sampled_from(sorted(kind.units)))
    with pytest.raises(ValueError, match="negative"):
        kind.parse(f"-{number!r} {unit}")


@pytest.mark.parametrize("kind", KINDS)
@given(text=st.text() | st.none() | st.lists(st.integers()) | st.booleans())
def test_anything_else_is_refused_with_an_example(kind, text):
    try:
        assert kind.parse(text) >= 0
    except ValueError as problem:
        assert kind.example in str(problem)


@pytest.mark.parametrize("kind", [Bytes, Nanoseconds, Percent, Hertz])
@pytest.mark.parametrize("number", [5, 0.5, "5", "5 parsecs"])
def test_a_missing_or_foreign_unit_is_refused_with_an_example(kind, number):
    with pytest.raises(ValueError, match=f'no unit of {kind.kind}.*write "{kind.example}"'):
        kind.parse(number)


@pytest.mark.parametrize("text", ["nan B", "inf B", "infinity B", "0x10 B", "1_000 B", "", " ", "B", "1 2 B"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(ValueError, match="300 KiB"):
        Bytes.parse(text)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "B", "–"),
        (512, "B", "512 B"),
        (41_184, "B", "40.2 KiB"),
        (3 * 2**20, "B", "3.0 MiB"),
        (153_000, "ns", "153 µs"),
        (7, "ns", "7 ns"),
        (2.5e9, "ns", "2.5 s"),
        (98.7, "%", "98.70 %"),
        (-0.05, "points", "-0.05 points"),
        (2_440_960, "1", "2,440,960"),
        (0.25, "", "0.25"),
        (1.534, "x", "1.53 x"),
    ],
)
def test_values_for_a_person(value, unit, text):
    assert show(value, unit) == text


@pytest.mark.parametrize(
    ("value", "limit", "unit", "text"),
    [
        (8.5e6, 10e6, "ns", "15 % left"),
        (13.6e6, 10e6, "ns", "36 % over"),
        (31e6, 10e6, "ns", "3.1× the limit"),
        (649e6, 1e6, "ns", "649× the limit"),
        (36, 10e6, "ns", "over 99 % left"),
        (0, 100, "B", "100 % left"),
        (99.97, 100, "B", "under 0.1 % left"),
        (99.3, 100, "B", "0.7 % left"),
        (100, 100, "B", "at the limit"),
        (0, 0, "B", "at the limit"),
        (5, 0, "B", "5 B over"),
        (-0.05, 1, "points", "1.05 points left"),
        (1.0001, 1, "points", "under 0.01 points over"),
        (3, 2, "LSB", "1 LSB over"),
        (-3, 0.5, "", "3.5 left"),
        (math.inf, 1, "B", "∞ over"),
        (math.nan, 1, "B", "–"),
        (None, 1, "B", "–"),
    ],
)
def test_room_below_the_most_that_is_allowed(value, limit, unit, text):
    assert room(value, limit, unit) == text


@pytest.mark.parametrize(
    ("value", "limit", "unit", "text"),
    [
        (98.9, 97.5, "%", "1.40 points left"),
        (97.4, 97.5, "%", "0.10 points short"),
        (100, 100, "%", "at the limit"),
        (3, 2, "x", "50 % left"),
        (8, 2, "x", "4× the least"),
        (1, 2, "x", "50 % short"),
        (0, 2, "x", "100 % short"),
        (1e-9, 2, "x", "over 99 % short"),
        (12.3, 40, "dB", "27.7 dB short"),
        (math.inf, 40, "dB", "∞ left"),
    ],
)
def test_room_above_the_least_that_is_asked(value, limit, unit, text):
    assert room(value, limit, unit, least=True) == text


UNITS = ["B", "ns", "%", "points", "x", "1", "", "dB", "LSB"]
ANY = st.floats(allow_nan=True, allow_infinity=True) | st.floats(-1e3, 1e3) | st.integers(-3, 3).map(float)


@given(value=ANY | st.none(), limit=ANY, unit=st.sampled_from(UNITS), least=st.booleans())
def test_room_reads_well_at_every_value(value, limit, unit, least):
    said = room(value, limit, unit, least)
    if value is None or math.isnan(value) or math.isnan(limit) or (math.isinf(value) and value == limit):
        assert said == "–"
        return
    holds = value >= limit if least else value <= limit
    word = said.rpartition(" ")[2]
    # Whether the limit holds can be read from the words alone.
    assert holds == (said == "at the limit" or word == "left" or said.endswith("the least"))
    assert said == "at the limit" or (word in {"left", "over", "short"}) or "× the " in said
    share = re.match(r"(?:over |under )?([\d.]+) %", said)
    assert not share or 0 < float(share[1]) < 100 or (value == 0 and share[1] == "100")
    assert not re.match(r"[-0.,]+ ", said), "a sign, or a difference that reads as none"
    factor = re.search(r"([\d.,]+)×", said)
    assert not factor or 2 <= float(factor[1].replace(",", "")) <= 1e6


@given(limit=st.floats(1, 1e9), share=st.floats(0, 1), unit=st.sampled_from(["B", "ns", "x", "1"]))
def test_less_room_never_reads_as_more(limit, share, unit):
    def left(part: float) -> float:
        said = room(part * limit, limit, unit)
        words = {"at the limit": 0.0, "under 0.1 % left": 0.05, "over 99 % left": 99.9}
        return words[said] if said in words else float(said.partition(" ")[0])

    assert left(share) >= left(share + (1 - share) / 2)
