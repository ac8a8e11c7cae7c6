import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.units import Bytes, Count, Hertz, Nanoseconds, Percent, Ratio, show

KINDS = [Bytes, Nanoseconds, Percent, Hertz, Ratio, Count]
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
        (1.534, "x", "1.53 x"),
    ],
)
def test_values_for_a_person(value, unit, text):
    assert show(value, unit) == text
