"""Target profiles: `targets/NAME.toml` as frozen types."""

import datetime
import hashlib
from typing import Literal

import msgspec

from edgekit.config import Settings, encode
from edgekit.recipe import Positive, Recipe
from edgekit.units import Bytes, Count, Hertz, Nanoseconds, Number, Percent, Quantity, Ratio


class Hardware(Settings, frozen=True):
    """What the device has. It describes; only the budget decides. Without it the device is the build host."""

    cpu: str = ""
    clock: Hertz | None = None
    ram: Bytes | None = None
    flash: Bytes | None = None
    npu: str = ""
    """An Arm Ethos-U, such as `ethos-u65-256`: what ships is compiled for it by Vela, too."""
    npu_system: str = ""
    """Vela's system configuration, such as `Ethos_U65_High_End`, the default of the NPU's family;"""
    npu_memory: str = ""
    """and its memory mode, such as `Dedicated_Sram`."""

    @property
    def is_host(self) -> bool:
        """Whether the device is the machine that builds, so that its times are those measured here."""
        return not self.cpu


class Runtimes(Settings, frozen=True):
    """Which engine executes the model."""

    ship: str
    """What runs on the device: its measurements decide the verdict."""
    compare: tuple[str, ...] = ()
    """What else is run, to show where results differ."""
    oldest: str = ""
    """The oldest runtime in the field, such as `tflite-runtime 2.7`: operators that it lacks end the build."""
    threads: Positive = 1
    time_limit: Nanoseconds = Nanoseconds(300e9)
    """After this a runtime's measurement counts as failed."""
    patience: Nanoseconds = Nanoseconds(20e9)
    """How long timing goes on while a limit lies inside the interval of what it limits."""


AT_LEAST = {"speedup", "accuracy", "metric_min", "npu_coverage", "sqnr", "float_sqnr", "skill"}
"""Budgets whose limit is the least that is allowed."""
TIMED = ("latency", "latency_p50", "latency_p99", "load_time", "speedup")
"""Budgets that more rounds of timing can decide."""
HOSTED = (*TIMED, "resident_memory")
"""Budgets whose figures are those of the machine that they were measured on, and of no other."""
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


class Outputs(Settings, frozen=True):
    """What is handed over beside `model.tflite` and the reports."""

    c_standalone: bool = False
    """C11 without an interpreter, with the outputs of TFLM byte for byte."""
    c_kernels: str = ""
    """`portable`, `dsp` or `cmsis-nn`; `dsp` by default where `hardware.cpu` is known to have such instructions."""
    cmsis_nn: str = ""
    """Folder of CMSIS-NN, for its kernels."""
    c_tables: bool | None = None
    """Whether its weights are indexes into tables where that takes fewer bytes; by default where `model.tflite` has
    them."""
    c_array: bool = False
    c_name: str | None = None
    """Identifier of the C symbols; the model's name by default."""
    c_section: str | None = None
    """Linker section of the array, such as ".rodata.models"."""
    c_attribute: Literal["PROGMEM"] | None = None
    """`PROGMEM` puts the array into the flash of AVR boards."""


class Target(Settings, frozen=True):
    """A device profile: what the device has, what is done to the model, and what it may cost there."""

    name: str
    description: str
    recipe: Recipe
    runtimes: Runtimes
    hardware: Hardware = Hardware()
    budget: Budget = Budget()
    outputs: Outputs = Outputs()

    @property
    def sha256(self) -> str:
        """Of what the profile says, not of how the file is written: comments and order do not count."""
        return hashlib.sha256(msgspec.json.encode(encode(self), order="sorted")).hexdigest()
