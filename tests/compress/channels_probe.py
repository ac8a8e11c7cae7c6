"""Architectures, and what the removal of channels does to them; runs in a worker, which imports TensorFlow."""

import functools
from typing import Any


@functools.cache
def zoo() -> dict[str, Any]:
    """Small models, one for each way in which channels can depend on each other."""
    import tf_keras

    tf_keras.backend.clear_session()  # so that layers have the same names in every process
    layers, models = tf_keras.layers, {}
    image = tf_keras.Input((16, 16, 3))

    def model(name: str, output: Any, inputs: Any = image) -> None:
        models[name] = tf_keras.Model(inputs, output)

    x = layers.MaxPooling2D()(layers.Conv2D(8, 3, activation="relu", name="conv")(image))
    model("plain", layers.Dense(4, "softmax")(layers.Dense(12, "sigmoid", name="hidden")(layers.Flatten()(x))))

    x = layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same")(image))
    short = layers.Activation("relu")(x)
    x = layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same")(short))
    x = layers.Activation("relu")(layers.Add()([short, x]))
    x = layers.Add()([x, layers.Conv2D(8, 3, padding="same", activation="sigmoid", name="last_of_three")(x)])
    model("residual", layers.Dense(4)(layers.GlobalAveragePooling2D()(x)))

    x = layers.Conv2D(6, 3, activation="relu")(layers.Conv2D(8, 3, activation="sigmoid")(image))
    model("constants that are not zero", layers.Dense(4)(layers.Flatten()(layers.Conv2D(6, 3)(x))))

    short = layers.BatchNormalization()(layers.Conv2D(8, 1, use_bias=False)(image))
    x = layers.ReLU(6.0)(layers.BatchNormalization()(layers.Conv2D(24, 1)(short)))
    x = layers.BatchNormalization()(layers.DepthwiseConv2D(3)(layers.ZeroPadding2D()(x)))
    x = layers.Add()([short, layers.Conv2D(8, 1)(x)])
    model("inverted residual", layers.Dense(4)(layers.GlobalMaxPooling2D()(x)))

    parts = [layers.Conv2D(8, 3, padding="same")(image)]
    for _ in range(3):
        joined = layers.Concatenate()(parts) if len(parts) > 1 else parts[0]
        parts.append(layers.Conv2D(4, 3, padding="same", activation="relu")(joined))
    model("concatenation", layers.Dense(4)(layers.Flatten()(layers.Concatenate()(parts))))

    x = layers.Conv2D(8, 3, padding="same")(image)
    scale = layers.Reshape((1, 1, 8))(layers.GlobalAveragePooling2D()(x))
    scale = layers.Conv2D(8, 1, activation="sigmoid")(layers.Conv2D(4, 1, activation="swish")(scale))
    model("squeeze and excite", layers.Dense(4)(layers.Flatten()(layers.Multiply()([x, scale]))))

    fine = layers.Conv2D(8, 3, padding="same", activation="relu")(image)
    coarse = layers.Conv2D(16, 3, padding="same", strides=2, activation="relu")(fine)
    x = layers.Concatenate()([layers.Conv2DTranspose(8, 2, strides=2)(coarse), fine])
    x = layers.UpSampling2D()(layers.Conv2D(5, 3, padding="same")(x))
    model("u-net", layers.Conv2D(1, 1, activation="sigmoid")(x))

    x = layers.PReLU()(layers.SeparableConv2D(8, 3, depth_multiplier=2)(image))
    x = layers.SeparableConv2D(8, 3, depth_multiplier=2)(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, activation="relu")(x)
    model("separable", layers.Dense(3)(layers.Flatten()(x)))

    shared = layers.Conv2D(8, 3, padding="same")
    model("shared layer", layers.Dense(3)(layers.Flatten()(shared(shared(layers.Conv2D(8, 1)(image))))))

    row = tf_keras.Input((20,))
    x = layers.Dense(8, "tanh")(layers.Dense(16, "relu")(row))
    model("two outputs", [layers.Dense(3)(x), layers.LayerNormalization()(layers.Dense(8)(x))], row)

    series = tf_keras.Input((20, 4))
    x = layers.MaxPooling1D()(layers.Conv1D(16, 3, activation="relu")(series))
    model("before an LSTM", layers.Dense(3)(layers.LSTM(8)(layers.Conv1D(8, 3)(x))), series)

    backbone = tf_keras.Sequential([layers.Conv2D(8, 3, activation="relu"), layers.Conv2D(6, 3)], name="backbone")
    model("nested", layers.Dense(4)(layers.Flatten()(backbone(image))))

    shared, row = layers.Dense(6), layers.GlobalAveragePooling2D()(image)
    x, y = (shared(layers.Dense(8, kind)(row)) for kind in ("sigmoid", "softplus"))
    model("shared layer on other constants", layers.Dense(3)(layers.Dense(40)(layers.Add()([x, layers.ReLU()(y)]))))

    shared = layers.Conv2D(8, 3, padding="same", activation="relu")
    x = layers.Conv2D(8, 1)(image)
    sizes = [layers.GlobalAveragePooling2D()(shared(y)) for y in (x, layers.MaxPooling2D()(x))]
    model("shared layer on other sizes", layers.Dense(3)(layers.Concatenate()(sizes)))

    shared = layers.Reshape((-1, 8))
    x, y = (layers.Flatten()(shared(layers.Conv2D(8, 1)(image))) for _ in range(2))
    model("shared reshape", layers.Dense(3)(layers.Concatenate()([x, y])))

    x = layers.PReLU(shared_axes=[1, 2, 3])(layers.Conv2D(8, 3)(image))
    x = layers.PReLU(shared_axes=[3])(layers.Conv2D(8, 3)(layers.PReLU(shared_axes=[1, 2])(x)))
    model("shared slopes", layers.Dense(3)(layers.Flatten()(x)))

    x = image
    for scale, center in ((False, True), (True, False), (False, False)):
        x = layers.Conv2D(8, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(scale=scale, center=center)(x))
    x = layers.BatchNormalization(scale=False)(layers.Conv2D(8, 3, activation="sigmoid")(x))
    model("no scale or no center", layers.Dense(3)(layers.Flatten()(layers.Conv2D(8, 3, activation="relu")(x))))

    x = layers.Conv2D(8, 3)(image)
    model("attention", layers.Dense(3)(layers.Flatten()(layers.Multiply()([x, layers.Conv2D(1, 1)(x)]))))

    models["sequential"] = tf_keras.Sequential(
        [layers.Input((16, 16, 3)), layers.Conv2D(3, 1), layers.Conv2D(3, 1), layers.Flatten(), layers.Dense(4)]
    )

    side = tf_keras.Input((16, 16, 2))
    x = layers.Average()([layers.Conv2D(6, 1)(image), layers.Conv2D(6, 1)(side)])
    model("two inputs", layers.Dense(4)(layers.GlobalMaxPooling2D()(x)), [image, side])
    return models


def application(name: str) -> Any:
    """A model of `keras.applications` with random weights; a DenseNet with few layers in each of its four blocks."""
    from tf_keras import applications
    from tf_keras.src.applications.densenet import DenseNet

    settings = {"input_shape": (32, 32, 3), "weights": None, "classes": 10}
    return DenseNet([3, 3, 3, 3], **settings) if name == "DenseNet" else getattr(applications, name)(**settings)


def exactness(name: str) -> dict[str, float]:
    """`compared` for a model of the zoo or of `keras.applications`."""
    import tf_keras

    return compared(tf_keras.models.clone_model(zoo()[name]) if name in zoo() else application(name))


def compared(model: Any) -> dict[str, float]:
    """Removes half of the channels at random; compares with the same weights at zero in the larger model.

    Returns:
      `error`: largest difference of outputs; `signal`: largest output; `groups`; `before` and `after`: parameters;
      `predicted`: parameters that were expected; `flat`: whether no model lies in it.
    """
    import numpy as np
    import tf_keras

    from edgekit.compress.cost import cost
    from edgekit.compress.dependencies import Dependencies
    from edgekit.compress.layers import flattened
    from edgekit.compress.narrow import narrowed

    rng = np.random.default_rng(1)
    tf_keras.utils.set_random_seed(1)
    model = flattened(model)
    for weight in model.weights:
        if "variance" in weight.name:
            weight.assign(rng.uniform(0.5, 2, weight.shape))
        elif "kernel" not in weight.name:
            weight.assign(rng.normal(0, 0.3, weight.shape))
    found = Dependencies(model)
    halves = [rng.permutation(g.labels)[: len(g.labels) // 2] for g in found.groups()]
    removed = np.concatenate([np.array([], dtype=np.int64), *halves])
    smaller, silenced = narrowed(model, found, removed), _silenced(model, found, removed)
    x = [rng.normal(size=(2, *t.shape[1:])).astype(np.float32) for t in model.inputs]
    outputs = [m(x if len(x) > 1 else x[0], training=False) for m in (silenced, smaller)]
    ours, theirs = (o if isinstance(o, list) else [o] for o in outputs)
    return {
        "error": max(float(np.abs(a - b).max()) for a, b in zip(ours, theirs, strict=True)),
        "signal": max(float(np.abs(a).max()) for a in ours),
        "groups": len(found.groups()),
        "before": model.count_params(),
        "after": smaller.count_params(),
        "predicted": cost(model, found, removed).parameters,
        "flat": float(not any(hasattr(layer, "layers") for layer in model.layers)),
    }


def _silenced(model: Any, found: Any, removed: Any) -> Any:
    """The model with the weights that make the removed channels at zero."""
    import numpy as np
    import tf_keras

    from edgekit.compress.narrow import axes, stays

    copy = tf_keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    calls = {call.layer.name: call for call in found.calls}
    for layer in copy.layers:
        call = calls.get(layer.name)
        if call is None:
            continue
        before, after = (stays(found, labels, removed) for labels in (call.inputs[0], call.output))
        kind = type(layer).__name__
        for weight in layer.weights:
            name = weight.name.split("/")[-1].split(":")[0]
            for axis, kept in axes(kind, name, weight.shape, before, after).items():
                if kept is before and not kind.startswith("Depthwise"):
                    continue
                if name == "moving_variance" or (name == "moving_mean" and layer.scale):
                    continue
                shape = [1] * len(weight.shape)
                shape[axis] = -1
                weight.assign(weight * np.repeat(kept, weight.shape[axis] // len(kept)).reshape(shape))
    return copy


def remove(settings: dict[str, Any], name: str, untrained: list[str]) -> dict[str, Any]:
    """`remove_channels` on a model of the zoo, some of whose layers do not train, with noise to train on."""
    import numpy as np
    import tf_keras

    from edgekit.compress.channels import Channels, remove_channels
    from edgekit.compress.targets import TrainingTargets, predict

    tf_keras.utils.set_random_seed(1)
    model = tf_keras.models.clone_model(zoo()[name])
    for layer in untrained:
        model.get_layer(layer).trainable = False
    rng = np.random.default_rng(1)
    x = [rng.normal(size=(64, *t.shape[1:])).astype(np.float32) for t in model.inputs]
    taught = TrainingTargets(predict(model, x)[0], tf_keras.losses.MeanSquaredError())
    smaller, said = remove_channels(model, x, taught, Channels(**settings), 1, lambda text, share: None)
    return {
        "channels": said.channels,
        "parameters": said.parameters,
        "macs": said.macs,
        "notes": [*said.notes, *said.remarks],
        "weights": {w.name: float(np.sum(w)) for w in smaller.weights},
        "output": predict(smaller, x)[0].shape,
    }


def ranks(by: str) -> list[float]:
    """The rank of each of three channels of a layer with weights 1, -2 and 3, read with weights 5, 1 and 1."""
    import numpy as np
    import tf_keras

    from edgekit.compress.dependencies import Dependencies
    from edgekit.compress.ranking import rank
    from edgekit.compress.targets import TrainingTargets

    layers = tf_keras.layers
    model = tf_keras.Sequential(
        [layers.Input((2,)), layers.Dense(3), layers.BatchNormalization(epsilon=0.0), layers.Dense(1, use_bias=False)]
    )
    model.layers[0].set_weights([np.array([[1.0, -2.0, 3.0], [1.0, -2.0, 3.0]]), np.zeros(3)])
    model.layers[1].set_weights([np.array([0.5, -1.5, 1.0]), np.zeros(3), np.zeros(3), np.ones(3)])
    model.layers[2].set_weights([np.array([[5.0], [1.0], [1.0]])])
    taught = TrainingTargets(np.array([[0.0], [0.0]], np.float32), tf_keras.losses.MeanSquaredError())
    found = Dependencies(model)
    x = np.array([[1.0, 0.0], [0.0, 2.0]], np.float32)
    scores = rank(by, model, found, [x], taught, 1, 1)
    return [float(v) for v in scores[found.groups()[0].labels]]


def odd_blocks(kind: str) -> dict[str, Any]:
    """Residual blocks that are not plain, each of them tried: how far the model without it is from one whose branch
    ends in zero weights.

    Returns:
      `blocks`; `error`: the largest difference; `all`: which additions go if all blocks are to.
    """
    import numpy as np
    import tensorflow as tf
    import tf_keras

    from edgekit.compress.blocks import blocks, without, without_blocks
    from edgekit.compress.targets import TrainingTargets, predict

    tf_keras.utils.set_random_seed(1)
    layers = tf_keras.layers
    image = tf_keras.Input((8, 8, 3))
    shared = layers.Conv2D(4, 3, padding="same", name="shared")
    x = layers.Conv2D(4, 3, padding="same", name="start")(image)
    if kind == "projection":
        x = layers.Add(name="add")([layers.Conv2D(4, 1)(x), layers.Conv2D(4, 3, padding="same")(x)])
    elif kind == "nested":
        inner = layers.Conv2D(4, 3, padding="same", name="before")(x)
        inner = layers.Add(name="inner")([inner, layers.Conv2D(4, 3, padding="same", activation="relu")(inner)])
        x = layers.Add(name="outer")([x, layers.Conv2D(4, 1)(inner)])
    elif kind == "shared":
        once = shared(x)
        twice = shared(layers.ReLU()(once))
        x = layers.Add(name="add")([twice, layers.Conv2D(4, 3, padding="same")(twice)])
    elif kind == "split":
        _, x = tf.split(x, 2, axis=-1)
        x = layers.Add(name="add")([x, layers.Conv2D(2, 3, padding="same")(x)])
    elif kind == "broadcast":
        x = layers.GlobalAveragePooling2D(keepdims=True)(x)
        x = layers.Add(name="add")([x, layers.Conv2D(4, 1)(layers.UpSampling2D(4)(x))])
    elif kind == "operator":
        x = x + layers.Conv2D(4, 3, padding="same")(x)
    model = tf_keras.Model(image, layers.GlobalAveragePooling2D()(x))
    data = [np.random.default_rng(1).normal(size=(4, 8, 8, 3)).astype(np.float32)]
    found, error = blocks(model), 0.0
    for addition, shortcut in found:
        silent = tf_keras.models.clone_model(model)
        silent.set_weights(model.get_weights())
        ends = [parent for parent, _, _, _ in silent.get_layer(addition).inbound_nodes[0].iterate_inbound()]
        [branch] = [layer for layer in ends if layer.name != shortcut]
        branch.set_weights([0 * w for w in branch.get_weights()])
        outputs = (predict(m, data)[0] for m in (silent, without(model, (addition, shortcut))))
        error = max(error, float(np.abs(np.subtract(*outputs)).max()))
    taught = TrainingTargets(predict(model, data)[0], tf_keras.losses.MeanSquaredError())
    gone = without_blocks(model, data, taught, 1.0)[1] if found else []
    return {"blocks": found, "error": error, "all": gone}


def student_of_a_sequence() -> list[str]:
    """The layers of a student of half the depth, of a sequential teacher."""
    import tf_keras

    from edgekit.compress.student import Student, smaller_copy

    student = smaller_copy(tf_keras.models.clone_model(zoo()["sequential"]), Student(depth=0.4), 1)
    return [type(layer).__name__ for layer in student.layers]


def block_removal() -> dict[str, Any]:
    """Of a model with two residual blocks, of which the second adds almost nothing, the removal of half."""
    import numpy as np
    import tf_keras

    from edgekit.compress.blocks import blocks, without_blocks
    from edgekit.compress.targets import TrainingTargets, predict

    layers = tf_keras.layers
    image = tf_keras.Input((8, 8, 3))
    x = start = layers.Conv2D(4, 3, padding="same", name="start")(image)
    for name in ("loud", "quiet"):
        inner = layers.Conv2D(4, 3, padding="same", name=name)(layers.ReLU()(x))
        x = layers.Add(name=f"after_{name}")([x, inner])
    x = layers.Add(name="no_block")([x, layers.Conv2D(4, 1)(image)])
    x = layers.Concatenate()([x, start])
    model = tf_keras.Model(image, layers.GlobalAveragePooling2D()(x))
    quiet = model.get_layer("quiet")
    quiet.set_weights([w * 1e-6 for w in quiet.get_weights()])
    rng = np.random.default_rng(1)
    data = [rng.normal(size=(16, 8, 8, 3)).astype(np.float32)]
    taught = TrainingTargets(predict(model, data)[0], tf_keras.losses.MeanSquaredError())
    found = blocks(model)
    smaller, gone = without_blocks(model, data, taught, 0.5)
    names = [layer.name for layer in smaller.layers]
    error = float(np.abs(predict(model, data)[0] - predict(smaller, data)[0]).max())
    return {"blocks": found, "gone": gone, "names": names, "error": error}
