"""Which runtimes agree with the one that ships, and where the others part from it."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from edgekit import steps
from edgekit.data.spec import DataSpec
from edgekit.engine.make import Made, Step
from edgekit.errors import ModelError, WorkerError
from edgekit.measure.record import INPUTS, TENSORS
from edgekit.runtimes import installed
from edgekit.types import Agreement, Artifact, Measurement, Parting

LARGEST = "max_lsb"
ALIKE_DB = 40.0
"""Two computations of the same floats are at least so near: rounding to half precision leaves some 60 dB, a wrong
operator less than 20."""


def agreements(
    model: Artifact,
    names: Artifact | None,
    data: DataSpec,
    scored: dict[str, Made],
    shipped: str,
    make: Callable[[Step], Made],
) -> tuple[list[Agreement], list[Made]]:
    """Holds each runtime that scored the model against the one that ships.

    Args:
      names: of the model's tensors, if it lacks them.
      scored: what `score` made, by runtime; with all outputs.
    """
    found, made = [], []
    for runtime, other in scored.items():
        if runtime == shipped:
            continue
        step = steps.agree(model, scored[shipped], other, f"{runtime} {installed(runtime)}")
        made.append(make(replace(step, name=f"agree {runtime}")))
        agreement: Agreement = made[-1].value
        if agreement.differing:
            try:
                agreement = _parted(agreement, model, names, data, (shipped, runtime), make, made)
            except (ModelError, WorkerError) as problem:
                agreement = replace(agreement, note=f"not found where: {problem}")
        found.append(agreement)
    return found, made


def _parted(
    agreement: Agreement,
    model: Artifact,
    names: Artifact | None,
    data: DataSpec,
    pair: tuple[str, str],
    make: Callable[[Step], Made],
    made: list[Made],
) -> Agreement:
    """The same with the first operator at which two runtimes differ."""

    def named(step: Step) -> Made:
        return make(replace(step, name=f"{step.name} for {pair[1]}"))

    inputs = named(steps.store_inputs(model, data, agreement.differing))
    records = [named(steps.record(model, inputs.artifacts[INPUTS], runtime)) for runtime in pair]
    parted = named(steps.part(model, names, *(record.artifacts[TENSORS] for record in records)))
    made += [inputs, *records, parted]
    if not all(record.value for record in records):
        note = "not found where: with the tensors inside handed out, a runtime has other outputs"
        return replace(agreement, note=note)
    return replace(agreement, first=first(parted.value))


def first(partings: list[Parting]) -> Parting | None:
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
