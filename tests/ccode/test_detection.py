"""Detectors: C hands over what `TFLite_Detection_PostProcess` takes, the encoded boxes and the scores."""

from code_probe import compare
from make_graph import detector

from edgekit.ccode.generate import generate
from edgekit.flatbuffer.detection import detects, with_float_detections, without_detection
from edgekit.flatbuffer.read import parse_graph
from edgekit.quantize.integers import float_operators


def test_c_ends_before_the_detections_and_is_exact(tflm, tmp_path):
    code = generate(detector(), "m")
    assert [(spec.name, spec.dtype, spec.shape) for spec in code.outputs] == [
        ("box_encodings", "int8", (1, 8, 4)),
        ("class_predictions", "int8", (1, 8, 3)),
    ]
    assert code.headless and "up to TFLite_Detection_PostProcess" in code.files["m.h"]
    ended = without_detection(detector())
    assert generate(ended, "m").operators == code.operators
    (tmp_path / "m.tflite").write_bytes(ended)
    found, _, _ = tflm.call(compare, str(tmp_path / "m.tflite"), "portable", 60, "gcc", returns=tuple[int, int, int])
    assert found == 0


def test_the_operator_is_no_float_operator_of_its_model():
    graph = parse_graph(detector(), "it")
    assert detects(graph) and not float_operators(graph)
    assert not detects(parse_graph(without_detection(detector()), "it"))


def test_detections_stay_as_they_are():
    """Boxes, numbers of classes, scores and a count: the quantizer makes integers of 8 bits of each."""
    quantized, plain = (parse_graph(c, "it") for c in (detector(True), with_float_detections(detector(True))))
    assert [spec.dtype for spec in quantized.outputs] == ["int8"] * 4 and not detects(quantized)
    assert [spec.dtype for spec in plain.outputs] == ["float32"] * 4 and detects(plain)
    assert [spec.name for spec in plain.outputs] == [spec.name for spec in quantized.outputs]
    assert with_float_detections(detector()) is not None and detects(
        parse_graph(with_float_detections(detector()), "it")
    )
