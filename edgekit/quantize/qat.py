"""Quantization-aware training: the model learns with the rounding of int8 in its forward pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import replace

from edgekit.compress.fine_tune import Progress, fine_tune
from edgekit.compress.kept import kept
from edgekit.compress.layers import flattened, kernels
from edgekit.compress.targets import Objective, TrainingTargets, kind, training_targets
from edgekit.compress.technique import Given, Rehearsal, Technique
from edgekit.config import Settings
from edgekit.data.calibration import calibration
from edgekit.data.read import read_dataset
from edgekit.data.samples import prepared
from edgekit.data.spec import DataSpec
from edgekit.engine.libraries import EIGEN, TENSORFLOW, TRAINING
from edgekit.engine.stage import Call, Work, stage
from edgekit.errors import RecipeError
from edgekit.flatbuffer.edit import main_graph
from edgekit.model.custom import custom_scope
from edgekit.model.read import open_keras, save
from edgekit.quantize.activations import activations
from edgekit.quantize.convert import without_loops
from edgekit.quantize.int8 import integers
from edgekit.quantize.ranges import asymmetric, quantized
from edgekit.quantize.settings import Quantize
from edgekit.quantize.simulated import Simulated, rounds
from edgekit.types import INTEGER, KERAS, Artifact

if TYPE_CHECKING:
    import numpy as np

WHERE = "recipe.qat"


class Qat(Technique, frozen=True):
    """Training with the rounding of int8 in the forward pass; zeros and clusters of earlier stages are kept.

    Where the trained model does worse on the held-out samples than plain int8, that ships, and the report says so.

    Source: Jacob et al. 2018, section 3.
    """

    epochs: Annotated[int, Meta(ge=0)] = 1
    learning_rate: Annotated[float, Meta(gt=0)] = 1e-4
    required: bool = False
    """Whether a layer that cannot be trained with rounding is an error; otherwise it alone goes without, and the report
    says so."""

    @property
    def last(self) -> bool:
        """It trains what ships."""
        return True

    @property
    def judges(self) -> bool:
        """Always, against plain int8."""
        return True

    def told(self, name: str) -> str:
        """See `Technique`."""
        return "trained with quantization"

    def too_short(self, technique: str, samples: int) -> str:
        """Never: it has plain int8 to be better than."""
        return ""

    def problem(self, quantize: Settings | None) -> str:
        """Another scheme than the one that it trains for."""
        if isinstance(quantize, Quantize) and quantize.scheme == "int8":
            return ""
        return f'{WHERE}: trains for int8; set recipe.quantize with scheme = "int8"'

    def call(self, model: Artifact, given: Given) -> Call[QatFacts]:
        """The stage `qat_file`."""
        assert isinstance(given.quantize, Quantize)
        common = given.seed, given.custom_objects, given.answers, given.quantize, given.objective
        return qat_file(model, given.data, self, *common)

    def rehearse(self, model: Any, given: Rehearsal) -> Any:
        """As it is: rounding changes no architecture."""
        check(flattened(model), self)
        return model


class QatFacts(Struct, frozen=True):
    """What quantization-aware training did."""

    notes: tuple[str, ...] = ()
    """What is to be changed where it did not help."""
    remarks: tuple[str, ...] = ()
    """Layers that were left in floating point while it trained, and what was kept."""


@stage("qat", process=TENSORFLOW, libraries=TRAINING, retry=EIGEN)
def qat_file(
    work: Work,
    model: Artifact,
    data: DataSpec,
    settings: Qat,
    seed: int,
    custom_objects: str,
    answers: Artifact | None,
    quantize: Quantize,
    objective: Objective | None = None,
) -> QatFacts:
    """Trains the model in a file and writes it to `folder`: as int8 `.tflite`, and as Keras model.

    Where the trained model does worse on held-out training samples than the model as it came, quantized without
    training, that one is written.

    Raises:
      RecipeError: no layer, or not every required one, can be trained with rounding.
      ModelError: the int8 file is not integer throughout.
    """
    loaded = flattened(open_keras(model.path, custom_objects))
    notes, remarks = list[str](), check(loaded, settings)
    dataset = read_dataset(replace(data, held_out=True))
    samples, held = calibration(dataset, quantize.calibration_samples, data), dataset.held_out
    assert held is not None
    with custom_scope(custom_objects):
        before, content = loaded.get_weights(), without_loops(loaded)[0]
        untrained, said = integers(content, samples, quantize)
        remarks += [said] if said else []
        taught = training_targets(loaded, dataset.train, data, answers, objective, held)
        train(loaded, prepared(dataset.train, data), taught, samples, settings, quantize, seed, work.progress)
        trained, _ = integers(without_loops(loaded)[0], samples, quantize)
        test, of = prepared(held, data), kind(loaded, 0, True)
        (value, unit), (other, _) = (_score(file, content, test, held.y, of) for file in (trained, untrained))
        said = f"{value:.2f} {unit} on {held.number} held-out training samples, {other:.2f} {unit} without training"
        if value < other:
            loaded.set_weights(before)
            trained = untrained
            said = f"plain int8 ships, because training did not help: {said}"
            notes.append(f"{said}; raise recipe.qat.epochs, or set recipe.qat = false")
        else:
            remarks.append(said)
        save(loaded, work.folder / KERAS)
    (work.folder / INTEGER).write_bytes(trained)
    return QatFacts(tuple(notes), tuple(remarks))


def check(model: Any, settings: Qat) -> list[str]:
    """Which layers train without rounding, as remarks.

    Args:
      model: functional `tf_keras.Model` without nested models.

    Raises:
      RecipeError: they are all that there are, or the settings want every layer trained with rounding.
    """
    left = [f"{layer.name} ({type(layer).__name__})" for layer in model.layers if not rounds(layer)]
    if not any(rounds(layer) and kernels(layer) for layer in model.layers):
        said = f": not {', '.join(left)}" if left else ""
        raise RecipeError(f"{WHERE}: no layer with weights can be trained with rounding{said}; set recipe.qat = false")
    if left and settings.required:
        raise RecipeError(
            f"{WHERE}.required: {', '.join(left)} cannot be trained with rounding; replace it, or remove required"
        )
    notes = [f"kept {' and '.join(found)}"] if (found := kept(model)) else []
    return [*notes, f"trained without rounding: {', '.join(left)}"] if left else notes


def train(
    model: Any,
    x: list[np.ndarray],
    taught: TrainingTargets,
    samples: list[np.ndarray],
    settings: Qat,
    quantize: Quantize,
    seed: int,
    progress: Progress,
) -> None:
    """Trains a model, in place, with simulated int8 weights and activations.

    Ranges are those of the calibration set, as they are for the file; they are measured before each epoch. Zeros of
    pruning and the values of clustering are kept, and the statistics of a BatchNormalization stay as they are.

    Args:
      model: functional `tf_keras.Model` without nested models.
      x: prepared training samples, for each input (N, …).
      samples: calibration set, likewise.

    Source: Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
    Inference", section 3; there the ranges are moving averages over training batches, which must be long enough.
    """
    import numpy as np
    import tf_keras

    simulated = Simulated(model, quantize)

    class Calibration(tf_keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            simulated.calibrate(samples)

    def as_stored(values: np.ndarray, known: np.ndarray) -> np.ndarray:
        """An input's values as its int8 tensor holds them."""
        if not np.issubdtype(values.dtype, np.floating):
            return values
        return quantized(values, *asymmetric(float(known.min()), float(known.max()))).astype(values.dtype)

    def stored(arrays: list[np.ndarray]) -> list[np.ndarray]:
        return [as_stored(values, known) for values, known in zip(arrays, samples, strict=True)]

    x = stored(x)
    if taught.held_out:
        taught = taught._replace(held_out=(stored(taught.held_out[0]), taught.held_out[1]))
    fine_tune(simulated.model, x, taught, settings, seed, progress, (Calibration(),))


def _score(content: bytes, reference: bytes, x: list[np.ndarray], y: np.ndarray | None, of: str) -> tuple[float, str]:
    """How well an int8 `.tflite` does: its accuracy in percent where there are labels, else the SQNR in dB of the
    output with the least, against the float `.tflite` that it should answer as; and the unit.

    Args:
      y: class indices (N,).
      of: what the output is, a `Kind`.
    """
    import numpy as np

    given, wanted = outputs(content, x), outputs(reference, x)
    if y is not None and len(given) == 1:
        flat = given[0].reshape(len(y), -1)
        classes = flat.argmax(axis=1) if flat.shape[1] > 1 else flat[:, 0] > (0.5 if of == "sigmoid" else 0)
        return 100 * float(np.mean(classes == y)), "%"
    signals = [float(np.square(b).sum()) for b in wanted]
    noises = [float(np.square(a - b).sum()) for a, b in zip(given, wanted, strict=True)]
    return min(10 * float(np.log10((s or 1e-20) / (n or 1e-20))) for s, n in zip(signals, noises, strict=True)), "dB"


def outputs(content: bytes, x: list[np.ndarray]) -> list[np.ndarray]:
    """A `.tflite`'s outputs in real numbers, each (N, …) float64, in the order of the file."""
    import numpy as np

    graph = main_graph(content)[1]
    places = [graph.Outputs(n) for n in range(graph.OutputsLength())]
    rows = [[values[place][0] for place in places] for values in activations(content, x, places)]
    return [np.asarray(column, np.float64) for column in zip(*rows, strict=True)]
