"""A spectrum inside of a model: the settings that a build advises are those of the layer."""

from types import SimpleNamespace

import msgspec
import pytest
import spectrum_probe as probe

from edgekit.config import tables
from edgekit.errors import ProjectError
from edgekit.frontend.kinds import AnyFrontend
from edgekit.frontend.log_mel import LogMel
from edgekit.model.spectrum import INSTEAD, frontend_of_layer


def test_the_settings_are_those_of_a_front_end(process):
    layer = {"fft_length": 256, "sequence_stride": 128, "window": "hamming", "sampling_rate": 8000, "min_freq": 50.0}
    advice = process.call(probe.mel, named=layer | {"num_mel_bins": 16}, returns=str)
    table = tables(advice.removeprefix(f"{INSTEAD} ").partition(";")[0].replace(", ", "\n"), "advice", ProjectError)
    assert msgspec.convert(table, AnyFrontend) == LogMel(
        sample_rate=8000,
        window_ms=32.0,
        hop_ms=16.0,
        fft_length=256,
        window_shape="hamming",
        mel_bands=16,
        lower_edge_hertz=50.0,
        upper_edge_hertz=4000.0,
        compression="db",
        floor=1e-10,
    )


@pytest.mark.parametrize(
    "said", [{}, {"fft_length": "many"}, {"frame_length": 9, "frame_step": 3, "window": "\x1b[2J"}]
)
def test_a_file_that_says_anything_gets_advice_of_one_line(said):
    layer = SimpleNamespace(get_config=lambda: {"fft_length": 9} | said)
    assert frontend_of_layer(layer).isprintable()
