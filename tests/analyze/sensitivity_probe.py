"""What the tests of sensitivity ask of a worker, which imports TensorFlow."""

from pathlib import Path

import numpy as np
from msgspec import Struct

from edgekit.analyze.confirm import answers
from edgekit.analyze.curves import Sweep
from edgekit.analyze.sensitivity import changeable, changed, concerned, held_out
from edgekit.compress.allocate import allocate, mean_loss
from edgekit.compress.changes import applied, narrowed, rounding
from edgekit.compress.simulation import Simulation, segments
from edgekit.compress.targets import training_targets
from edgekit.data.read import read_dataset
from edgekit.data.samples import prepared
from edgekit.data.spec import DataSpec
from edgekit.model.read import KERAS, open_keras, save
from edgekit.quantize.convert import convert


class Allocation(Struct):
    shares: dict[str, float]
    weights: dict[str, int]
    ours: float
    """Loss with each layer pruned to its share,"""
    uniform: float
    """and with all layers pruned alike."""


def small_network(digits: str, folder: str) -> None:
    """Trains a network of eight layers with weights, a branch among them, on digits of half the size."""
    import tf_keras

    with np.load(digits) as stored:
        x = stored["x_train"][:4000, ::2, ::2, None].astype(np.float32) / 255
        y = stored["y_train"][:4000]
    k = tf_keras.layers
    tf_keras.utils.set_random_seed(1)
    image = tf_keras.Input((14, 14, 1), name="image")
    z = k.Conv2D(16, 3, padding="same", use_bias=False, name="stem")(image)
    z = k.ReLU(name="stem_relu")(k.BatchNormalization(name="stem_norm")(z))
    side = k.Conv2D(16, 3, padding="same", activation="relu", name="side")(z)
    side = k.Conv2D(16, 3, padding="same", name="back")(side)
    z = k.ReLU(name="join_relu")(k.Add(name="join")([z, side]))
    z = k.MaxPooling2D(name="pool")(z)
    z = k.SeparableConv2D(24, 3, activation="relu", name="separable")(z)
    z = k.Conv2D(32, 3, activation="relu", name="wide")(z)
    z = k.Dense(32, activation="relu", name="hidden")(k.Flatten(name="flatten")(z))
    z = k.Dense(32, activation="relu", name="spare")(z)
    model = tf_keras.Model(image, k.Dense(10, activation="softmax", name="digit")(z))
    model.compile(tf_keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    model.fit(x[:3000], y[:3000], batch_size=64, epochs=4, verbose=0)
    save(model, Path(folder) / KERAS)
    # Samples that the model has not learned: their error is not 0.
    np.savez(Path(folder) / "data.npz", x_train=x[3000:], y_train=y[3000:], x_test=x[:10], y_test=y[:10])


def converted_losses(model: str, data: DataSpec, settings: Sweep) -> dict[str, list[float]]:
    """For each layer the loss at each level, with one conversion for each point."""
    loaded, samples = open_keras(model, ""), held_out(data, settings)
    x, taught = prepared(samples, data), training_targets(loaded, samples, data, None, None)
    simulation, found = Simulation(loaded, x), {}
    for layer in concerned(loaded, settings):
        found[layer.name] = []
        for level in settings.levels:
            with changed(simulation, [(layer, "weights", level)], settings):
                content = convert(loaded)
            found[layer.name].append(mean_loss([answers(content, x)], taught) or float("nan"))
    return found


def weights(model: str) -> dict[str, float]:
    return {w.name: float(np.abs(w.numpy()).sum()) for w in open_keras(model, "").weights}


def parts(model: str) -> list[list[str]]:
    """The layers of each segment."""
    return [sorted(segment.names) for segment in segments(open_keras(model, ""), 100)]


def difference(model: str) -> tuple[int, float]:
    """How many segments a model has, and how far its outputs in segments are from those as a whole."""
    import tf_keras

    loaded = tf_keras.models.load_model(model, compile=False)
    rng = np.random.default_rng(1)
    x = [rng.random((7, *(n or 8 for n in t.shape[1:]))).astype(t.dtype.as_numpy_dtype) for t in loaded.inputs]
    simulation = Simulation(loaded, x)
    wanted = loaded(x if len(x) > 1 else x[0], training=False)
    wanted = wanted if isinstance(wanted, list) else [wanted]
    names = [layer.name for layer in loaded.layers if layer.weights and not hasattr(layer, "layers")]
    runs = [simulation.outputs(), *(simulation.outputs_after(name) for name in [*names, *names[:1]])]
    worst = max(float(np.abs(a - b.numpy()).max()) for run in runs for a, b in zip(run, wanted, strict=True))
    return len(simulation._segments), worst


def narrowed_and_removed() -> float:
    """How far a network with channels set to zero is from the one without them, at most."""
    import tf_keras

    k, rng = tf_keras.layers, np.random.default_rng(3)

    def network(channels: int) -> "tf_keras.Model":
        image = tf_keras.Input((6, 6, 2))
        z = k.Conv2D(channels, 3, name="conv")(image)
        z = k.ReLU()(k.BatchNormalization(name="norm")(z))
        return tf_keras.Model(image, k.Dense(3, name="dense")(k.GlobalAveragePooling2D()(z)))

    whole, part = network(6), network(3)
    whole.set_weights([rng.normal(size=w.shape) ** 2 + 0.1 for w in whole.get_weights()])
    kernel, bias, *norm, dense, last = whole.get_weights()
    stays = np.sort(np.argsort(np.sqrt((kernel**2).sum((0, 1, 2))))[3:])
    part.set_weights([kernel[..., stays], bias[stays], *(w[stays] for w in norm), dense[stays], last])
    x = rng.normal(size=(5, 6, 6, 2)).astype(np.float32)
    with applied(narrowed(whole.get_layer("conv"), 0.5)):
        given = whole(x).numpy()
    assert np.abs(whole(x).numpy() - given).max() > 0.1, "they go, and come back"
    return float(np.abs(given - part(x).numpy()).max())


def rounded_activations() -> list[float]:
    """What a layer gives whose outputs are rounded to two bits, and afterwards."""
    import tf_keras

    model = tf_keras.Sequential([tf_keras.Input((1,)), tf_keras.layers.Dense(1, activation="relu", name="dense")])
    model.set_weights([np.ones((1, 1)), np.zeros(1)])
    x = [np.array([[-1.0], [0.0], [0.4], [1.1], [2.6], [3.0]], np.float32)]
    simulation = Simulation(model, x)
    with rounding([model.get_layer("dense")], 2), simulation.retraced(["dense"]):
        rounded = simulation.outputs_after("dense")[0].ravel().tolist()
    return rounded + simulation.outputs()[0].ravel().tolist()


def allocated(model: str, data: DataSpec, names: list[str], sparsity: float) -> Allocation:
    loaded, samples = open_keras(model, ""), read_dataset(data).train
    x, taught = prepared(samples, data), training_targets(loaded, samples, data, None, None)
    before = [w.numpy() for w in loaded.weights]
    shares = allocate(loaded, x, taught, names, sparsity)
    assert all(np.array_equal(a, b.numpy()) for a, b in zip(before, loaded.weights, strict=True))
    settings = Sweep("prune", ())
    layers = [layer for layer in concerned(loaded, settings) if layer.name in names]
    simulation, losses = Simulation(loaded, x), []
    for plan in (shares, dict.fromkeys(names, sparsity)):
        with changed(simulation, [(layer, "weights", plan[layer.name]) for layer in layers], settings):
            losses.append(mean_loss(simulation.outputs(), taught) or float("nan"))
    return Allocation(shares, {layer.name: changeable(layer, settings) for layer in layers}, *losses)
