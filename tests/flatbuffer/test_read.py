import struct
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgekit.errors import ModelError
from edgekit.flatbuffer.read import Graph, read_graph
from edgekit.types import TensorSpec


@pytest.fixture(scope="module")
def models(shared: Path) -> Path:
    return shared / "models" / "tflite"


@pytest.fixture(scope="module")
def small(models: Path) -> bytes:
    return (models / "hello_world_int8.tflite").read_bytes()


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("read") / "model.tflite"


def edited(data: bytes, edit: Callable[..., None]) -> bytes:
    """The model after a change through the schema's object API."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(data, 0)
    edit(model, schema)
    builder = flatbuffers.Builder(len(data))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_reads_what_the_model_takes_and_gives(models: Path) -> None:
    graph = read_graph(models / "hello_world_int8.tflite")
    assert graph.inputs == (TensorSpec("dense_input", (1, 1), "int8", 0.024480115622282028, -128),)
    assert [(spec.shape, spec.dtype, spec.zero_point) for spec in graph.outputs] == [((1, 1), "int8", 5)]
    assert graph.version == 3
    assert graph.signatures == ("serving_default",)
    assert graph.sha256.startswith("505ee4fae7fa46ab")


@pytest.mark.parametrize(
    ("name", "macs"),
    [
        # 640-128-128-128-128-8-128-128-128-128-640, dense
        ("anomaly_autoencoder_int8", 2 * (640 * 128 + 3 * 128 * 128 + 128 * 8)),
        # 28 steps of an LSTM with 28 inputs and 20 cells, then 560 to 10
        ("mnist_lstm_int8", 28 * 4 * 20 * (28 + 20) + 28 * 20 * 10),
        # 25 x 20 outputs of 8 filters of 10 x 8 on one channel, then 4000 to 4
        ("micro_speech_int8", 25 * 20 * 8 * 10 * 8 + 4000 * 4),
        # 16 positions, 128 to 64
        ("blockwise_int4", 16 * 128 * 64),
    ],
)
def test_counts_multiply_accumulates(models: Path, name: str, macs: int) -> None:
    assert read_graph(models / f"{name}.tflite").macs == macs


def test_counts_weights_and_biases_but_not_shapes(models: Path) -> None:
    assert read_graph(models / "hello_world_int8.tflite").parameters == (16 + 16) + (16 * 16 + 16) + (16 + 1)
    assert read_graph(models / "micro_speech_int8.tflite").parameters == (10 * 8 * 8 + 8) + (4000 * 4 + 4)


def test_every_tensor_position_holds_across_subgraphs(models: Path) -> None:
    graph = read_graph(models / "two_signatures_float.tflite")
    assert graph.subgraphs == 2
    assert graph.signatures == ("add", "multiply")
    assert [tensor.index for tensor in graph.tensors] == list(range(len(graph.tensors)))
    for operator in graph.operators:
        assert {graph.tensors[i].subgraph for i in operator.inputs + operator.outputs} == {operator.subgraph}


def test_agrees_with_the_interpreter(models: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    for name in ("wake_word_int8", "magic_wand_int8", "mnist_lstm_int8"):
        graph = read_graph(models / f"{name}.tflite")
        interpreter = Interpreter(str(models / f"{name}.tflite"))
        for specs, details in (
            (graph.inputs, interpreter.get_input_details()),
            (graph.outputs, interpreter.get_output_details()),
        ):
            signature = interpreter.get_signature_list().get("serving_default", {})
            names = signature.get("inputs" if specs is graph.inputs else "outputs", [d["name"] for d in details])
            assert {spec.name for spec in specs} == set(names)
            for spec, detail in zip(specs, details, strict=True):
                assert spec.shape == tuple(detail["shape"])
                assert spec.dtype == detail["dtype"].__name__
                assert (spec.scale, spec.zero_point) == detail["quantization"]


def test_sub_byte_weights_keep_the_schemas_name(small: bytes, scratch: Path) -> None:
    def edit(model, schema) -> None:
        model.subgraphs[0].tensors[1].type = schema.TensorType.INT4

    scratch.write_bytes(edited(small, edit))
    assert read_graph(scratch).tensors[1].dtype == "int4"


def test_an_operator_newer_than_the_schema_gets_its_number(small: bytes, scratch: Path) -> None:
    def edit(model, schema) -> None:
        model.operatorCodes[0].builtinCode = 9999

    scratch.write_bytes(edited(small, edit))
    assert read_graph(scratch).operator_names == ("BUILTIN_9999",)


@pytest.mark.parametrize("size", [-1, -5, -(2**31)])
@pytest.mark.parametrize("which", range(4))
def test_a_negative_dimension_is_refused(small: bytes, scratch: Path, which: int, size: int) -> None:
    def shrink(model, schema) -> None:
        tensor = model.subgraphs[0].tensors[which]
        tensor.shape = [*tensor.shape[:-1], size]

    scratch.write_bytes(edited(small, shrink))
    with pytest.raises(ModelError, match=f"its tensor '.+' has a dimension of {size}; convert"):
        read_graph(scratch)


def test_a_custom_operator_goes_by_its_code(small: bytes, scratch: Path) -> None:
    def edit(model, schema) -> None:
        code = model.operatorCodes[0]
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = "CONV_2D"  # must not be taken for the built-in one
        model.subgraphs[0].operators[0].builtinOptions = None

    scratch.write_bytes(edited(small, edit))
    graph = read_graph(scratch)
    assert all(operator.custom and operator.macs == 0 for operator in graph.operators)


def test_a_graph_survives_json(models: Path) -> None:
    graph = read_graph(models / "wake_word_int8.tflite")
    assert msgspec.json.decode(msgspec.json.encode(graph), type=Graph) == graph


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b"TFL3", "not a TensorFlow Lite model"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "not a TensorFlow Lite model"),
        (struct.pack("<I", 0x7FFFFFFF) + b"TFL3" + bytes(100), "outside the file"),
        (struct.pack("<I", 8) + b"TFL3" + bytes(100), "holds no graph"),
    ],
)
def test_says_in_one_line_what_is_wrong(scratch: Path, data: bytes, reason: str) -> None:
    scratch.write_bytes(data)
    with pytest.raises(ModelError, match=reason) as caught:
        read_graph(scratch)
    assert str(caught.value).startswith(f"{scratch}: ")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.tflite", tmp_path):
        with pytest.raises(ModelError, match=str(path)):
            read_graph(path)


def test_no_truncation_goes_unnoticed(small: bytes, scratch: Path) -> None:
    for length in range(0, len(small), 7):
        scratch.write_bytes(small[:length])
        with pytest.raises(ModelError):
            read_graph(scratch)


def test_tensors_that_share_one_huge_name_do_not_take_for_ever(small: bytes, scratch: Path) -> None:
    # Each of 5000 tensors gives the same 64 KB name: 320 MB of text in a file of 200 KB.
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    builder = flatbuffers.Builder(1 << 20)
    name = builder.CreateString("x" * 65536)
    schema.TensorStart(builder)
    schema.TensorAddName(builder, name)
    tensor = schema.TensorEnd(builder)
    schema.SubGraphStartTensorsVector(builder, 5000)
    for _ in range(5000):
        builder.PrependUOffsetTRelative(tensor)
    tensors = builder.EndVector()
    schema.SubGraphStart(builder)
    schema.SubGraphAddTensors(builder, tensors)
    graph = schema.SubGraphEnd(builder)
    schema.ModelStartSubgraphsVector(builder, 1)
    builder.PrependUOffsetTRelative(graph)
    graphs = builder.EndVector()
    schema.ModelStart(builder)
    schema.ModelAddVersion(builder, 3)
    schema.ModelAddSubgraphs(builder, graphs)
    builder.Finish(schema.ModelEnd(builder), b"TFL3")
    scratch.write_bytes(bytes(builder.Output()))
    with pytest.raises(ModelError, match="more elements than fit"):
        read_graph(scratch)


LIMITS = settings(max_examples=300, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
mutations = st.lists(st.tuples(st.integers(0, 2703), st.integers(0, 255)), min_size=1, max_size=6)
words = st.lists(
    st.tuples(st.integers(0, 675), st.sampled_from([0, 1, 4, 127, 2703, 2**16, 2**31 - 1, 2**31, 2**32 - 1])),
    min_size=1,
    max_size=3,
)


def _reads_or_refuses(data: bytes, path: Path) -> None:
    path.write_bytes(data)
    try:
        graph = read_graph(path)
    except ModelError as error:
        assert "\n" not in str(error)
    else:
        assert msgspec.json.decode(msgspec.json.encode(graph), type=Graph) == graph


@LIMITS
@given(mutations, st.integers(0, 2704))
def test_mutated_bytes_are_read_or_refused(small: bytes, scratch: Path, changes, length: int) -> None:
    data = bytearray(small)
    for position, value in changes:
        data[position] = value
    _reads_or_refuses(bytes(data), scratch)
    _reads_or_refuses(bytes(data[:length]), scratch)


@LIMITS
@given(words)
def test_mutated_offsets_and_lengths_are_read_or_refused(small: bytes, scratch: Path, changes) -> None:
    data = bytearray(small)
    for position, value in changes:
        struct.pack_into("<I", data, 4 * position, value)
    _reads_or_refuses(bytes(data), scratch)
