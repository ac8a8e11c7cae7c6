"""The benchmark harness of a build: which runtime measures what, each in a process of its own."""

from __future__ import annotations

import contextlib
from typing import Any, TypeVar

from msgspec.structs import replace

from edgekit.data.spec import RANDOM
from edgekit.engine.libraries import TENSORFLOW
from edgekit.engine.make import Scope, StageResult
from edgekit.engine.stage import Call
from edgekit.errors import ModelError, WorkerError
from edgekit.firmware.cores import estimates_time
from edgekit.measure.accuracy import PREDICTIONS, changed_file, score_file
from edgekit.measure.arena import arena
from edgekit.measure.file import measure_file
from edgekit.measure.golden import golden_file
from edgekit.measure.judge import judged_here
from edgekit.measure.limits import NAMED, TIMED
from edgekit.measure.machine import machine
from edgekit.measure.record import OUTPUTS
from edgekit.measure.timing import LATENCIES, Candidate, Comparison, Question, time_file
from edgekit.product import Measurements, Product
from edgekit.profile.target import Target
from edgekit.runtimes import BASELINE, REFERENCE, engine, installed
from edgekit.runtimes.available import available
from edgekit.stages.agreements import agreements, largest
from edgekit.stages.reference import Reference, own, settle
from edgekit.types import Agreement, Artifact, Machine, Measurement, Remark, Timing

T = TypeVar("T")
UNITS = {"accuracy": "%", "accuracy_drop": "points", "churn": "points", "latency_p90": "ns", "arena": "B"}
"""What a stage that failed would have measured."""
ANSWERS = {
    "accuracy": "%",
    **dict.fromkeys(("accuracy_drop", "churn"), "points"),
    "max_lsb": "LSB",
    **dict.fromkeys(("metric", "metric_loss"), ""),
}
"""What random data says nothing about."""


def measure(product: Product, scope: Scope, before: Artifact | None = None) -> Measurements:
    """Measures the float models and the one that ships. What fails becomes a measurement without a value.

    Args:
      scope: records what is made here.
      before: the baseline's file, to be timed in the same rounds.

    Raises:
      SetupError: the runtime that ships is not installed.
    """
    harness = _Harness(product, scope, before)
    harness.describe()
    if product.data.source == RANDOM:
        harness.measurements += [Measurement(n, None, u, reason="skipped: random data") for n, u in ANSWERS.items()]
    else:
        harness.score()
    harness.check_by()
    distributions = harness.time()
    scope.done(f"measured in {', '.join(harness.engines)}", accuracy=harness.accuracy)
    failures = [m for m in harness.measurements if m.reason.startswith("failed")]
    harness.notes += dict.fromkeys(
        f"{m.runtime}: {m.reason}; "
        + ("see build.log" if m.engine == harness.shipped else "or take it out of runtimes.compare")
        for m in failures
    )
    return Measurements(
        harness.measurements,
        harness.shipped,
        harness.notes,
        harness.machine,
        distributions,
        harness.predictions,
        harness.conformance,
        harness.golden,
    )


class _Harness:
    """What is measured of a product, piece by piece."""

    def __init__(self, product: Product, scope: Scope, before: Artifact | None) -> None:
        self.product, self.target, self.scope, self.before = product, product.target, scope, before
        here = available(product.target.runtimes)
        self.shipped, self.engines = here.shipped, here.engines
        self.with_arena = [name for name in here.engines if engine(name).arena]
        self.limit = product.target.runtimes.time_limit / 1e9
        self.notes = [*product.notes, *here.notes]
        self.machine: Machine = machine()
        self.measurements: list[Measurement] = []
        self.predictions: tuple[Artifact, Artifact | None] | None = None
        self.conformance: list[Agreement] = []
        self.golden: Artifact | None = None
        self.elsewhere = "model" if product.portable.sha256 == product.shipped.sha256 else "portable"
        """What runtimes run that decode no lookup tables."""
        same = product.graphs["float"].sha256 == product.shipped.sha256
        self.graphs = {} if same else product.graphs

    def run(
        self, call: Call[list[Measurement]], artifact: str, runtime: str = "", promised: tuple[str, ...] = ()
    ) -> StageResult[list[Measurement]] | None:
        """Makes a stage and keeps its measurements as those of an artifact; None where it failed."""
        try:
            made = self.scope.make(call, self.limit)
        except (ModelError, WorkerError) as error:
            label = f"{runtime} {installed(runtime)}" if runtime else ""
            failed = [Measurement(n, None, UNITS[n], runtime=label, reason=f"failed: {error}") for n in promised]
            self.measurements += [replace(m, artifact=artifact) for m in failed]
            return None
        self.measurements += [replace(m, artifact=artifact) for m in made.value]
        return made

    @property
    def accuracy(self) -> float | None:
        """Of what ships, in percent, where it is known."""
        found = (m for m in self.measurements if (m.name, m.artifact, m.engine) == ("accuracy", "model", self.shipped))
        return next((m.value for m in found), None)

    def describe(self) -> None:
        """What each file costs before it runs."""
        model, portable, quantized = self.product.shipped, self.product.portable, self.product.quantized.model
        self.run(measure_file(model), "model")
        for name, file in {"quantize": quantized, "portable": portable}.items():
            if file.sha256 not in (model.sha256, quantized.sha256 if name == "portable" else ""):
                self.run(measure_file(file).named(f"describe {name}"), name)
                for runtime in self.with_arena:
                    self.run(arena(file, runtime).on(engine(runtime)), name, runtime)
        for name, graph in self.graphs.items():
            self.run(measure_file(graph).named(f"describe {name}"), name)

    def score(self) -> None:
        """The answers of each model in each runtime, held against the labels, the reference and each other."""
        product = self.product
        reference = self._reference()
        self.measurements += reference.found
        self.notes += reference.notes
        for name, graph in self.graphs.items():
            if name != "float":
                self.run(self._score(f"score {name}", graph, BASELINE, reference.answers), name, BASELINE)
        scored: dict[str, StageResult[list[Measurement]]] = {}
        for runtime in dict.fromkeys([*self.engines, *([REFERENCE] if installed(REFERENCE) else [])]):
            ships = runtime == self.shipped
            file = product.shipped if ships else product.portable
            call = self._score(f"score {runtime}", file, runtime, reference.answers, keep=True)
            promised = ("accuracy", "accuracy_drop", "churn") if runtime in self.engines else ()
            made = self.run(call, "model" if ships else self.elsewhere, runtime, promised)
            scored |= {runtime: made} if made else {}
            if made and ships:
                self._compare(made.artifacts[PREDICTIONS], reference, runtime)
        if self.shipped in scored:
            names = product.names_of(product.portable)
            self.conformance = agreements(product.portable, names, product.data, scored, self.shipped, self.scope)
            self.measurements += largest(self.conformance, self.shipped)

    def check_by(self) -> None:
        """What a device is checked by: golden vectors, and the arena it needs."""
        product = self.product
        with contextlib.suppress(ModelError, WorkerError):  # scoring has said it already
            vectors = golden_file(product.shipped, product.data, self.shipped, product.loaded.raw is not None)
            self.golden = self.scope.make(vectors.on(engine(self.shipped)), self.limit).artifact
        for runtime in self.with_arena:
            self.run(arena(product.shipped, runtime).on(engine(runtime)), "model", runtime, ("arena",))

    def time(self) -> list[tuple[str, str, list[list[int]]]]:
        """Times models and runtimes against each other, until the limits are decided.

        Returns:
          for each model and runtime, of each process, quantiles of its single runs.
        """
        # Nothing else of this build runs while it times: what is done is ended first.
        for process in (TENSORFLOW, BASELINE, *self.engines):
            self.scope.maker.end(process)
        target, shipped = self.target, self.shipped
        timed = {"model": self.product.shipped, "portable": self.product.portable}
        timed |= self.graphs if engine(shipped).floats else {}
        entries = [Candidate(name, shipped) for name in self.graphs if name in timed] + [Candidate("model", shipped)]
        entries += [Candidate(self.elsewhere, name) for name in self.engines if name != shipped]
        ships, comparisons = Candidate("model", shipped), []
        if "float" in timed:
            comparisons.append(Comparison("speedup", Candidate("float", shipped), ships))
        if self.before:
            timed["baseline"] = self.before
            entries.append(Candidate("baseline", shipped))
            comparisons += [Comparison(f"{n}_change", ships, entries[-1], n, True) for n in (*LATENCIES, "load_time")]
        device = bool(target.hardware.npu) or (target.outputs.c_standalone and estimates_time(target.hardware))
        questions = questions_of(target, ships, comparisons, device)
        runtimes = target.runtimes
        call = time_file(
            timed,
            entries,
            comparisons,
            questions,
            runtimes.threads,
            Timing(),
            runtimes.patience / 1e9,
            runtimes.time_limit / 1e9,
        ).using(*(engine(name) for name in sorted({entry.runtime for entry in entries})))
        clocked = self.scope.make(call.at(self.machine)).value
        self.measurements += clocked.measurements
        self.notes += map(Remark, clocked.remarks)
        return [
            (entry.model, f"{entry.runtime} {installed(entry.runtime)}", rounds)
            for entry, rounds in zip(entries, clocked.quantiles, strict=True)
        ]

    def _score(
        self, name: str, model: Artifact, runtime: str, answers: Artifact | None, **named: Any
    ) -> Call[list[Measurement]]:
        metric = self.product.spec.metric
        call = score_file(model, self.product.data, runtime, self.target.runtimes.threads, answers, metric, **named)
        return call.on(engine(runtime)).named(name).at(own(metric))

    def _reference(self) -> Reference:
        """What all answers are held against."""
        product, original = self.product, self.product.original
        given = product.graphs["float"]
        if original:
            self.scope.made.append(original)
            self.measurements += [replace(m, artifact="original") for m in original.value]
        if product.facts.form != "int8":
            engines = tuple(self.engines)
            return settle(given, original, product.data, self._score, BASELINE, engines, self.run, self.scope)
        if self.graphs:
            call = self._score("score float", given, BASELINE, None, keep=True, real=True)
            if made := self.run(call, "float", BASELINE):
                return Reference(made.artifacts[OUTPUTS], made.artifacts[PREDICTIONS])
        return Reference(None, None)

    def _compare(self, predictions: Artifact, reference: Reference, runtime: str) -> None:
        """What ships, against the reference's classes and against the release before it."""
        self.predictions = predictions, reference.predictions
        if self.before is None:
            return
        data, threads = self.product.data, self.target.runtimes.threads
        call = score_file(self.before, data, runtime, threads, reference.answers)
        call = call.on(engine(runtime)).named("score baseline").at(own("accuracy"))
        if old := self.run(call, "baseline", runtime):
            label = f"{runtime} {installed(runtime)}"
            self.run(changed_file(predictions, old.artifacts[PREDICTIONS], data, label), "model")


def questions_of(target: Target, ships: Candidate, comparisons: list[Comparison], device: bool) -> list[Question]:
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
