"""What the tests of the zoo ask of a worker, which imports TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import zoo
from msgspec.structs import replace

from edgekit.compress.channels import Channels
from edgekit.compress.cluster import Cluster
from edgekit.compress.distil import Distil
from edgekit.compress.prune import Prune
from edgekit.data.spec import DataSpec, Preprocessing
from edgekit.errors import EdgekitError
from edgekit.profile.recipe import Recipe
from edgekit.quantize.qat import Qat
from edgekit.quantize.settings import Quantize
from edgekit.types import TensorSpec

TRAIN, EVALUATION, CLUSTERS = 64, 16, 4
TECHNIQUES: dict[str, dict[str, Any]] = {
    "channels": {"channels": Channels(sparsity=0.5, epochs=1, protect=("last",))},
    "prune": {"prune": Prune(sparsity=0.5, epochs=1)},
    "prune 2:4": {"prune": Prune(sparsity=0.5, epochs=1, pattern="2:4")},
    "cluster": {"cluster": Cluster(clusters=CLUSTERS, epochs=1)},
    "distil": {"distil": Distil(epochs=1)},
    "qat": {"qat": Qat(epochs=1)},
}
"""What each adds to a recipe."""


def carried_out(name: str, techniques: list[str], folder: str) -> dict[str, Any]:
    """Carries a recipe out on a model of the zoo, the steps of a build one after the other.

    Returns:
      why it was `refused`, and whether anything had been `trained` by then; else of the int8 file's weights the share
      of `zeros`, the number of zeros that each four neighbours of its kernels have at `least`, and the most different
      `values` but zero that an output's weights have; and the `notes` of training with rounding.
    """
    recipe = Recipe(order=tuple(word.split()[0] for word in techniques), quantize=Quantize(calibration_samples=32))
    for word in techniques:
        recipe = replace(recipe, **TECHNIQUES[word])
    trained: list[str] = []
    try:
        return _build(name, recipe, Path(folder), trained)
    except EdgekitError as problem:
        return {"refused": str(problem), "trained": bool(trained)}


def _build(name: str, recipe: Recipe, place: Path, trained: list[str]) -> dict[str, Any]:
    from edgekit.compress.channels import channels_file
    from edgekit.compress.cluster import cluster_file
    from edgekit.compress.distil import distil_file
    from edgekit.compress.prune import prune_file
    from edgekit.compress.targets import teach
    from edgekit.model.read import save
    from edgekit.quantize.convert import convert_file
    from edgekit.quantize.int8 import quantize_file
    from edgekit.quantize.qat import qat_file
    from edgekit.quantize.rehearse import rehearsal, rehearse_file

    model = zoo.build(name)
    data, file, notes = dataset(model, place), str(place / "model.h5"), ()
    given = file
    save(model, Path(file))
    convert_file.run(str(place), file, "")
    rehearsed = rehearsal(file, file, None, data, recipe.techniques.values(), recipe.quantize, recipe.seed, "")
    rehearse_file.run("", **rehearsed.arguments)
    for technique in recipe.techniques:
        out = place / technique
        out.mkdir()
        common = {"model": file, "data": data, "settings": getattr(recipe, technique), "seed": 1, "custom_objects": ""}
        common |= {"progress": lambda text, share: trained.append(text)}
        if technique == "distil":
            teach.run(str(place), given, data, "")
            distil_file.run(out, **common, teacher=given, answers=str(place / "answers.npz"), student=None)
        elif technique == "qat":
            notes = qat_file.run(out, **common, answers=None, quantize=recipe.quantize).remarks
        else:
            files = {"channels": channels_file, "prune": prune_file, "cluster": cluster_file}
            files[technique].run(out, **common, answers=None)
        file = str(out / "model.h5")
    if [*recipe.techniques][-1:] != ["qat"]:
        out = place
        convert_file.run(str(place), file, "")
        quantize_file.run(str(place), str(place / "float.tflite"), data, recipe.quantize)
    return {"notes": notes, **weights((out / "model.tflite").read_bytes())}


def weights(content: bytes) -> dict[str, Any]:
    """Of an int8 `.tflite`; see `carried_out`."""
    import numpy as np

    from edgekit.flatbuffer.edit import constants
    from edgekit.flatbuffer.linear import linear_layers

    fixed = constants(content)
    kernels = [np.moveaxis(fixed[layer.weights], layer.axis, 0) for layer in linear_layers(content)]
    rows = [row for kernel in kernels for row in kernel.reshape(len(kernel), -1)]
    neighbours = [k for k in kernels if k.shape[-1] >= 4]
    fours = [k[..., : k.shape[-1] // 4 * 4].reshape(-1, 4) for k in neighbours]
    return {
        "zeros": float(np.mean(np.concatenate(rows) == 0)),
        "least": min((int((four == 0).sum(axis=1).min()) for four in fours), default=4),
        "values": max(len(np.unique(row[row != 0])) for row in rows),
    }


def examined(name: str, folder: str) -> dict[str, float]:
    """What the commands that look into a model make of one of the zoo: how far its outputs are apart after
    equalization, how many tensors are explained, and how many layers are found that bear something."""
    import numpy as np

    from edgekit.analyze.curves import Sweep
    from edgekit.analyze.explain import explain_file
    from edgekit.analyze.sensitivity import sensitivity_file
    from edgekit.data.calibration import calibration
    from edgekit.data.read import read_dataset
    from edgekit.flatbuffer.edit import main_graph
    from edgekit.model.read import save
    from edgekit.quantize.activations import activations
    from edgekit.quantize.convert import convert_file
    from edgekit.quantize.equalize import equalize
    from edgekit.quantize.int8 import quantize_file
    from edgekit.quantize.rounding import round_weights

    place, quantize = Path(folder), Quantize(calibration_samples=16)
    model = zoo.build(name)
    data = dataset(model, place)
    save(model, place / "model.h5")
    convert_file.run(folder, str(place / "model.h5"), "")
    content, samples = (place / "float.tflite").read_bytes(), calibration(read_dataset(data), 16, data)
    outputs = []
    for one in (content, equalize(content, samples)):
        end = main_graph(one)[1].Outputs(0)
        outputs.append(np.stack([values[end] for values in activations(one, samples, [end])]))
    round_weights(content, samples, "channel")
    quantize_file.run(folder, str(place / "float.tflite"), data, quantize)
    explained = explain_file.run(
        "", str(place / "float.tflite"), str(place / "model.tflite"), data, quantize, 8, progress=_silent
    )
    sweep = Sweep("prune", (0.5,), 16, (), quantize)
    measured = sensitivity_file.run("", str(place / "model.h5"), data, sweep, "", progress=_silent)
    return {
        "apart": float(np.abs(outputs[0] - outputs[1]).max() / np.abs(outputs[0]).max()),
        "explained": len(explained.tensors),
        "layers": len(measured.curves),
    }


def required(name: str) -> str:
    """Why a model is refused where all its layers are to be trained with rounding."""
    import tf_keras

    from edgekit.quantize.qat import check

    layers = tf_keras.layers
    alone = tf_keras.Sequential([layers.Input((3, 4)), layers.LSTM(4, name="lstm")])
    try:
        check(alone if name == "LSTM alone" else zoo.build(name), Qat(required=name != "LSTM alone"))
    except EdgekitError as problem:
        return str(problem)
    return ""


def dataset(model: Any, place: Path) -> DataSpec:
    """Random samples for a model; with labels where its one output is a row of classes."""
    import numpy as np

    rng = np.random.default_rng(1)
    inputs = tuple(TensorSpec(t.name.split(":")[0], (1, *t.shape[1:]), t.dtype.name) for t in model.inputs)
    shape = tuple(model.outputs[0].shape[1:])
    arrays = {}
    for part, count in (("train", TRAIN), ("test", EVALUATION)):
        for wanted in inputs:
            key = f"x_{part}" + (f".{wanted.name}" if len(inputs) > 1 else "")
            size = (count, *wanted.shape[1:])
            integers = wanted.dtype.startswith("int")
            arrays[key] = rng.integers(0, 10, size) if integers else rng.random(size, np.float32)
        if len(model.outputs) == 1 and shape == (zoo.CLASSES,):
            arrays[f"y_{part}"] = np.arange(count) % zoo.CLASSES
    np.savez(place / "data.npz", **arrays)
    return DataSpec(str(place / "data.npz"), "", Preprocessing(), inputs, shape[-1], seed=1)


def _silent(text: str, share: float) -> None:
    pass
