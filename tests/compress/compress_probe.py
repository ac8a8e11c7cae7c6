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
