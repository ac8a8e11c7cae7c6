"""A smaller file, where all engines answer the same; else the model as it is."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from edgekit.data.spec import DataSpec
from edgekit.engine.make import Scope, StageResult
from edgekit.engine.stage import Call
from edgekit.errors import ModelError, WorkerError
from edgekit.product import QuantizedModel, ShrunkModel
from edgekit.profile.target import Target
from edgekit.runtimes import REFERENCE, engine
from edgekit.runtimes.available import available
from edgekit.shrink.file import CALIBRATION_INPUTS, NAMES, less, lookup_file, shrink_file
from edgekit.shrink.proof import holds, same_outputs
from edgekit.types import INTEGER, Artifact, Remark

UNTRIED = "recipe.shrink = false does not try"


def shrink(quantized: QuantizedModel, data: DataSpec, target: Target, scope: Scope, proofs: Scope) -> ShrunkModel:
    """Shrinks a model, as the recipe says.

    Args:
      proofs: records the stages that only look.
    """
    model, settings = quantized.model, target.recipe.shrink
    if not settings:
        return ShrunkModel(model, model, {}, [])
    # Beside random inputs, so many training samples prove it.
    samples = quantized.settings.calibration_samples if quantized.settings else CALIBRATION_INPUTS
    engines, notes = available(target.runtimes).engines, list[str]()

    def proven(before: Artifact, call: Call[Any], engines: list[str]) -> StageResult[Any] | None:
        """What a stage made, if all engines answer the same."""
        try:
            made = scope.make(call)
            for name in engines:
                if made.artifacts[INTEGER].sha256 != before.sha256:
                    proof = same_outputs(before, made.artifacts[INTEGER], name, data, samples)
                    said = proofs.make(proof.on(engine(name)).named(f"prove {name}")).value
                    if not holds(said):
                        notes.append(f"{call.name}: left as it is: {name} {said}; {UNTRIED}")
                        return None
        except (ModelError, WorkerError) as problem:
            notes.append(f"{call.name}: left as it is: {problem}; {UNTRIED}")
            return None
        return made

    portable, names = model, dict[str, Artifact]()
    for tried in less(replace(settings, lookup_tables=False)):  # which are a stage of their own
        made = proven(model, shrink_file(model, tried).using(engine(REFERENCE)).of("portable"), engines)
        if made is None:
            continue
        portable = made.artifacts[INTEGER]
        notes += [Remark(f"shrink: carried along: {made.value.carried}")] if made.value.carried else []
        names |= {portable.sha256: made.artifacts[NAMES]} if NAMES in made.artifacts else {}
        break
    shipped = portable
    if settings.lookup_tables and engine(engines[0]).lookup_tables:
        limit = target.budget.arena
        arena = None if limit is None or limit.change else int(limit)
        tables = lookup_file(portable, names.get(portable.sha256), arena, engines[0]).on(engine(engines[0])).of("model")
        if made := proven(portable, tables, engines[:1]):
            shipped = made.artifacts[INTEGER]
            if shipped.sha256 != portable.sha256:
                notes.append(
                    Remark(
                        "lookup tables: model.tflite needs a TFLM that has the operator DECODE, from 2025 on; other "
                        "runtimes ran its twin without tables, whose outputs are the same"
                    )
                )
            names |= {shipped.sha256: made.artifacts[NAMES]} if NAMES in made.artifacts else {}
    same = shipped.sha256 == model.sha256
    scope.done("not shrunk: nothing to gain" if same else "shrunk, with the same outputs", shipped.bytes)
    return ShrunkModel(shipped, portable, names, notes)
