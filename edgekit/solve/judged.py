"""Limits held against what a trial measured, and how far it is from holding them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct

from edgekit.errors import SetupError, TargetError
from edgekit.firmware.cores import CORES, estimates_time
from edgekit.firmware.run import missing
from edgekit.measure.judge import implied, judge, judged_here
from edgekit.measure.limits import AT_LEAST, HOSTED, NAMED
from edgekit.profile.target import Target
from edgekit.report.study import more_is_better
from edgekit.runtimes import engine
from edgekit.types import BudgetLine, Measurement
from edgekit.units import show

EXACT = ("model_size", "macs", "arena", "flash", "ram", "instructions", "latency", "npu_coverage")
"""Limits on what depends on a model's shape alone."""
QUALITY = ("accuracy", "accuracy_drop", "churn", "sqnr", "lost_outputs", "metric_min", "metric_max", "metric_loss")
"""Limits on what training decides."""
SHORTFALL = 1.0
"""Points that a quality is short of which weigh as much as twice the cost."""


class Judge(Struct, frozen=True):
    """By what the trials of a search are judged."""

    target: Target
    shipped: str
    """The runtime that stands for the device."""

    def lines(self, measurements: Sequence[Measurement], names: Sequence[str]) -> list[BudgetLine]:
        """The limits of some names that are set and were measured."""
        budget, hardware = self.target.budget, self.target.hardware
        found = judge(budget, measurements, self.shipped, hardware=hardware)
        found += implied(budget, measurements, self.shipped)
        known = [line for line in found if line.counts and line.name.split(".")[0] in names]
        return [line for line in known if line.value is not None or line.verdict == "fail"]

    def gap(self, line: BudgetLine) -> float:
        """How far a limit is from holding, above 0 where it does not: points of what is a share, else a share of the
        limit."""
        if line.value is None:
            return 0.0 if line.verdict == "pass" else math.inf
        least = line.name.split(".")[0] in AT_LEAST
        end = (line.low if least else line.high) if self.target.solve.holds == "interval" else None
        value = line.value if end is None else end
        beyond = line.limit - value if least else value - line.limit
        return beyond if line.unit in ("%", "points") else beyond / (abs(line.limit) or 1.0)

    def holds(self, lines: Sequence[BudgetLine]) -> bool:
        """Whether all limits hold."""
        return all(self.gap(line) <= 0 for line in lines)

    def merit(self, measurements: Sequence[Measurement], lines: Sequence[BudgetLine]) -> float:
        """What a search makes small: the logarithm of the costs, and the points that limits are short of; or how much
        accuracy lacks of all, where costs are only limited."""
        short = sum(max(0.0, self.gap(line)) for line in lines if line.name.split(".")[0] in QUALITY)
        costs = self.target.solve.costs
        if not costs:
            return short - self.goodness(quality(measurements))
        return self.cost(measurements) + min(short, 1e6) / SHORTFALL

    def shortfall(self, measurements: Sequence[Measurement], lines: Sequence[BudgetLine]) -> float:
        """How far the quality is from what is wanted, below 0 where it is more; where it is to be as high as can be,
        how far it is from 0."""
        gaps = [self.gap(line) for line in lines if line.name.split(".")[0] in QUALITY]
        return max(gaps, default=0.0) if self.target.solve.costs else -self.goodness(quality(measurements))

    def goodness(self, found: Measurement) -> float:
        """A quality of which more is better."""
        value = -1e9 if found.value is None else found.value
        return value if more_is_better(found) else -value

    def cost(self, measurements: Sequence[Measurement]) -> float:
        """The costs that are minimized, as one number."""
        return self.weighed([self.figure(measurements, cost) for cost in self.target.solve.costs])

    def weighed(self, figures: Sequence[float]) -> float:
        """The logarithm of the costs that are minimized, each weighing half as much as the one before."""
        return sum(math.log2(max(1.0, figure)) / 2**n for n, figure in enumerate(figures))

    def sampling_error(self, measurements: Sequence[Measurement]) -> float:
        """The standard error of the quality, a quarter of its 95 % interval, as `gap` has it; 0 where it has none."""
        found = quality(measurements)
        if found.low is None or found.high is None:
            return 0.0
        limits = [abs(float(limit)) for name, limit in self.target.budget.limits.items() if name.startswith("metric_m")]
        of = 1.0 if found.unit in ("%", "points") else min(filter(None, limits), default=1.0)
        return (found.high - found.low) / 4 / of

    @property
    def costs(self) -> list[str]:
        """The costs that are limited or minimized; the file's size where there is none."""
        target = self.target
        wanted = {*target.budget.limits, *target.solve.costs}
        named = [name for name in EXACT if name in wanted and name not in AT_LEAST]
        return [*named, *(name for name in target.solve.costs if name not in named)] or ["model_size"]

    def limited(self, measurements: Sequence[Measurement]) -> list[float]:
        """The figures of those costs."""
        return [self.figure(measurements, name) for name in self.costs]

    def figure(self, measurements: Sequence[Measurement], cost: str) -> float:
        """A cost of what ships; infinite where it was not measured."""
        name = NAMED.get(cost, cost)
        found = {m.engine: m.value for m in reversed(measurements) if m.name == name and m.artifact == "model"}
        value = next((found[e] for e in ("vela", "qemu", "", self.shipped) if found.get(e) is not None), None)
        return math.inf if value is None else value


def quality(measurements: Sequence[Measurement]) -> Measurement:
    """How good a model is: its accuracy, or the project's own metric; without labels how alike it answers. Of several
    outputs it is that of the first."""
    kinds = ("metric", "accuracy", "fidelity", "sqnr")
    found = [m for m in measurements if m.artifact == "model" and m.name.partition(".")[0] in kinds]
    found.sort(key=lambda m: kinds.index(m.name.partition(".")[0]))
    usable = [m for m in found if m.value is not None and not m.reason.startswith("no class")]
    return (usable or found)[0]


def called(found: Measurement) -> str:
    """What a person calls a figure: the project's own metric by its name."""
    base, dot, output = found.name.partition(".")
    return f"{found.reason.partition(';')[0]}{dot}{output}" if base == "metric" and found.reason else found.name


def check_budget(target: Target) -> None:
    """What a search needs of a target.

    Raises:
      TargetError: it has no limit to solve for, or one that nothing measures.
      SetupError: what measures it is not installed.
    """
    settings, limits, hardware = target.solve, target.budget.limits, target.hardware
    searched = [name for name in limits if name in (*EXACT, "download_size", *QUALITY)]
    wanted = [name for name in searched if (name in QUALITY) == bool(settings.costs)]
    if not wanted:
        example = 'accuracy_drop = "1 %"' if settings.costs else 'model_size = "64 KiB"'
        what = "a limit on accuracy, or the smallest model wins" if settings.costs else "a limit on a cost"
        others = f" ({', '.join(limits)} cannot be told before a device runs it)" if set(limits) - {*searched} else ""
        raise TargetError(f"{target.name}: budget: nothing to solve for{others}: set {what}, such as {example}")
    for name, limit in limits.items():
        if limit.change and name in searched:
            raise TargetError(
                f"{target.name}: budget.{name}: a limit with + is against a release; give solve a plain one"
            )
    on_device = [name for name in limits if not (name in HOSTED and judged_here(name, target.budget, hardware))]
    measured = [(f"budget.{name}", name) for name in on_device] + [("solve.minimize", name) for name in settings.costs]
    for place, name in measured:
        why = _unmeasured(name, target)
        if why and (name in EXACT or name == "npu_cycles"):
            raise TargetError(f"{target.name}: {place}: nothing here measures {name}: {why}")
    simulated = target.outputs.c_standalone and any(
        name in (*limits, *settings.costs) for name in ("flash", "ram", "instructions", "latency")
    )
    if simulated and hardware.cpu in CORES and (lacks := missing()):
        raise SetupError(f"{target.name}: nothing here measures flash, ram and instructions: {lacks}")


def _unmeasured(name: str, target: Target) -> str:
    """Why nothing measures a cost of a target; "" where something does."""
    hardware, outputs = target.hardware, target.outputs
    core = outputs.c_standalone and hardware.cpu in CORES
    if name in ("flash", "ram", "instructions") and not core:
        return "set outputs.c_standalone = true, and hardware.cpu to a core that QEMU simulates"
    if name == "latency" and not hardware.npu and not (core and estimates_time(hardware)):
        return "the time of a device is estimated from standalone C and hardware.clock, or by Vela with hardware.npu"
    if name == "arena" and not hardware.npu and not engine(target.runtimes.ship).arena:
        return 'it is that of runtimes.ship = "tflm", or of an NPU'
    if name in ("npu_coverage", "npu_cycles") and not hardware.npu:
        return "set hardware.npu"
    return ""


def broken(lines: Sequence[BudgetLine], judge: Judge) -> str:
    """The limits that do not hold, each with its figure, in words."""
    return ", ".join(
        f"{line.name} {show(line.value, line.unit)} of {show(line.limit, line.unit)}"
        for line in lines
        if judge.gap(line) > 0
    )
