"""Small models of all kinds of layers: each works in int8, or gets a line that names the layer and the way out."""

import re

import layers_probe as probe
import pytest

REFUSED = {
    "Conv3D": r"layer 'conv3d\S*' \(Conv3D\) has no int8 form in TensorFlow Lite, only .*: replace it by 2-D layers",
    "MaxPooling3D": r"layer 'max_pooling3d\S*' \(MaxPooling3D\) has no operator in TensorFlow Lite: replace it by 2-D",
    "ConvLSTM2D": r"layer 'conv_lstm2d\S*' \(ConvLSTM2D\) has no int8 form in TensorFlow Lite, only .*by conv",
    "STFTSpectrogram": r"layer 'stft_spectrogram\S*' \(STFTSpectrogram\) has no int8 form .* outside the model",
}
FAST = {
    "tf_keras": ["GroupNormalization", "ELU layer", "Bidirectional LSTM", "Masking LSTM", "MaxPooling3D", "ConvLSTM2D"],
    "keras": ["Embedding masked LSTM", "MultiHeadAttention causal", "inputs by name", "STFTSpectrogram", "Conv3D"],
}
"""The others take minutes together."""
SANE = 20.0
"""SQNR in dB that int8 leaves of random weights at least."""


@pytest.mark.parametrize(("lib", "name"), [(lib, name) for lib, names in FAST.items() for name in names])
def test_it_works_or_names_the_layer_and_the_way_out(process, lib, name):
    check(process, lib, name)


@pytest.mark.campaign
@pytest.mark.parametrize("lib", FAST)
def test_so_does_everything_else(process, lib, request):
    if "campaign" not in request.config.option.markexpr:
        pytest.skip("takes minutes: pytest -m campaign tests/model/test_layers.py")
    failed = []
    for name in process.call(probe.names, lib, returns=list[str]):
        try:
            check(process, lib, name)
        except Exception as problem:
            failed.append(str(problem).splitlines()[0])
    assert not failed, "\n".join(failed)


def check(process, lib, name):
    said, sqnr = process.call(probe.tried, lib, name, returns=tuple[str, float | None])
    if name in REFUSED:
        assert sqnr is None and re.search(REFUSED[name], said), f"{name}: {said}"
    else:
        assert sqnr is not None and sqnr > SANE, f"{name}: {said}: {sqnr}"
