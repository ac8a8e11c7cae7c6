"""The model and its dataset, read once and found to fit each other and the target."""

from __future__ import annotations

from msgspec.structs import replace

from edgekit.data.check import check_data
from edgekit.data.locate import locate
from edgekit.data.spec import RANDOM, DataFacts, DataSpec
from edgekit.engine.libraries import OWN
from edgekit.engine.make import Scope, StageResult
from edgekit.engine.stage import Call
from edgekit.errors import DataError, ModelError, ProjectError, TargetError
from edgekit.model.read import load_file
from edgekit.product import LoadedModel
from edgekit.profile.project import ModelSpec, is_function
from edgekit.profile.target import Target
from edgekit.runtimes import engine
from edgekit.types import Artifact, ModelFacts, Reading, Remark


def load(spec: ModelSpec, target: Target, scope: Scope) -> LoadedModel:
    """Reads the model and its dataset.

    Raises:
      EdgekitError: one cannot be read, or does not fit the other or the recipe.
    """
    recipe, fingerprint = target.recipe, scope.maker.fingerprints.file
    source = locate("keras", spec.model, fingerprint, ModelError)
    dataset = locate("data", spec.data, fingerprint, DataError)
    reading = replace(spec.reading, input_shape=spec.reading.input_shape or recipe.input_shape)
    model = scope.make(reading_of(source, reading).of("float"))
    facts = model.value
    ship = target.runtimes.ship
    if not engine(ship).floats and facts.form != "int8" and not recipe.quantize:
        raise TargetError(
            f'{target.name}: recipe.quantize: without it the model stays float, and "{ship}" ships integer models; '
            'write recipe.quantize.scheme = "int8", or runtimes.ship = "litert"'
        )
    if facts.floats and recipe.quantize and recipe.quantize.static and not recipe.quantize.allow_float_ops:
        raise ModelError(f"{spec.model}: {facts.floats[0]}, or --set recipe.quantize.allow_float_ops=true")
    data, found = check_dataset(spec, target, dataset, facts, scope.apart())
    labels = spec.labels or (found.labels if len(found.labels) == max(data.classes, 2) else ())
    notes = (*found.notes, *map(Remark, found.remarks))
    return LoadedModel(source, dataset, reading, model, data, found.train, labels, notes, found.raw)


def reading_of(source: Artifact, reading: Reading) -> Call[ModelFacts]:
    """Reads a model into a form that stages take."""
    call = load_file(source, reading)
    return call.within(OWN) if is_function(source.path) else call


def check_dataset(
    spec: ModelSpec, target: Target, dataset: Artifact, model: ModelFacts, scope: Scope
) -> tuple[DataSpec, DataFacts]:
    """The dataset as the stages take it, read once and found to fit the model.

    Raises:
      EdgekitError: it does not.
    """
    classes = model.outputs[0].shape[-1] if model.outputs[0].shape else 1
    # Data is real numbers, whatever the file stores them as.
    inputs = tuple(replace(i, dtype="float32") if i.scale else i for i in model.inputs)
    data = DataSpec(
        spec.data,
        dataset.sha256,
        spec.preprocessing,
        inputs,
        classes,
        target.recipe.seed,
        held_out=model.form != "int8" and target.recipe.judges(model.form == "keras"),
        reserve=model.form != "int8" and target.recipe.reserve,
        outputs=model.outputs,
        metric=spec.metric,
        group=spec.group,
        frontend=spec.frontend if spec.data != RANDOM else None,
    )
    quantize = target.recipe.quantize if model.form != "int8" else None
    if spec.labels and len(spec.labels) != max(classes, 2):  # one output is a yes or a no
        raise ProjectError(
            f"tool.edgekit.models.{spec.name}.labels: {len(spec.labels)} names, but the model has {classes} outputs; "
            f"name {max(classes, 2)} classes in their order, or remove it"
        )
    if misfit := spec.preprocessing.misfit(inputs):
        raise ProjectError(f"tool.edgekit.models.{spec.name}.preprocessing{misfit}")
    call = check_data(data)
    try:
        checked: StageResult[DataFacts] = scope.make(call.within(OWN) if is_function(data.source) else call)
    except ProjectError as problem:  # of the front-end, which knows no name of a model
        raise ProjectError(f"tool.edgekit.models.{spec.name}.{problem}") from None
    facts = checked.value
    if quantize and quantize.static and facts.train < quantize.calibration_samples:
        raise DataError(
            f"{spec.data}: {facts.train} training samples, but recipe.quantize.calibration_samples wants "
            f"{quantize.calibration_samples}; give more, or --set recipe.quantize.calibration_samples={facts.train}"
        )
    if copy := checked.artifacts.get("samples.npz"):
        data = replace(data, source=copy.path, sha256=copy.sha256, frontend=None)
    return data, facts
