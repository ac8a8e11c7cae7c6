"""Models and runtimes timed against each other, in rounds of fresh processes, until what was asked is decided.

A single process says little: medians of fresh processes differ by several percent. So each entry runs in one fresh
process per round, the order turns from round to round, and what is compared are the rounds.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, TypeVar

from msgspec import Struct, json
from msgspec.structs import replace

from edgekit.engine.libraries import TOOLS
from edgekit.engine.stage import Progress, Work, stage
from edgekit.engine.worker import Worker
from edgekit.errors import CrashError, ModelError, WorkerError
from edgekit.measure.intervals import CONFIDENCE, SHARES
from edgekit.measure.latency import resident_memory, timed
from edgekit.runtimes import installed
from edgekit.types import Artifact, Measurement, Run, Timing

T = TypeVar("T")
RUNS = "runs.json"
SHIPPED = "model"
"""Name of what ships, whose memory is measured too."""
RESAMPLES = 2000
LATENCIES = {"latency_min": 0.0, "latency_p50": 0.5, "latency_p90": 0.9, "latency_p99": 0.99}
BUSY = 0.3
"""Cores that other processes may use before it is said."""
NOISY = 0.1
"""Spread of the processes' medians, largest over smallest less 1, from which on the machine is called noisy."""


class Candidate(Struct, frozen=True):
    """What takes part."""

    model: str
    """Name in `models`."""
    runtime: str


class Comparison(Struct, frozen=True):
    """How much more time one entry takes than another."""

    name: str
    """Of the measurement that it gives."""
    above: Candidate
    below: Candidate
    of: str = "latency_p50"
    """The figure that is compared: one of `LATENCIES`, or `load_time`."""
    percent: bool = False
    """Whether it is given as a change in percent instead of as a ratio."""


class Question(Struct, frozen=True):
    """A limit that the rounds have to decide."""

    entry: Candidate
    measurement: str
    """`latency_…` or `load_time`, or the name of a comparison."""
    limit: float


class CandidateRuns(Struct, frozen=True):
    """One entry's runs, round by round."""

    entry: Candidate
    runs: list[Run]
    problem: str = ""
    """Why it dropped out."""


class TimingRounds(Struct, frozen=True):
    """What the rounds gave."""

    timed: list[CandidateRuns]
    seconds: float
    disturbances: list[str]
    """What says that others used the machine, or that its clock changed."""
    memory: dict[str, int] = {}
    """Resident memory of what ships under each runtime, in B."""
    others: float = 0.0
    """Cores that other processes used meanwhile."""
    passing: list[str] = []
    """What came of a crash, a time-out or a lack of memory: it says nothing of the next timing."""

    def runs(self, entry: Candidate) -> list[Run]:
        """Of an entry, one for each round; empty where it dropped out or had no part."""
        return next((r.runs for r in self.timed if r.entry == entry and not r.problem), [])


class Timings(Struct, frozen=True):
    """What a build takes from a timing."""

    measurements: list[Measurement]
    remarks: list[str]
    """See `TimingRounds.disturbances`."""
    quantiles: list[list[list[int]]]
    """Of each entry, of each process, those of its single runs: see `SHARES`."""
    passing: list[str] = []
    """See `TimingRounds`."""


@stage("time", process=TOOLS, libraries=("numpy", "psutil"))
def time_file(
    work: Work,
    models: dict[str, Artifact],
    entries: list[Candidate],
    comparisons: list[Comparison],
    questions: list[Question],
    threads: int,
    settings: Timing,
    patience: float,
    time_limit: float,
) -> Timings:
    """Runs `time_models` and keeps the runs in `folder/runs.json`.

    Args:
      patience: seconds after which no round is added for the sake of a limit.
      time_limit: seconds after which a run counts as hanging.
    """
    files = {name: model.path for name, model in models.items()}
    outcome = time_models(
        files, entries, comparisons, questions, threads, settings, patience, time_limit, work.progress
    )
    (work.folder / RUNS).write_bytes(json.encode(outcome))
    found = [replace(m, artifact=e.model) for e in entries for m in measurements(outcome, e)]
    found += [m for c in comparisons for m in compared(outcome, c)]
    quantiles = [[run.quantiles for run in outcome.runs(entry)] for entry in entries]
    return Timings(found, outcome.disturbances, quantiles, outcome.passing)


def time_models(
    models: dict[str, str],
    entries: list[Candidate],
    comparisons: list[Comparison],
    questions: list[Question],
    threads: int,
    settings: Timing,
    patience: float,
    time_limit: float,
    progress: Progress,
    slower: dict[str, float] | None = None,
) -> TimingRounds:
    """Times every entry in `settings.rounds` rounds, and those of open questions in more; see `time_file`.

    Args:
      models: path of each `.tflite` by its name.
      questions: while the limit of one lies inside the interval, rounds go on.
      slower: by how much of its own time a model is to be held up in each run: to see whether that is found.
    """
    start = time.monotonic()
    problems: dict[Candidate, str] = {}
    passing: list[str] = []
    runs: dict[Candidate, list[Run]] = {entry: [] for entry in entries}
    workers = {entry.runtime: Worker(writes=()) for entry in entries}
    busy, number, asked = _busy(), 0, list(entries)
    try:
        while asked and (number < settings.rounds or time.monotonic() - start < patience):
            for entry in asked[number % len(asked) :] + asked[: number % len(asked)]:
                timing = replace(settings, slower=(slower or {}).get(entry.model, 0.0))
                arguments = (models[entry.model], entry.runtime, threads, timing)
                try:
                    call = workers[entry.runtime].call
                    runs[entry].append(_twice(call, timed, *arguments, returns=Run, time_limit=time_limit))
                except (ModelError, WorkerError) as error:
                    problems[entry] = str(error)
                    passing += [str(error)] if isinstance(error, WorkerError) else []
            number += 1
            progress(f"round {number}", min(1.0, number / settings.rounds))
            so_far = TimingRounds(
                [CandidateRuns(e, runs[e], problems.get(e, "")) for e in entries], time.monotonic() - start, []
            )
            asked = [entry for entry in entries if entry not in problems]
            if number >= settings.rounds:
                needed = [e for q in questions if _open(q, comparisons, so_far) for e in _asks(q, comparisons)]
                asked = [entry for entry in asked if entry in needed]
        memory = {}
        for entry in (e for e in entries if e.model == SHIPPED and e not in problems):
            loaded = (models[entry.model], entry.runtime, threads)
            try:
                call = workers[entry.runtime].call
                memory[entry.runtime] = _twice(call, resident_memory, *loaded, returns=int, time_limit=time_limit)
            except WorkerError as error:
                passing.append(str(error))
    finally:
        for worker in workers.values():
            worker.close()
    others = _others(busy, _busy())
    return replace(
        so_far, disturbances=_disturbances(so_far.timed, others), memory=memory, others=others, passing=passing
    )


def _twice(call: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """A call that is made once more, in a new process, where its process crashed: others may have ended it."""
    try:
        return call(*arguments, **named)
    except CrashError:
        return call(*arguments, **named)


def measurements(outcome: TimingRounds, entry: Candidate) -> list[Measurement]:
    """Latencies, time to load and resident memory of an entry: median of its processes, with a bootstrap interval."""
    timed = next(r for r in outcome.timed if r.entry == entry)
    label = f"{entry.runtime} {installed(entry.runtime)}"
    if timed.problem:
        return [Measurement("latency_p90", None, "ns", runtime=label, reason=f"failed: {timed.problem}")]
    count, processes = sum(run.count for run in timed.runs), len(timed.runs)
    found = [_measured(name, timed.runs, "ns", label, count) for name in LATENCIES]
    memory = outcome.memory.get(entry.runtime) if entry.model == SHIPPED else None
    if memory is not None:
        said = "growth of the process's resident memory (RSS) from before the load to after three runs"
        found.append(Measurement("resident_memory", memory, "B", runtime=label, reason=said))
    return [_measured("load_time", timed.runs, "ns", label, processes), *found]


def compared(outcome: TimingRounds, comparison: Comparison) -> list[Measurement]:
    """The median of the rounds' ratios with its bootstrap interval; empty where one of the two dropped out."""
    values = _ratios(outcome, comparison)
    if not values:
        return []
    value, low, high = interval(values)
    runtime = f"{comparison.below.runtime} {installed(comparison.below.runtime)}"
    said = f"median of {len(values)} rounds, {comparison.above.model} over {comparison.below.model}"
    unit = "%" if comparison.percent else "x"
    return [
        Measurement(comparison.name, value, unit, runtime=runtime, samples=len(values), low=low, high=high, reason=said)
    ]


def _ratios(outcome: TimingRounds, comparison: Comparison) -> list[float]:
    value = _value(comparison.of)
    pairs = zip(outcome.runs(comparison.above), outcome.runs(comparison.below), strict=False)
    ratios = [value(above) / value(below) for above, below in pairs]
    return [100 * (r - 1) for r in ratios] if comparison.percent else ratios


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Median of independent values, with the percentile interval of its bootstrap; the same for the same values.

    Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", section 13.3.
    """
    rng, count = random.Random(0), len(values)
    medians = sorted(median(rng.choices(values, k=count)) for _ in range(RESAMPLES))
    cut = round(RESAMPLES * (1 - CONFIDENCE) / 2)
    return median(values), medians[cut], medians[-1 - cut]


def _measured(name: str, runs: list[Run], unit: str, label: str, samples: int) -> Measurement:
    value, low, high = interval([_value(name)(run) for run in runs])
    said = f"median of {len(runs)} processes"
    return Measurement(name, value, unit, runtime=label, samples=samples, low=low, high=high, reason=said)


def _value(name: str) -> Callable[[Run], float]:
    if name in LATENCIES:
        at = SHARES.index(LATENCIES[name])
        return lambda run: run.quantiles[at]
    return lambda run: getattr(run, name)


def _open(question: Question, comparisons: list[Comparison], outcome: TimingRounds) -> bool:
    """Whether a limit lies inside the interval of what it limits."""
    values = [v for c in comparisons if c.name == question.measurement for v in _ratios(outcome, c)] or [
        _value(question.measurement)(run) for run in outcome.runs(question.entry)
    ]
    if not values:
        return False
    _, low, high = interval(values)
    return low <= question.limit <= high


def _asks(question: Question, comparisons: list[Comparison]) -> list[Candidate]:
    """Whose runs a question needs."""
    others = [e for c in comparisons if c.name == question.measurement for e in (c.above, c.below)]
    return others or [question.entry]


def _disturbances(timed: list[CandidateRuns], others: float) -> list[str]:
    """What of the runs, or of the machine meanwhile, says that others used it or that its clock changed.

    Args:
      others: how many cores other processes used.
    """
    notes = []
    if others > BUSY:
        notes.append(f"the machine was busy: other processes used {others:.1f} cores while times were taken")
    for one in timed:
        medians = [run.quantiles[SHARES.index(0.5)] for run in one.runs]
        if len(medians) > 2 and max(medians) / min(medians) - 1 > NOISY:
            spread = 100 * (max(medians) / min(medians) - 1)
            notes.append(
                f"a noisy machine: medians of {one.entry.model} under {one.entry.runtime} spread by {spread:.0f} %"
            )
        drifts = [run.drift for run in one.runs]
        if len(drifts) > 2 and abs(median(drifts)) > NOISY / 2:
            notes.append(
                f"a drifting clock: {one.entry.model} under {one.entry.runtime} got {100 * median(drifts):+.0f} % "
                "slower while it ran"
            )
    return notes


def _busy() -> tuple[float, float, float]:
    """Seconds: now, of all cores that were not idle, and of this process and those that it has waited for."""
    import psutil

    spent, own = psutil.cpu_times(), os.times()
    idle = spent.idle + getattr(spent, "iowait", 0.0)
    return time.monotonic(), sum(spent) - idle, own.user + own.system + own.children_user + own.children_system


def _others(before: tuple[float, float, float], after: tuple[float, float, float]) -> float:
    """How many cores other processes used in between."""
    elapsed, all_, own = (b - a for a, b in zip(before, after, strict=True))
    return max(0.0, (all_ - own) / elapsed) if elapsed else 0.0
