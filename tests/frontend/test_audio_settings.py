"""What the settings of the front-ends of sound refuse, in one line that says what to do."""

import msgspec
import numpy as np
import pytest

from edgekit.config import decode
from edgekit.errors import ProjectError
from edgekit.frontend.base import Raw
from edgekit.frontend.kinds import AnyFrontend, LogMel, Mfcc, Spectrogram
from edgekit.frontend.pcen import Pcen

SECOND = Raw((16000,), "int16")


@pytest.mark.parametrize(
    "frontend, raw, said",
    [
        (LogMel(), Raw((400,), "int16"), "a window of 480 samples is longer than a recording of 400; shorten"),
        (LogMel(), Raw((16000, 2), "int16"), "takes int16 samples of one channel, not int16 [16000, 2]"),
        (LogMel(), Raw((16000,), "float32"), "takes int16 samples of one channel, not float32"),
        (LogMel(upper_edge_hertz=9000), SECOND, "9000 Hz is beyond half the sample rate of 16000 Hz; write 8000"),
        (LogMel(sample_rate=4000, lower_edge_hertz=3000), SECOND, "is not 1 Hz or more below the upper edge of 2000"),
        (LogMel(lower_edge_hertz=999.5, upper_edge_hertz=1000), SECOND, "is not 1 Hz or more below"),
        (Spectrogram(fft_length=256), SECOND, "256 is shorter than the window of 480 samples (30 ms at 16000 Hz)"),
        (Spectrogram(fft_length=500), SECOND, "500 is no power of two from 32 to 4096; write 512"),
        (Spectrogram(sample_rate=384_000), SECOND, "16384 is no power of two from 32 to 4096; shorten"),
        (Spectrogram(hop_ms=0.01), SECOND, "frontend.hop_ms: 0 samples at 16000 Hz; make it longer"),
        (Mfcc(mel_bands=10), SECOND, "13 of 10 mel bands"),
        (LogMel(pcen=Pcen(gain=0.9)), SECOND, 'is not used; write compression = "pcen" or remove it'),
    ],
)
def test_what_does_not_fit_is_refused(frontend, raw, said):
    with pytest.raises(ProjectError) as refused:
        frontend.shape(raw)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "table, said",
    [
        ({"kind": "log-mel", "mel_band": 40}, "mel_band: unknown key"),
        ({"kind": "log-mel", "pre_emphasis": 1.0}, "pre_emphasis"),
        ({"kind": "spectrogram", "sample_rate": 10}, "sample_rate"),
    ],
)
def test_a_wrong_key_or_value_is_named(table, said):
    with pytest.raises(ProjectError, match=said):
        decode(table, AnyFrontend, "pyproject.toml: frontend", ProjectError)


def test_settings_are_read_from_a_table():
    table = {"kind": "log-mel", "compression": "pcen", "pcen": {"gain": 0.9}, "window_ms": 25}
    read = decode(table, AnyFrontend, "pyproject.toml", ProjectError)
    assert read == LogMel(compression="pcen", pcen=Pcen(gain=0.9), window_ms=25.0)
    assert decode(msgspec.to_builtins(read), AnyFrontend, "again", ProjectError) == read


def test_the_last_window_is_the_last_that_is_whole():
    assert LogMel(window_ms=20).shape(SECOND) == (50, 40)
    assert LogMel(window_ms=20).shape(Raw((15999,), "int16")) == (49, 40)
    assert Spectrogram().shape(SECOND) == (49, 257)
    assert Mfcc().features(np.zeros((0, 16000), np.int16)).shape == (0, 49, 13)
