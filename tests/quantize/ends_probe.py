"""Run in a worker for TensorFlow: the ends of models of several outputs."""

from pathlib import Path
from typing import Any

import numpy as np

from edgekit.flatbuffer.read import parse_graph
from edgekit.flatbuffer.strip import dieted
from edgekit.quantize.convert import convert, convert_fused
from edgekit.quantize.int8 import quantize_whole, quantize_with_older
from edgekit.quantize.settings import Quantize

OUTPUTS = "zeta yot xi alpha beta gamma delta eta theta iota kappa omega".split()


def several(kind: str) -> Any:
    """Twelve outputs, of which the k-th has k + 1 values, in an order that is not alphabetical."""
    import tf_keras
    from tf_keras import layers

    x = layers.Input((5, 4), name="sequence")
    h = layers.LSTM(6)(x) if kind == "fused" else layers.Flatten()(x)
    outputs = [layers.Dense(k + 1, name=name)(h) for k, name in enumerate(OUTPUTS)]
    return tf_keras.Model(x, dict(zip(OUTPUTS, outputs, strict=True)) if kind == "dictionary" else outputs)


def ends(kind: str) -> dict[str, list[tuple[str, int]]]:
    """Name and size of each output, by the file; outputs of the float file are compared with Keras."""
    import tensorflow as tf
    import tf_keras

    tf_keras.utils.set_random_seed(1)
    model, x = several(kind), np.random.default_rng(0).normal(size=(8, 5, 4)).astype(np.float32)
    content = (convert_fused if kind == "fused" else convert)(model)
    session = tf.lite.Interpreter(model_content=content)
    session.allocate_tensors()
    session.set_tensor(session.get_input_details()[0]["index"], x[:1])
    session.invoke()
    given = [session.get_tensor(end["index"]) for end in session.get_output_details()]
    made = model(x[:1])
    made = [made[name] for name in sorted(OUTPUTS)] if kind == "dictionary" else made
    for ours, wanted in zip(given, made, strict=True):
        np.testing.assert_allclose(ours, wanted.numpy(), atol=1e-4)
    quantized = quantize_whole(content, [x], Quantize())[0]
    found = {"float": content, "int8": quantized, "shrunk": dieted(quantized)}
    if kind != "fused":
        found["older"] = quantize_with_older(content, [x], Quantize()) or b""
    graphs = {name: parse_graph(file, name) for name, file in found.items()}
    ends = {name: (*graph.inputs, *graph.outputs) for name, graph in graphs.items()}
    return {name: [(spec.name, spec.shape[-1]) for spec in specs] for name, specs in ends.items()}


def detector(folder: str) -> list[tuple[str, tuple[int, ...]]]:
    """Name and shape of each output of a detector's SavedModel, as TensorFlow's exporter writes it: its end is a
    composite function whose body stands in for the operator."""
    import tensorflow as tf

    from edgekit.flatbuffer.detection import detects
    from edgekit.model.function import saved_model_function, to_tflite
    from edgekit.types import Reading

    numbers = {"max_detections": "i: 5", "max_classes_per_detection": "i: 1", "num_classes": "i: 2"}
    numbers |= {"nms_score_threshold": "f: 0.1", "nms_iou_threshold": "f: 0.5", "use_regular_nms": "b: false"}
    numbers |= {f"{axis}_scale": "f: 5" for axis in "yxhw"} | {"detections_per_class": "i: 10"}
    attributes = " ".join(f'attr {{ key: "{key}" value {{ {value} }} }}' for key, value in numbers.items())

    @tf.function(experimental_implements=f'name: "TFLite_Detection_PostProcess" {attributes}')
    def post(boxes: Any, scores: Any, anchors: Any) -> Any:
        return tuple(tf.constant(0.0) for _ in range(4))

    class Detector(tf.Module):
        def __init__(self) -> None:
            self.kernel = tf.Variable(tf.random.stateless_normal((3, 3, 3, 7), (0, 1)))
            self.anchors = tf.constant(np.random.default_rng(0).random((8, 4)), tf.float32)

        @tf.function(input_signature=[tf.TensorSpec((1, 8, 8, 3), name="image")])
        def serve(self, image: Any) -> Any:
            features = tf.reduce_mean(tf.nn.conv2d(image, self.kernel, 1, "SAME"), 1)
            found = post(features[..., :4], tf.sigmoid(features[..., 4:]), self.anchors)
            return dict(zip(("boxes", "classes", "scores", "count"), found, strict=True))

    model = Detector()
    tf.saved_model.save(model, folder, signatures=model.serve.get_concrete_function())
    graph = parse_graph(to_tflite(saved_model_function(Path(folder), Reading())), "it")
    assert detects(graph)
    return [(spec.name, spec.shape) for spec in graph.outputs]
