"""What the tests of linear layers ask of a worker, which imports TensorFlow."""

import numpy as np


def differences(shape: tuple[int, ...], options: dict[str, int], padding: str, depthwise: bool) -> list[float]:
    """Largest differences between TensorFlow's convolution and the product of windows and weights, and 0 if equal."""
    import tensorflow as tf

    from edgekit.flatbuffer.edit import constants
    from edgekit.flatbuffer.linear import linear_layers, windows
    from edgekit.model.function import to_tflite
    from edgekit.quantize.activations import activations

    rng = np.random.default_rng(0)
    kernel = rng.normal(size=shape).astype(np.float32)
    x = rng.normal(size=(2, 9, 8, shape[2])).astype(np.float32)
    strides, dilation = [1, options["stride"], options["stride"], 1], [options["dilation"]] * 2
    convolve = tf.nn.depthwise_conv2d if depthwise else tf.nn.conv2d

    @tf.function(input_signature=[tf.TensorSpec((1, *x.shape[1:]))])
    def model(x):
        return convolve(x, kernel, strides, padding, dilations=dilation)

    content = to_tflite(model.get_concrete_function())
    found = []
    for layer in linear_layers(content):
        weights = constants(content)[layer.weights]
        for values in activations(content, [x], [layer.input, layer.output]):
            seen = windows(layer, values[layer.input], weights)
            if depthwise:
                product = np.einsum("hwijc,ijc->hwc", np.repeat(seen, layer.multiplier, -1), weights[0])
            else:
                product = np.einsum("hwijc,oijc->hwo", seen, weights)
            found.append(float(np.abs(product - values[layer.output][0]).max()))
    return found
