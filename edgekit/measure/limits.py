"""What a model may cost: what `budget` says."""

from __future__ import annotations

import datetime
from typing import Literal

import msgspec

from edgekit.config import Settings
from edgekit.units import Bytes, Count, Nanoseconds, Number, Percent, Quantity, Ratio

TIMED = ("latency", "latency_p50", "latency_p99", "load_time", "speedup")
"""Budgets that more rounds of timing can decide."""
HOSTED = (*TIMED, "resident_memory")
"""Budgets whose figures are those of the machine that they were measured on, and of no other."""
AT_LEAST = {"speedup", "accuracy", "metric_min", "npu_coverage", "sqnr", "float_sqnr", "skill"}
"""Budgets whose limit is the least that is allowed."""
Level = Literal["error", "warn", "off"]


class Waiver(Settings, frozen=True):
    """A limit that may be broken until a day."""

    name: str
    """Of the limit."""
    reason: str
    until: datetime.date
    """The last day."""


class Budget(Settings, frozen=True):
    """Limits on measurements. All are upper limits but `speedup`, `accuracy`, `metric_min`, `npu_coverage`, `sqnr`,
    `float_sqnr` and `skill`.

    Written with a sign, as in "+5 %" or "+0 B", a limit is what may be added to the baseline's figure.
    """

    model_size: Bytes | None = None
    download_size: Bytes | None = None
    """Deflated, as an app store or an update sends it."""
    arena: Bytes | None = None
    flash: Bytes | None = None
    """Code and constants of standalone C, linked for the core;"""
    ram: Bytes | None = None
    """its data, arena and stack;"""
    instructions: Count | None = None
    """and what one inference executes there."""
    npu_coverage: Percent | None = None
    """Share of the operators that run on the NPU. With an NPU `arena` and `latency` are Vela's estimates for it."""
    latency: Nanoseconds | None = None
    """The 90th percentile."""
    latency_p50: Nanoseconds | None = None
    latency_p99: Nanoseconds | None = None
    load_time: Nanoseconds | None = None
    resident_memory: Bytes | None = None
    macs: Count | None = None
    speedup: Ratio | None = None
    """Median latency of the float model over that of the shipped one, in the same build and runtime."""
    accuracy: Percent | None = None
    accuracy_drop: Percent | None = None
    churn: Percent | None = None
    """Samples whose class is not the float model's."""
    max_lsb: Number | None = None
    """How far any output may be from that of the runtime that ships, in steps of the stored integer, in any other
    runtime of the target and in the reference kernels."""
    sqnr: Number | None = None
    """In dB, of each output against the float model's: by default where an output has no labels, as the next two."""
    lost_outputs: Percent | None = None
    """Values of an output that do not follow the float model's any more."""
    float_sqnr: Number | None = None
    """In dB, of the float `.tflite` against the model as it was given; always, by default."""
    skill: Percent | None = None
    """How far the model as it was given is above chance, by default more than nothing."""
    metric_min: Number | None = None
    """The least that the project's own metric may be,"""
    metric_max: Number | None = None
    """and the most, for those of which less is better."""
    metric_loss: Number | None = None
    """By how much it may be worse than the float model's."""
    levels: dict[str, Level] = msgspec.field(default_factory=dict)
    """What a broken limit means, by its name: `error` (the default), `warn` or `off`."""
    waivers: tuple[Waiver, ...] = ()
    """Limits that may be broken for a while."""
    on_host: tuple[str, ...] = ()
    """Limits of time and memory that are of the build host, by their names: they find a model that became slower, and
    promise nothing of the device."""

    @property
    def limits(self) -> dict[str, Quantity]:
        """What is set and not off, in the order above."""
        found = {field.name: getattr(self, field.name) for field in msgspec.structs.fields(self)}
        limits = {name: value for name, value in found.items() if isinstance(value, Quantity)}
        return {name: limit for name, limit in limits.items() if self.levels.get(name) != "off"}
