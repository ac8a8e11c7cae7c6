"""What the tests of compression ask of a worker, which imports TensorFlow."""


def zeros(model: str) -> dict[str, tuple[int, int]]:
    """Of each variable of a stored model, how many values are zero, and how many there are."""
    import numpy as np
    import tf_keras

    loaded = tf_keras.models.load_model(model, compile=False)
    return {w.name.removesuffix(":0"): (int(np.sum(w.numpy() == 0)), w.numpy().size) for w in loaded.weights}


def largest_stay(before: str, after: str, variable: str) -> bool:
    """Whether no weight that went was larger, before, than all that stayed."""
    import numpy as np
    import tf_keras

    old, new = (
        {w.name.removesuffix(":0"): w.numpy() for w in tf_keras.models.load_model(m, compile=False).weights}[variable]
        for m in (before, after)
    )
    return bool(np.abs(old[new == 0]).max() <= np.abs(old[new != 0]).min())


def smallest_of_all(before: str, after: str, names: set[str]) -> bool:
    """Whether no weight that went was larger, before, than any that stayed, over several variables."""
    import numpy as np
    import tf_keras

    kernels = [
        {w.name.removesuffix(":0"): w.numpy() for w in tf_keras.models.load_model(m, compile=False).weights}
        for m in (before, after)
    ]
    old, new = (np.concatenate([k[name].ravel() for name in sorted(names)]) for k in kernels)
    return bool(np.abs(old[new == 0]).max() <= np.abs(old[new != 0]).min())


def saliency_of_a_line(x: list[list[float]], t: list[float], w: list[float], batch: int) -> list[float]:
    """`saliency` of y = w x with the squared error."""
    import numpy as np
    import tf_keras

    from edgekit.compress.saliency_pruning import saliency
    from edgekit.compress.targets import TrainingTargets

    model = tf_keras.Sequential([tf_keras.layers.Dense(1, use_bias=False, input_shape=(2,))])
    model.layers[0].set_weights([np.array(w, np.float32)[:, None]])
    taught = TrainingTargets(np.array(t, np.float32)[:, None], tf_keras.losses.MeanSquaredError())
    return saliency(model, model.weights, [np.array(x, np.float32)], taught, batch)[0].ravel().tolist()


def most_in_four(model: str, variable: str) -> int:
    """The most weights that are not zero in any four neighbours along the inputs."""
    import numpy as np
    import tf_keras

    weights = {w.name.removesuffix(":0"): w.numpy() for w in tf_keras.models.load_model(model, compile=False).weights}
    rows = np.moveaxis(weights[variable], -2, -1)
    return int(np.count_nonzero(rows[..., : rows.shape[-1] // 4 * 4].reshape(-1, 4), axis=1).max())


def values(model: str) -> dict[str, int]:
    """How many different values each kernel of a stored model has."""
    import numpy as np
    import tf_keras

    loaded = tf_keras.models.load_model(model, compile=False)
    return {w.name.removesuffix(":0"): len(np.unique(w.numpy())) for w in loaded.weights if "kernel" in w.name}


def rates(decay: str, epochs: int, samples: int, updates: list[int]) -> list[float]:
    """The learning rate after so many updates of a training of `samples` in batches of 64, from 0.01."""
    from edgekit.compress.fine_tune import _rate
    from edgekit.compress.settings import FineTuning

    rate = _rate(FineTuning(decay=decay, epochs=epochs, learning_rate=0.01), samples)
    return [float(rate(n)) if callable(rate) else rate for n in updates]
