import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.errors import ModelError
from edgekit.flatbuffer.edit import constants, main_graph, objects, packed
from edgekit.flatbuffer.read import parse_graph
from edgekit.flatbuffer.strip import dieted
from edgekit.shrink.file import shrink_file
from edgekit.shrink.settings import Shrink

SMALL = ("hello_world_int8", "two_signatures_float", "mnist_lstm_int8", "on_off_int8", "wake_word_int8")


@pytest.fixture(scope="module")
def contents(shared):
    files = (shared / "models/tflite").glob("*.tflite")
    return {file.stem: file.read_bytes() for file in sorted(files)}


def meaning(content):
    """All that a runtime could tell two files apart by, but names inside and operators that do nothing."""
    graph = parse_graph(content, "m.tflite")
    operators = [(op.name, op.version, op.macs) for op in graph.operators if op.name != "RESHAPE"]
    scales = sorted(str((t.shape, t.dtype, t.scales, t.zero_points)) for t in graph.tensors if t.scales and t.bytes)
    return graph.inputs, graph.outputs, operators, graph.macs, graph.parameters, graph.signatures, scales


def test_a_file_loses_bytes_and_keeps_its_meaning(contents):
    for name, content in contents.items():
        smaller = dieted(content)
        assert len(smaller) < len(content), name
        assert meaning(smaller) == meaning(content), name


def test_weights_are_the_same_to_the_byte(contents):
    for name, content in contents.items():
        before = sorted(v.tobytes() for v in constants(content).values() if v.ndim > 1)
        after = sorted(v.tobytes() for v in constants(dieted(content)).values() if v.ndim > 1)
        assert before == after, name


def test_a_second_diet_changes_nothing(contents):
    for name in SMALL:
        once = dieted(contents[name])
        assert dieted(once) == once, name


def test_every_buffer_lies_at_a_multiple_of_16(contents):
    for content in map(dieted, contents.values()):
        model, _ = main_graph(content)
        for number in range(model.BuffersLength()):
            buffer = model.Buffers(number)
            if buffer.DataLength():
                start = buffer.DataAsNumpy().__array_interface__["data"][0]
                assert (start - np.frombuffer(content, np.uint8).__array_interface__["data"][0]) % 16 == 0


def test_names_can_be_kept(contents):
    def names(content):
        return {t.name for t in parse_graph(content, "m").tensors}

    content = contents["on_off_int8"]
    assert names(dieted(content, keep_names=True)) <= names(content) and len(names(dieted(content, True))) > 10
    assert len(names(dieted(content))) <= 3


def test_data_behind_the_flatbuffer_is_moved_inside(contents):
    model = objects(contents["hello_world_int8"])
    behind = [buffer for buffer in model.buffers if buffer.data is not None and len(buffer.data)]
    data = [bytes(np.asarray(buffer.data, np.uint8)) for buffer in behind]
    for buffer, content in zip(behind, data, strict=True):
        buffer.data, buffer.offset, buffer.size = None, 1 << 30, len(content)
    end = len(packed(model))
    for buffer, content in zip(behind, data, strict=True):
        buffer.offset, end = end, end + len(content)
    large = packed(model) + b"".join(data)
    assert dieted(large) == dieted(contents["hello_world_int8"])


def test_metadata_that_somebody_reads_stays(contents):
    from edgekit.flatbuffer.schema import accessors

    model = objects(contents["hello_world_int8"])
    for name in (b"TFLITE_METADATA", b"min_runtime_version"):
        entry, buffer = accessors().MetadataT(), accessors().BufferT()
        buffer.data = [1, 2, 3, *name]
        entry.name, entry.buffer = name, len(model.buffers)
        model.buffers.append(buffer)
        model.metadata = [*(model.metadata or []), entry]
    after = objects(dieted(packed(model)))
    [kept] = after.metadata
    assert kept.name == b"TFLITE_METADATA" and bytes(after.buffers[kept.buffer].data) == b"\1\2\3TFLITE_METADATA"


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), cut=st.booleans())
def test_a_damaged_file_is_refused_in_a_line_or_shrunk(contents, tmp_path_factory, seed, cut):
    rng = random.Random(seed)
    content = bytearray(contents["hello_world_int8"])
    if cut:
        del content[rng.randrange(8, len(content)) :]
    for _ in range(rng.randrange(1, 6)):
        content[rng.randrange(8, len(content))] = rng.randrange(256)
    file = tmp_path_factory.mktemp("damaged") / "m.tflite"
    file.write_bytes(content)
    try:
        shrink_file.run(str(file.parent), str(file), Shrink())
    except ModelError as refusal:
        assert "\n" not in str(refusal) and str(file) in str(refusal)
