"""What the tests of order ask of a worker, which imports TensorFlow."""

import itertools
import json
from pathlib import Path


def sound(folder: str) -> list[str]:
    """Models whose layers are called in every way that both libraries store, through each library's files.

    Returns:
      what was refused.
    """
    import keras
    import tf_keras

    from edgekit.errors import ModelError
    from edgekit.model.container import identify
    from edgekit.model.order import check_order
    from edgekit.model.read import read_model
    from edgekit.types import Reading

    problems = []
    for library, suffix in itertools.product((tf_keras, keras), (".h5", ".keras")):
        for number, model in enumerate(_models(library, suffix)):
            path = Path(folder) / f"{library.__name__}-{number}{suffix}"
            model.save(path)
            try:
                check_order(path, identify(path).config)
                if library is tf_keras and suffix == ".h5":
                    read_model(path, identify(path), Reading())
            except ModelError as problem:
                problems.append(str(problem))
    return problems


def _models(library, suffix):
    layers = library.layers

    def functional(width=4):
        x = library.Input((width,))
        return library.Model(x, layers.Dense(width)(x))

    x, y = library.Input((4,), name="x"), library.Input((4,), name="y")
    one, two = layers.Dense(4, name="one"), layers.Dense(4, name="two")
    yield library.Model(x, one(two(one(two(x)))))  # shared, in turn
    yield library.Model([x, y], [one(x), two(one(y)), one(two(y))])
    inner, row = functional(), library.Sequential([library.Input((4,)), layers.Dense(4)])
    counted_from_1 = [inner(x), inner(inner(y)), row(row(x))]
    yield library.Model([x, y], layers.Add()([*counted_from_1, one(x)]))
    deep = library.Model(x, inner(row(inner(x))))
    yield library.Model(y, deep(deep(y)))
    late = library.Sequential([layers.Dense(4)])  # no input of its own
    yield library.Model(x, late(one(late(x))))
    steps = library.Input((3, 4), name="steps")
    attended = layers.MultiHeadAttention(2, 2)(steps, value=steps, key=layers.Dense(4)(steps))
    yield library.Model([steps, x], layers.LSTM(4)(attended, initial_state=[one(x), two(one(x))]))
    outputs, *states = layers.LSTM(4, return_sequences=True, return_state=True)(steps)
    yield library.Model(steps, layers.LSTM(4)(outputs, initial_state=states))
    yield library.Model({"x": x, "y": y}, {"sum": layers.Add()([x, y]), "one": one(y)})
    if suffix == ".keras" or library.__name__ == "tf_keras":  # Keras 3 does not read its own operations in HDF5
        yield library.Model(x, (x + one(x)) * 2.0 - x)
    yield library.Model([steps], layers.TimeDistributed(functional())(steps))


def outcomes(folder: str) -> dict[str, str]:
    """What loading says of Keras 2 models whose layers wait in ways that only their outputs show."""
    import h5py
    import tf_keras

    from edgekit.errors import ModelError
    from edgekit.model.container import identify
    from edgekit.model.read import read_model
    from edgekit.types import Reading

    steps = tf_keras.Input((3, 4), name="steps")
    value = tf_keras.layers.Dense(4, name="value")(steps)
    inner = tf_keras.Sequential([tf_keras.Input((3, 4)), tf_keras.layers.Dense(4)], name="inner")
    x = tf_keras.layers.MultiHeadAttention(2, 2, name="attention")(steps, value=value, key=inner(steps))
    sound = Path(folder) / "sound.h5"
    tf_keras.Model(steps, x).save(sound)
    text = h5py.File(sound)["/"].attrs["model_config"]
    said = {}
    for old, new in (
        ('["value", 0, 0]', '["value", 0, 7]'),
        ('["inner", 1, 0]', '["inner", 0, 0]'),
        ('["value", 0, 0]', '["value", "0", 0]'),
        ('"class_name": "Dense"', '"class_name": "Dense"'),
    ):
        path = Path(folder) / "model.h5"
        path.write_bytes(sound.read_bytes())
        with h5py.File(path, "r+") as file:
            assert old in text, text
            file.attrs["model_config"] = text.replace(old, new)
            json.loads(file.attrs["model_config"])
        try:
            read_model(path, identify(path), Reading())
            said[new] = "loaded"
        except ModelError as problem:
            said[new] = str(problem)
    return said
