"""Which runtimes agree with the one that ships, and where the others part from it."""

from __future__ import annotations

from typing import TypeVar

from msgspec.structs import replace

from edgekit.data.spec import DataSpec
from edgekit.engine.make import Scope, StageResult
from edgekit.engine.stage import Call
from edgekit.errors import ModelError, WorkerError
from edgekit.measure.accuracy import PREDICTIONS
from edgekit.measure.conformance import agree, first_divergence
from edgekit.measure.record import INPUTS, OUTPUTS, TENSORS, record, store_inputs
from edgekit.runtimes import engine, installed
from edgekit.types import Agreement, Artifact, Divergence, Measurement

R = TypeVar("R")
LARGEST = "max_lsb"
ALIKE_DB = 40.0
"""Two computations of the same floats are at least so near: rounding to half precision leaves some 60 dB, a wrong
operator less than 20."""


def agreements(
    model: Artifact,
    names: Artifact | None,
    data: DataSpec,
    scored: dict[str, StageResult[list[Measurement]]],
    shipped: str,
    scope: Scope,
) -> list[Agreement]:
    """Holds each runtime that scored the model against the one that ships.

    Args:
      names: of the model's tensors, if it lacks them.
      scored: what `score` made, by runtime; with all outputs.
    """
    found, answers = [], scored[shipped].artifacts
    for runtime, other in scored.items():
        if runtime == shipped:
            continue
        ours, theirs = ((a[OUTPUTS], a[PREDICTIONS]) for a in (answers, other.artifacts))
        held = agree(model, *ours, *theirs, f"{runtime} {installed(runtime)}")
        agreement = scope.make(held.named(f"agree {runtime}")).value
        if agreement.differing:
            try:
                agreement = _parted(agreement, model, names, data, (shipped, runtime), scope)
            except (ModelError, WorkerError) as problem:
                agreement = replace(agreement, note=f"not found where: {problem}")
        found.append(agreement)
    return found


def _parted(
    agreement: Agreement,
    model: Artifact,
    names: Artifact | None,
    data: DataSpec,
    pair: tuple[str, str],
    scope: Scope,
) -> Agreement:
    """The same with the first operator at which two runtimes differ."""

    def make(call: Call[R]) -> StageResult[R]:
        return scope.make(call.named(f"{call.name} for {pair[1]}"))

    inputs = make(store_inputs(model, data, agreement.differing)).artifacts[INPUTS]
    records = [make(record(model, inputs, r).on(engine(r)).named(f"record {r}")) for r in pair]
    ours, theirs = (made.artifacts[TENSORS] for made in records)
    parted = make(first_divergence(model, names, ours, theirs))
    if not all(made.value for made in records):
        note = "not found where: with the tensors inside handed out, a runtime has other outputs"
        return replace(agreement, note=note)
    return replace(agreement, first=first(parted.value))


def first(partings: list[Divergence]) -> Divergence | None:
    """Where two runtimes part: of integers the first operator that differs, of floats, which always do, the first one
    that differs by more than rounding."""
    apart = (p for p in partings if p.unit or p.sqnr is None or p.sqnr < ALIKE_DB)
    return next(apart, partings[0] if partings else None)


def largest(found: list[Agreement], shipped: str) -> list[Measurement]:
    """`max_lsb`: how far the outputs of any runtime are from those of the one that ships."""
    whole = [a for a in found if a.unit == "LSB"]
    if not whole:
        return []
    worst = max(whole, key=lambda a: a.largest)
    said = f"{worst.runtime} is furthest" if worst.largest else "all runtimes agree to the bit"
    label = f"{shipped} {installed(shipped)}"
    return [Measurement(LARGEST, worst.largest, "LSB", runtime=label, samples=worst.samples, reason=said)]
