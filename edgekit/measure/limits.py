"""What a model may cost: what `budget` says."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal, get_args, get_origin

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from edgekit.config import Settings, nearest
from edgekit.errors import TargetError
from edgekit.units import Bytes, Count, Microjoules, Nanoseconds, Number, Percent, Quantity, Ratio

Level = Literal["error", "warn", "off"]


DEVICES = ("vela", "qemu")
"""What stands for the device where it is simulated, before any runtime of the build host."""
NO_ARENA = 'not measured: write runtimes.ship = "tflm", whose it is, or set hardware.npu'
NO_NPU = "not measured: set hardware.npu, whose it is"
NO_CYCLES = (
    "not estimated: nothing here counts the cycles; set outputs.c_standalone = true for a core that is simulated, or "
    "hardware.npu with hardware.npu_energy"
)
NO_STREAM = "not measured: set outputs.c_standalone = true, and [tool.edgekit.models.NAME.stream] in pyproject.toml"
NO_RECORDINGS = "not measured: set recordings in [tool.edgekit.models.NAME.stream], a folder of long recordings"
ALONE = "not measured: name another runtime in runtimes.compare"
NO_FLOATS = "not measured: the float model is not timed here; TFLM runs integer models only"
NO_LABELS = "not measured: the samples have no labels that say it"


class Limit(Struct, frozen=True, kw_only=True):
    """What a limit of the budget is compared with: stands beside its field."""

    of: str = ""
    """The measurement; by default that of the field's name."""
    least: bool = False
    """Whether it is the least that is allowed, instead of the most."""
    hosted: bool = False
    """Whether the figure is one of the machine that it was measured on, and of no other."""
    timed: bool = False
    """Whether it is a time, or made of times, which more rounds of timing can decide: one of the machine, too."""
    needs: Literal["", "arena", "npu", "core", "power"] = ""
    """What has to be there: a runtime with an arena, an NPU, standalone C on a core that is simulated, or what the chip
    draws."""
    otherwise: str = "not measured: nothing in this build measures it"
    """What is said where there is no such figure."""
    implied: Quantity | None = None
    """The limit that holds where none is set; of a figure that is only named where it does not hold."""
    unlabelled: Quantity | None = None
    """The limit that holds for each output without labels, by which nothing else judges: docs/decisions/fidelity.md has
    why. That of churn is for probabilities of classes."""


NO_FRONTEND = "not measured: the model has no front-end: add [tool.edgekit.models.NAME.frontend], or remove the limit"
OF_C = Limit(needs="core", otherwise="not measured: set outputs.c_standalone = true, whose it is")
OF_STREAM = Limit(needs="core", otherwise=NO_STREAM)


OF_FRONTEND = Limit(needs="core", otherwise=NO_FRONTEND)


class Waiver(Settings, frozen=True):
    """A limit that may be broken until a day."""

    name: str
    """Of the limit."""
    reason: str
    """Why it may; every report says it."""
    until: datetime.date
    """The last day."""


class Budget(Settings, frozen=True):
    """Limits on measurements. A field says the unit of a limit and, as a `Limit`, what it is compared with; without one
    it is the most that the measurement of its name may be.

    Written with a sign, as in "+5 %" or "+0 B", a limit is what may be added to the baseline's figure.
    """

    model_size: Bytes | None = None
    """Bytes of `model.tflite`."""
    download_size: Bytes | None = None
    """The same, deflated, as an app store or an update sends it."""
    arena: Annotated[Bytes | None, Limit(needs="arena", otherwise=NO_ARENA)] = None
    """The smallest arena with which TFLM runs the model; with an NPU the SRAM that Vela plans."""
    flash: Annotated[Bytes | None, OF_C] = None
    """Code and constants of standalone C, linked for the core."""
    ram: Annotated[Bytes | None, OF_C] = None
    """Data, arena and stack of standalone C."""
    instructions: Annotated[Count | None, OF_C] = None
    """What one inference executes on the simulated core; with a front-end, from the sensor to the answer."""
    frontend_flash: Annotated[Bytes | None, OF_FRONTEND] = None
    """What of `flash` is the front-end: its code and constants."""
    frontend_ram: Annotated[Bytes | None, OF_FRONTEND] = None
    """What of `ram` is the front-end, with its features and the model's input."""
    frontend_instructions: Annotated[Count | None, OF_FRONTEND] = None
    """What of `instructions` is the front-end, with storing features as the model's input."""
    energy: Annotated[Microjoules | None, Limit(needs="power", otherwise=NO_CYCLES)] = None
    """What one inference takes, estimated from cycles and what the chip draws."""
    stream_instructions: Annotated[Count | None, OF_STREAM] = None
    """What a second of the stream executes on the simulated core, front-end and model."""
    stream_state: Annotated[Bytes | None, OF_STREAM] = None
    """What a stream remembers, beside the arena."""
    detection_rate: Annotated[Percent | None, Limit(least=True, otherwise=NO_RECORDINGS)] = None
    """Share of the events in long recordings that are detected."""
    false_accepts: Annotated[Number | None, Limit(otherwise=NO_RECORDINGS)] = None
    """Other detections in long recordings, for each hour."""
    detection_latency: Annotated[Nanoseconds | None, Limit(otherwise=NO_RECORDINGS)] = None
    """From the end of an event to its detection, the median."""
    npu_coverage: Annotated[Percent | None, Limit(least=True, needs="npu", otherwise=NO_NPU)] = None
    """Share of the operators that run on the NPU."""
    latency: Annotated[Nanoseconds | None, Limit(of="latency_p90", timed=True)] = None
    """The 90th percentile of single runs."""
    latency_p50: Annotated[Nanoseconds | None, Limit(timed=True)] = None
    """The median of single runs."""
    latency_p99: Annotated[Nanoseconds | None, Limit(timed=True)] = None
    """The 99th percentile of single runs."""
    load_time: Annotated[Nanoseconds | None, Limit(timed=True)] = None
    """From the file to a model that is ready to run."""
    resident_memory: Annotated[Bytes | None, Limit(hosted=True)] = None
    """By how much the process grows with the model."""
    macs: Count | None = None
    """Multiply-accumulates of one inference."""
    speedup: Annotated[Ratio | None, Limit(least=True, timed=True, otherwise=NO_FLOATS)] = None
    """Median latency of the float model over that of the shipped one, in the same build and runtime."""
    accuracy: Annotated[Percent | None, Limit(least=True, otherwise=NO_LABELS)] = None
    """Top-1 accuracy of what ships, on the evaluation set."""
    accuracy_drop: Annotated[Percent | None, Limit(otherwise=NO_LABELS)] = None
    """Points of accuracy lost against the float model, on the same samples."""
    churn: Annotated[Percent | None, Limit(otherwise=NO_LABELS, unlabelled=Percent(5))] = None
    """Share of the samples whose class is not the float model's."""
    max_lsb: Annotated[Number | None, Limit(otherwise=ALONE)] = None
    """How far an output of any other runtime of the target, or of the reference kernels, may be from that of the
    runtime that ships, in steps of the stored integer."""
    sqnr: Annotated[Number | None, Limit(least=True, unlabelled=Number(10))] = None
    """Signal-to-quantization-noise ratio of each output against the float model's, in dB."""
    lost_outputs: Annotated[Percent | None, Limit(unlabelled=Percent(5))] = None
    """Share of the values of an output that no longer follow the float model's."""
    float_sqnr: Annotated[Number | None, Limit(least=True, implied=Number(40))] = None
    """The same ratio of the float `.tflite` against the model as it was given."""
    skill: Annotated[Percent | None, Limit(least=True, implied=Percent(0))] = None
    """How far the model as it was given is above chance."""
    metric_min: Annotated[Number | None, Limit(of="metric", least=True, otherwise=NO_LABELS)] = None
    """The project's own metric, where more is better."""
    metric_max: Annotated[Number | None, Limit(of="metric", otherwise=NO_LABELS)] = None
    """The project's own metric, where less is better."""
    metric_loss: Annotated[Number | None, Limit(otherwise=NO_LABELS)] = None
    """By how much the metric may be worse than the float model's."""
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
        named = {name: getattr(self, name) for name in LIMITS if self.levels.get(name) != "off"}
        return {name: limit for name, limit in named.items() if limit is not None}


def _limits() -> dict[str, Limit]:
    found = {}
    for field in fields(Budget):
        plain, *beside = get_args(field.type) if get_origin(field.type) is Annotated else (field.type,)
        if any(isinstance(kind, type) and issubclass(kind, Quantity) for kind in get_args(plain)):
            found[field.name] = next((said for said in beside if isinstance(said, Limit)), Limit())
    return found


LIMITS = _limits()
"""What stands beside each field that is a limit, in the order of the budget."""
NAMED = {name: limit.of for name, limit in LIMITS.items() if limit.of}
"""Limits on a measurement of another name."""
AT_LEAST = {name for name, limit in LIMITS.items() if limit.least}
"""Limits that are the least that is allowed."""
TIMED = tuple(name for name, limit in LIMITS.items() if limit.timed)
"""Limits that more rounds of timing can decide."""
HOSTED = (*TIMED, *(name for name, limit in LIMITS.items() if limit.hosted))
"""Limits whose figures are those of the machine that they were measured on, and of no other."""
IMPLIED = {name: limit.implied for name, limit in LIMITS.items() if limit.implied is not None}
"""Limits that hold where a profile sets none: a float `.tflite` that is the model, and a model that knows anything."""
UNLABELLED = {
    name: limit.unlabelled
    for name, limit in sorted(LIMITS.items(), key=lambda item: not item[1].least)
    if limit.unlabelled is not None
}
"""Those that hold for each output without labels, in the order in which they are judged."""


def check_budget(budget: Budget) -> None:
    """What types cannot say.

    Raises:
      TargetError: a level, waiver or host's limit is of no limit, a waiver has ended, or a limit cannot be held so.
    """
    limits = {name: limit for name in LIMITS if (limit := getattr(budget, name)) is not None}
    waived = [waiver.name for waiver in budget.waivers]
    for place, named in (("levels", list(budget.levels)), ("waivers", waived), ("on_host", list(budget.on_host))):
        for name in named:
            if name not in (*limits, *IMPLIED, *UNLABELLED):
                raise TargetError(f'budget.{place}: no limit "{name}" is set; {nearest(name, list(limits))}')
    for waiver in budget.waivers:
        if waiver.until < datetime.date.today():
            raise TargetError(
                f"budget.waivers: that of {waiver.name} ended on {waiver.until} ({waiver.reason}); remove it, "
                "or give it a new day and reason"
            )
    for name, limit in limits.items():
        if limit.change and LIMITS[name].least:
            raise TargetError(
                f"budget.{name}: a limit with + is for what should be small; for accuracy write "
                'accuracy_drop = "+0.2 %", for speed latency = "+5 %"'
            )
        if limit.change in ("ns", "x"):
            raise TargetError(
                f"budget.{name}: times are compared in the same run, as ratios; "
                'write a share of the baseline\'s, such as "+5 %"'
            )
