"""One trial: a recipe built as `edgekit build` builds it, and what it costs and gives.

Each function takes a job, which is plain data, and a maker of stages; so it can be carried out wherever the project's
files and its store are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from edgekit.build import produce
from edgekit.data.spec import DataSpec
from edgekit.engine.make import Maker, Scope, StageResult
from edgekit.measure.accuracy import score_file
from edgekit.measure.arena import arena
from edgekit.measure.file import measure_file
from edgekit.measure.golden import golden_file
from edgekit.measure.machine import machine
from edgekit.product import Measurements, Product
from edgekit.profile.project import ModelSpec
from edgekit.profile.recipe import Recipe
from edgekit.profile.target import Target
from edgekit.runtimes import BASELINE, engine
from edgekit.runtimes.available import available
from edgekit.stages.handover import hand_over
from edgekit.stages.layers import layers_of, parts_of
from edgekit.stages.reference import Scored, original, own, settle
from edgekit.types import Artifact, Measurement

Samples = Literal["evaluation", "held_out", "reserve"]


class Job(Struct, frozen=True):
    """What a trial is made of."""

    spec: ModelSpec
    target: Target

    def having(self, recipe: Recipe) -> Job:
        """The same with another recipe."""
        return Job(self.spec, replace(self.target, recipe=recipe))

    @property
    def scope(self) -> str:
        """Where the store remembers its stages."""
        return f"{self.target.name}.{self.spec.name}"


def costs(job: Job, maker: Maker) -> Iterator[list[Measurement]]:
    """What would ship costs, as far as that is known without a clock: what is quick to find comes first.

    Raises:
      EdgekitError: the model does not allow the recipe, or cannot be handed over as the target asks.
    """
    product, scope = produce(job.spec, job.target, maker), Scope(maker, job.scope)
    model, shipped = product.shipped, available(job.target.runtimes).shipped
    yield scope.make(measure_file(model)).value
    reserved: list[Measurement] = []
    if engine(shipped).arena:
        reserved = scope.make(arena(model, shipped).on(engine(shipped))).value
        yield reserved
    if job.target.outputs.c_standalone or job.target.hardware.npu:
        vectors = golden_file(model, product.data, shipped, product.loaded.raw is not None)
        golden = scope.make(vectors.on(engine(shipped))).artifact
        found = Measurements(list(reserved), shipped, [], machine(), [], None, [], golden)
        yield hand_over(product, found, layers_of(parts_of(product, scope)), scope).measurements


def score(job: Job, samples: Samples, maker: Maker) -> tuple[Artifact, list[Measurement]]:
    """The file that would ship, and how it answers on some samples, against the model as it was given.

    Raises:
      EdgekitError: see `costs`.
    """
    product, scope = produce(job.spec, job.target, maker), Scope(maker, job.scope)
    data, shipped = replace(product.data, judged_by=samples), available(job.target.runtimes).shipped
    model, threads, metric = product.shipped, job.target.runtimes.threads, job.spec.metric

    def call(name: str, model: Artifact, runtime: str, answers: Artifact | None, **named: Any) -> Scored:
        made = score_file(model, data, runtime, threads, answers, metric, **named).on(engine(runtime))
        return made.named(f"{name} {samples}").at(own(metric))

    answers = _answers(product, data, call, scope)
    return model, scope.make(call(f"score {shipped}", model, shipped, answers)).value


def _answers(product: Product, data: DataSpec, scored: Callable[..., Scored], scope: Scope) -> Artifact | None:
    """What the model answers to some samples as it was given."""
    given, _ = original(product.spec, product.loaded, data, scope)

    def run(
        call: Scored, artifact: str, runtime: str = "", promised: tuple[str, ...] = ()
    ) -> StageResult[list[Measurement]] | None:
        return scope.make(call)

    return settle(product.graphs["float"], given, data, scored, BASELINE, (), run, scope.apart()).answers
