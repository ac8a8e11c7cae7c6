"""Weights as indices into tables, which TFLM decodes."""

import numpy as np
import pytest

from edgekit.errors import ModelError
from edgekit.flatbuffer.edit import constants, objects, packed, with_constants
from edgekit.flatbuffer.lookup import candidates, without_lookup_tables
from edgekit.flatbuffer.read import parse_graph
from edgekit.flatbuffer.strip import dieted
from edgekit.shrink.file import lookup_file
from edgekit.shrink.proof import prove
from edgekit.shrink.twin import twin
from edgekit.types import Arena


@pytest.fixture(scope="module")
def content(shared):
    return dieted((shared / "models/tflite/wake_word_int8.tflite").read_bytes())


def of_few_values(content: bytes, count: int) -> bytes:
    """The model with so many different values in each weight of a layer."""
    rng = np.random.default_rng(count)
    values = np.sort(rng.choice(np.arange(-127, 128), count, replace=False)).astype(np.int8)
    weights = {i: v for i, v in constants(content).items() if v.dtype == np.int8 and v.ndim > 1}
    return with_constants(content, {i: rng.choice(values, v.shape).astype(np.int8) for i, v in weights.items()})


@pytest.fixture
def looked_up(tflm, tmp_path):
    """Writes a model as `in.tflite` and, with tables, as `model.tflite`, and returns what the latter holds."""

    def run(content: bytes, arena=None) -> bytes:
        (tmp_path / "in.tflite").write_bytes(content)
        tflm.call(lookup_file, str(tmp_path), str(tmp_path / "in.tflite"), None, arena, returns=type(None))
        return (tmp_path / "model.tflite").read_bytes()

    return run


def test_tables_that_are_no_smaller_than_the_weights_are_left_out(content, looked_up):
    model = of_few_values(content, 32)  # 64 weights a channel, which would have tables of 32 bytes
    assert looked_up(model) == model


@pytest.mark.parametrize("count", [2, 3, 8, 16])
def test_tflm_decodes_them_to_the_same_outputs(content, looked_up, tmp_path, count):
    model = of_few_values(content, count)
    smaller = looked_up(model)
    weights, bits = constants(model), int(np.ceil(np.log2(count)))
    chosen = [weights[c.tensor] for c in candidates(model)]
    tables = sum(len(parse_graph(model, "m").tensors[c.tensor].scales) for c in candidates(model)) << bits
    saved = sum(v.size for v in chosen) * (8 - bits) / 8 - tables
    assert chosen and len(model) - len(smaller) > saved - 300 * len(chosen)
    assert prove(tmp_path / "in.tflite", tmp_path / "model.tflite", "tflm") == "identical on 64 random inputs"
    assert prove(tmp_path / "in.tflite", tmp_path / "model.tflite", "litert").startswith("refuses the smaller file")


def test_a_model_of_many_values_stays_as_it_is(content, looked_up):
    assert looked_up(of_few_values(content, 200)) == of_few_values(content, 200)


def test_the_arena_limits_what_is_decoded(content, tflm, looked_up, tmp_path):
    def smallest_arena(file):
        return tflm.call("edgekit.runtimes.tflm:arena", str(tmp_path / file), returns=Arena).bytes

    model = of_few_values(content, 4)
    (tmp_path / "plain.tflite").write_bytes(model)
    own = smallest_arena("plain.tflite")
    free = looked_up(model)
    assert smallest_arena("model.tflite") > own
    tight = looked_up(model, arena=own + 2000)
    assert len(free) < len(tight) <= len(model)
    assert smallest_arena("model.tflite") <= own + 2000


def test_the_tensors_keep_their_places(content, looked_up):
    model = of_few_values(content, 4)
    old, new = parse_graph(model, "old"), parse_graph(looked_up(model), "new")
    assert len(new.tensors) > len(old.tensors)
    pairs = list(zip(old.tensors, new.tensors, strict=False))
    assert all(a.shape == b.shape for a, b in pairs if not a.bytes), "so that they can have their names back"


@pytest.mark.parametrize("count", [3, 16])
def test_the_twin_has_the_weights_as_they_were(content, looked_up, tmp_path, count):
    """What tools give to runtimes other than TFLM."""
    model = of_few_values(content, count)
    looked_up(model)
    with twin(tmp_path / "in.tflite") as place:
        assert place == tmp_path / "in.tflite", "a file without tables is its own twin"
    with twin(tmp_path / "model.tflite") as place:
        graph, found = (
            parse_graph(place.read_bytes(), "twin"),
            sorted(v.tobytes() for v in constants(place.read_bytes()).values()),
        )
        assert "TFLM_DECODE" not in graph.operator_names
        wanted = sorted(v.tobytes() for v in constants(model).values())
        assert set(found) == set(wanted)
        assert prove(tmp_path / "model.tflite", place, "tflm") == "identical on 64 random inputs"
        assert prove(tmp_path / "in.tflite", place, "litert") == "identical on 64 random inputs"


def test_what_decodes_no_tables_has_no_twin(content):
    model = objects(of_few_values(content, 4))
    model.operatorCodes[0].builtinCode = model.operatorCodes[0].deprecatedBuiltinCode = 32
    model.operatorCodes[0].customCode = b"TFLM_DECODE"
    with pytest.raises(ModelError, match="no lookup tables"):
        without_lookup_tables(packed(model))
