"""What the tests of recurrent layers ask of a worker, which imports TensorFlow."""


def noise(steps: int = 150) -> dict[str, float]:
    """The SQNR in dB of LSTMs whose cells stay small, are as usual, and grow beyond 64; and of two with a RepeatVector
    between them; in int8 against float, by output."""
    import numpy as np
    import tf_keras

    from edgekit.flatbuffer.edit import main_graph
    from edgekit.quantize.convert import without_loops
    from edgekit.quantize.int8 import integers
    from edgekit.quantize.qat import outputs
    from edgekit.quantize.settings import Quantize

    tf_keras.utils.set_random_seed(1)
    layers = tf_keras.layers
    given = tf_keras.Input((steps, 2), name="x")
    ends = [layers.LSTM(4, name=name)(given) for name in ("small", "usual", "large")]
    repeated = layers.RepeatVector(5, name="repeated")(ends[1])
    ends.append(layers.LSTM(4, name="second", return_sequences=True)(repeated))
    model = tf_keras.Model(given, [layers.Dense(2, name=f"{end.name.split('/')[0]}_out")(end) for end in ends])
    for name, factor in (("small", 0.05), ("second", 0.2)):
        layer = model.get_layer(name)
        layer.set_weights([factor * w for w in layer.get_weights()])
    kernel, state, bias = model.get_layer("large").get_weights()
    gates = np.repeat([0.0, 9.0, 9.0, 0.0], 4)  # the forget gate is open, the cell takes half of one more at each step
    model.get_layer("large").set_weights([kernel, state, bias + gates])
    x = np.random.default_rng(1).normal(size=(64, steps, 2)).astype(np.float32)
    float_model, _ = without_loops(model)
    content, _ = integers(float_model, [x], Quantize(calibration_samples=64))
    assert len(main_graph(content)[1].OutputsAsNumpy()) == len(model.outputs)
    pairs = zip(outputs(float_model, [x[:16]]), outputs(content, [x[:16]]), strict=True)
    found = [10 * float(np.log10((a**2).sum() / ((a - b) ** 2).sum())) for a, b in pairs]
    return dict(zip(("small", "usual", "large", "second"), found, strict=True))


def repeated(shape: list[int], times: list[int]) -> tuple[list[str], bool]:
    """The operators of a repetition that other runtimes have, and whether its answers are the same to the bit."""
    import numpy as np
    import tensorflow as tf

    from edgekit.flatbuffer.read import parse_graph
    from edgekit.model.function import to_tflite
    from edgekit.quantize.qat import outputs
    from edgekit.quantize.repeats import with_gathers

    @tf.function(input_signature=[tf.TensorSpec((1, *shape))])
    def model(x):
        return tf.tile(x * 2.0, [1, *times])

    given = to_tflite(model.get_concrete_function())
    made, x = with_gathers(given), [np.random.default_rng(1).normal(size=(3, *shape)).astype(np.float32)]
    same = np.array_equal(outputs(given, x)[0], outputs(made, x)[0])
    return list(parse_graph(made, "made").operator_names), same
