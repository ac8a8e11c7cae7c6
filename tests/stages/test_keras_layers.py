"""A report names layers as the user did, whatever conversion, quantization and shrinking made of them."""

import layer_probe as probe
import pytest
from slow_part import all_but

LAYERS = {
    "fused": {"conv_0", "conv_1", "sum", "separable", "mean", "head"},
    "nested": {"block/inside", "block/flat", "head"},
    "attention": {"attention", "norm", "flat", "head"},
    "recurrent": {"both_ways", "each_step/dense", "flat", "head"},
}


@pytest.mark.parametrize("library", all_but(["keras"], ["keras", "tf_keras"]))
@pytest.mark.parametrize("kind", LAYERS)
def test_operators_are_called_as_their_layers(process, tmp_path, kind, library):
    found = process.call(probe.layers_of, kind, library, str(tmp_path), returns=list[list[str]])
    # The converter keeps no name of what it fuses itself: that has the operator's.
    named = {name for kind, name in found if name != kind}
    assert named - LAYERS[kind] == set()
    assert len(named & LAYERS[kind]) >= len(LAYERS[kind]) - 1  # a layer without an operator has none to be named
