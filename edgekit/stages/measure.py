"""The benchmark harness of a build: which runtime measures what, each in a process of its own."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec

from edgekit import steps
from edgekit.data.spec import RANDOM, DataSpec
from edgekit.engine.make import Made, Maker, Step
from edgekit.errors import ModelError, SetupError, WorkerError
from edgekit.firmware.cores import estimates_time
from edgekit.measure.judge import NAMED, judged_here
from edgekit.measure.machine import machine
from edgekit.measure.race import LATENCIES, Comparison, Entry, Question
from edgekit.measure.record import OUTPUTS
from edgekit.measure.reference import Reference, settle
from edgekit.profile.target import TIMED, Target
from edgekit.runtimes import REFERENCE, installed, stand_in
from edgekit.runtimes.settings import Runtimes
from edgekit.stages.agreements import agreements, largest
from edgekit.types import Agreement, Artifact, Machine, Measurement

BASELINE = "litert"
"""The runtime that scores the float models, whatever ships."""
UNITS = {"accuracy": "%", "accuracy_drop": "points", "churn": "points", "latency_p90": "ns", "arena": "B"}
"""What a step that failed would have measured."""


ANSWERS = {
    "accuracy": "%",
    **dict.fromkeys(("accuracy_drop", "churn"), "points"),
    "max_lsb": "LSB",
    **dict.fromkeys(("metric", "metric_loss"), ""),
}
"""What random data says nothing about."""


class Here(msgspec.Struct, frozen=True):
    """Which runtimes of a target can be asked."""

    shipped: str
    """Which stands for the device."""
    engines: list[str]
    """All of them, that one first."""
    notes: list[str]
    """What stands in, and what is missing."""


class Found(msgspec.Struct, frozen=True):
    """All that was measured of a product."""

    measurements: list[Measurement]
    shipped: str
    """The runtime that stands for the device."""
    notes: list[str]
    """What a reader has to know before the figures."""
    machine: Machine
    made: list[Made]
    distributions: list[tuple[str, str, list[list[int]]]]
    """Of each model and runtime, of each process, quantiles of its single runs."""
    predictions: tuple[Artifact, Artifact] | None
    """Of what ships, where it ships, and of the float model."""
    conformance: list[Agreement]
    """Of each other runtime with the one that ships."""
    golden: Artifact | None
    """Inputs with the outputs of the runtime that ships."""

    def value(self, name: str, artifact: str = "model") -> float | None:
        """The value of a measurement, see `measurement`."""
        found = self.measurement(name, artifact)
        return found.value if found else None

    def measurement(self, name: str, artifact: str = "model") -> Measurement | None:
        """Of a file: of the shipped one in the shipping runtime, of the others in any."""
        for m in self.measurements:
            runs_there = artifact != "model" or m.runtime.split(" ")[0] in ("", self.shipped)
            if m.name == name and m.artifact == artifact and runs_there:
                return m
        return None


def measure(
    graphs: dict[str, Artifact],
    model: Artifact,
    data: DataSpec,
    notes: list[str],
    target: Target,
    scope: str,
    maker: Maker,
    before: Artifact | None = None,
    metric: str = "accuracy",
    *,
    quantized: Artifact,
    portable: Artifact,
    names: Artifact | None = None,
    original: Made | None = None,
    floats: bool = True,
) -> Found:
    """Measures the float models and the one that ships. What fails becomes a measurement without a value.

    Args:
      graphs: `float`, the model as it was given, and that after each technique, by its name; as float `.tflite`.
      model: what ships.
      notes: of the stages; those of the runtimes are added.
      metric: what is measured beside top-1 accuracy.
      before: the baseline's file, to be timed in the same rounds.
      quantized: what ships, before it was shrunk.
      portable: what runtimes other than TFLM run in its place, which answers the same.
      names: of the tensors in `portable`, if it lacks them.
      original: what the model answers as it was given, see `steps.original`.
      floats: whether the model as it was given is one of floats.

    Raises:
      SetupError: the runtime that ships is not installed.
    """
    notes, runtimes = list(notes), target.runtimes
    here = available(runtimes)
    shipped, engines = here.shipped, here.engines
    notes += here.notes
    host, threads, limit = machine(), runtimes.threads, runtimes.time_limit / 1e9
    measurements: list[Measurement] = []
    made: list[Made] = []
    predictions: tuple[Artifact, Artifact] | None = None
    conformance: list[Agreement] = []
    golden: Artifact | None = None

    def run(step: Step, artifact: str, runtime: str = "", promised: tuple[str, ...] = ()) -> Made | None:
        try:
            made.append(maker.make(step, scope, limit))
        except (ModelError, WorkerError) as error:
            label = f"{runtime} {installed(runtime)}" if runtime else ""
            failed = [Measurement(n, None, UNITS[n], runtime=label, reason=f"failed: {error}") for n in promised]
            measurements.extend(msgspec.structs.replace(m, artifact=artifact) for m in failed)
            return None
        measurements.extend(msgspec.structs.replace(m, artifact=artifact) for m in made[-1].value)
        return made[-1]

    run(steps.describe("describe", model), "model")
    elsewhere = "model" if portable.sha256 == model.sha256 else "portable"
    for name, file in {"quantize": quantized, "portable": portable}.items():
        if file.sha256 not in (model.sha256, quantized.sha256 if name == "portable" else ""):
            run(steps.describe(f"describe {name}", file), name)
            if "tflm" in engines:
                run(steps.arena(file), name, "tflm")
    given = graphs["float"]
    if given.sha256 == model.sha256:
        graphs = {}
    for name, graph in graphs.items():
        run(steps.describe(f"describe {name}", graph), name)
    if data.source == RANDOM:
        measurements += [Measurement(n, None, unit, reason="skipped: random data") for n, unit in ANSWERS.items()]
    else:

        def score(name: str, graph: Artifact, engine: str, answers: Artifact | None, **named: Any) -> Step:
            return steps.score(name, graph, data, engine, threads, answers, metric, **named)

        if original:
            made.append(original)
            measurements += [msgspec.structs.replace(m, artifact="original") for m in original.value]
        reference = Reference(None, None)
        if floats:
            reference = settle(
                given, original, data, score, BASELINE, tuple(engines), run, lambda step: maker.make(step, scope), made
            )
        elif graphs and (
            scored := run(score("score float", given, BASELINE, None, keep=True, real=True), "float", BASELINE)
        ):
            reference = Reference(scored.artifacts[OUTPUTS], scored.artifacts[steps.PREDICTIONS])
        measurements += reference.found
        notes += reference.notes
        answers = reference.answers
        for name, graph in graphs.items():
            if name != "float":
                run(score(f"score {name}", graph, BASELINE, answers), name, BASELINE)
        of: dict[str, Made] = {}
        for engine in dict.fromkeys([*engines, *([REFERENCE] if installed(REFERENCE) else [])]):
            file = model if engine == shipped else portable
            step = score(f"score {engine}", file, engine, answers, keep=True)
            promised = ("accuracy", "accuracy_drop", "churn") if engine in engines else ()
            scored = run(step, "model" if engine == shipped else elsewhere, engine, promised)
            of |= {engine: scored} if scored else {}
            if scored and reference.predictions and engine == shipped:
                predictions = scored.artifacts["predictions.npy"], reference.predictions
            if before and scored and engine == shipped:
                old = run(steps.score("score baseline", before, data, engine, threads, answers), "baseline", engine)
                if old:
                    pair = scored.artifacts["predictions.npy"], old.artifacts["predictions.npy"]
                    run(steps.changed(*pair, data, f"{engine} {installed(engine)}"), "model")
        if shipped in of:
            conformance, steps_made = agreements(
                portable, names, data, of, shipped, lambda step: maker.make(step, scope)
            )
            made += steps_made
            measurements += largest(conformance, shipped)
    with contextlib.suppress(ModelError, WorkerError):  # scoring has said it already
        made.append(maker.make(steps.golden(model, data, shipped), scope, limit))
        golden = made[-1].artifact
    if "tflm" in engines:
        run(steps.arena(model), "model", "tflm", ("arena",))
    # Nothing else of this build runs while it times: what is done is ended first.
    for process in (steps.TENSORFLOW, BASELINE, *engines):
        maker.end(process)
    timed = {"model": model, "portable": portable} | (graphs if shipped != "tflm" else {})
    entries = [Entry(name, shipped) for name in graphs if name in timed] + [Entry("model", shipped)]
    entries += [Entry(elsewhere, name) for name in engines if name != shipped]
    ships, comparisons = Entry("model", shipped), []
    if "float" in timed:
        comparisons.append(Comparison("speedup", Entry("float", shipped), ships))
    if before:
        timed["baseline"] = before
        entries.append(Entry("baseline", shipped))
        comparisons += [Comparison(f"{n}_change", ships, entries[-1], n, True) for n in (*LATENCIES, "load_time")]
    elsewhere_timed = bool(target.hardware.npu) or (target.outputs.c_standalone and estimates_time(target.hardware))
    questions = questions_of(target, ships, comparisons, elsewhere_timed)
    clocked = maker.make(steps.clock(timed, entries, comparisons, questions, runtimes, host), scope)
    made.append(clocked)
    measurements += clocked.value.measurements
    notes += clocked.value.notes
    distributions = [
        (entry.model, f"{entry.runtime} {installed(entry.runtime)}", rounds)
        for entry, rounds in zip(entries, clocked.value.quantiles, strict=True)
    ]
    found = Found(measurements, shipped, notes, host, made, distributions, predictions, conformance, golden)
    failures = {f"{m.runtime}: {m.reason}": 0 for m in measurements if m.reason.startswith("failed")}
    notes += list(failures)
    return found


def available(runtimes: Runtimes) -> Here:
    """The runtimes of a target that are here.

    Raises:
      SetupError: the one that ships is not, and none stands in for it.
    """
    shipped, why = stand_in(runtimes.ship)
    engines, notes = [shipped], [why]
    for name in runtimes.compare:
        try:
            there, why = stand_in(name)
            engines.append(there)
        except SetupError as error:
            why = f"not compared: {error}"
        notes.append(why)
    return Here(shipped, list(dict.fromkeys(engines)), [note for note in dict.fromkeys(notes) if note])


def questions_of(target: Target, ships: Entry, comparisons: list[Comparison], device: bool) -> list[Question]:
    """The limits that more rounds of timing can decide.

    Args:
      ships: what they are of.
      comparisons: what the rounds compare; a limit on anything else stays open.
      device: whether the latency is that of a simulated device.
    """
    compared, questions = {c.name for c in comparisons}, []
    for name, limit in target.budget.limits.items():
        figure = NAMED.get(name, name) + ("_change" if limit.change else "")
        known = figure in compared or figure in (*LATENCIES, "load_time")
        elsewhere = device and name == "latency"
        if name in TIMED and known and not elsewhere and judged_here(name, target.budget, target.hardware):
            questions.append(Question(ships, figure, float(limit)))
    return questions
