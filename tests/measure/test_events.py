"""Detections against what happens in long recordings."""

import numpy as np
import pytest

from edgekit.data.tracks import Event
from edgekit.frontend.stream import Plan
from edgekit.measure.events import Heard, detections, measured, span
from edgekit.measure.intervals import garwood

PLAN = Plan(
    channels=1,
    window=400,
    hop=100,
    values=4,
    frames=5,
    stride=2,
    classes=3,
    smoothing=2,
    least=0,
    zero=-128,
    refractory=0,
    positive=(1, 2),
    sample_rate=1000.0,
    output="int8",
)
"""Of whose answers each knows of 400 + (4 + 2) * 100 samples, a second."""


def of(*recordings):
    return {m.name: m for m in measured(PLAN, recordings, "tflm 1")}


def test_answers_become_times():
    assert span(PLAN) == 1000
    # The first knows of 5 frames, 400 + 4 * 100 samples; then come 2 frames a time.
    assert detections(PLAN, np.array([-1, 2, -1, 1])) == ((1000, 2), (1400, 1))


def test_events_are_detected_or_missed():
    events = (Event(1000, 1500, 1), Event(5000, 5500, 2), Event(9000, 9500, 1))
    found = of(Heard(60_000, events, ((1700, 1), (6400, 2))))
    assert found["detection_rate"].value == pytest.approx(200 / 3) and found["detection_rate"].samples == 3
    assert found["detection_rate"].low < 66 < found["detection_rate"].high
    assert found["false_accepts"].value == 0 and found["false_accepts"].unit == "/h"
    # A minute without one: at most 3.69 of them a minute.
    assert found["false_accepts"].high == pytest.approx(60 * 3.6889, rel=1e-4)
    assert found["detection_latency"].value == pytest.approx((200 + 900) / 2 * 1e6)


@pytest.mark.parametrize(
    ("detection", "why"),
    [((900, 1), "before"), ((2600, 1), "long after"), ((1700, 2), "another class")],
)
def test_what_is_of_no_event_is_false(detection, why):
    found = of(Heard(3_600_000, (Event(1000, 1500, 1),), (detection,)))
    assert found["false_accepts"].value == 1 and found["detection_rate"].value == 0, why
    assert found["detection_latency"].value is None


def test_a_second_detection_of_an_event_is_false_and_one_of_two_events_is_not():
    twice = ((1700, 1), (1900, 1))
    assert of(Heard(3_600_000, (Event(1000, 1500, 1),), twice))["false_accepts"].value == 1
    two = (Event(1000, 1500, 1), Event(1550, 1800, 1))
    found = of(Heard(3_600_000, two, twice))
    assert found["false_accepts"].value == 0 and found["detection_rate"].value == 100


def test_a_detection_may_come_before_the_event_ends():
    assert of(Heard(60_000, (Event(1000, 2000, 1),), ((1800, 1),)))["detection_latency"].value == -200e6


def test_without_events_there_is_no_rate():
    found = of(Heard(60_000, (), ((1800, 1),)))
    assert found["detection_rate"].value is None and found["false_accepts"].value == 60


@pytest.mark.parametrize(
    ("count", "low", "high"), [(0, 0, 3.689), (1, 0.0253, 5.572), (5, 1.623, 11.668), (100, 81.36, 121.63)]
)
def test_counts_have_garwoods_interval(count, low, high):
    assert garwood(count) == pytest.approx((low, high), abs=0.01)
