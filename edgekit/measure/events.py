"""Detections in long recordings, against what happens there."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from msgspec import Struct

from edgekit.data.tracks import Event
from edgekit.frontend.stream import NOTHING, Plan
from edgekit.measure.intervals import garwood, rank_interval, wilson
from edgekit.types import Measurement


class Heard(Struct, frozen=True):
    """What became of a recording."""

    samples: int
    events: tuple[Event, ...]
    """Of the classes to detect."""
    detections: tuple[tuple[int, int], ...]
    """Samples heard, and the class, of each answer that detected one."""


def detections(of: Plan, detected: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Those among answers."""
    times = of.times(len(detected)).tolist()
    return tuple((int(t), int(kind)) for t, kind in zip(times, detected, strict=True) if kind != NOTHING)


def span(of: Plan) -> int:
    """Samples that the sum of an answer knows of: those of the model and of the answers that are added up."""
    return of.window + (of.frames - 1 + (of.smoothing - 1) * of.stride) * of.hop


def measured(of: Plan, heard: Sequence[Heard], label: str) -> list[Measurement]:
    """How many events were detected and how soon, and how often something else was.

    A detection is of an event of its class if that began before it, and some of what the answer knows of is of the
    event: the first of these events that has none yet. Any other detection, a second one of an event too, is false.

    Args:
      heard: each recording.
      label: the runtime.

    Returns:
      `detection_rate` (%), with Wilson's interval; `false_accepts` (per hour), with Garwood's;
      `detection_latency` (ns), the median from the end of an event to the answer, negative where that comes before.
    """
    latencies, wrong, events, reach = list[float](), 0, 0, span(of)
    for one in heard:
        left = list(one.events)
        events += len(left)
        for time, kind in one.detections:
            event = next((e for e in left if e.kind == kind and e.start < time <= e.end + reach), None)
            if event is None:
                wrong += 1
                continue
            left.remove(event)
            latencies.append((time - event.end) / of.sample_rate * 1e9)
    hours = sum(one.samples for one in heard) / of.sample_rate / 3600
    said = f"{len(latencies)} of {events} events in {hours * 3600:,.0f} s"
    if not events:
        rate = Measurement("detection_rate", None, "%", runtime=label, reason="skipped: no event is labelled")
    else:
        low, high = wilson(len(latencies), events)
        value = 100 * len(latencies) / events
        rate = Measurement("detection_rate", value, "%", "measured", label, events, 100 * low, 100 * high, reason=said)
    low, high = (count / hours for count in garwood(wrong))
    said = f"{wrong} in {hours * 3600:,.0f} s"
    return [
        rate,
        Measurement("false_accepts", wrong / hours, "/h", "measured", label, len(heard), low, high, reason=said),
        _latency(sorted(latencies), label),
    ]


def skipped(why: str, label: str) -> list[Measurement]:
    """The same without values."""
    units = {"detection_rate": "%", "false_accepts": "/h", "detection_latency": "ns"}
    return [Measurement(n, None, unit, runtime=label, reason=f"skipped: {why}") for n, unit in units.items()]


def _latency(found: list[float], label: str) -> Measurement:
    if not found:
        said = "skipped: nothing was detected"
        return Measurement("detection_latency", None, "ns", runtime=label, reason=said)
    below, above = rank_interval(len(found), 0.5)
    low, high = (None if rank is None else found[rank - 1] for rank in (below, above))
    said = f"from the end of an event, median of {len(found)}; {found[0] / 1e6:,.0f} to {found[-1] / 1e6:,.0f} ms"
    return Measurement("detection_latency", median(found), "ns", "measured", label, len(found), low, high, reason=said)
