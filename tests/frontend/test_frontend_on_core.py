"""The C of front-ends on simulated Cortex-M cores."""

import sys
from pathlib import Path

import numpy as np
import pytest
from test_audio_c import recordings

from edgekit.firmware.run import missing
from edgekit.frontend.kinds import LogMel, Mfcc, Spectrogram

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from frontends import on_core

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


@pytest.mark.parametrize("core", ["cortex-m4f", "cortex-m0plus"])
@pytest.mark.parametrize(
    "kind", [LogMel(window_ms=32), LogMel(compression="pcen"), Mfcc(pre_emphasis=0.97), Spectrogram(window_ms=16)]
)
def test_a_core_gives_what_numpy_gives(kind, core):
    sound = recordings(5, 16000, 11)
    np.testing.assert_array_equal(on_core(kind, sound, core).features, kind.features(sound))


def test_log_mel_of_a_second_takes_less_than_2_5_million_instructions():
    figures = on_core(LogMel(window_ms=32, fft_length=512), recordings(5, 16000, 12), "cortex-m4f")
    assert figures.instructions < 2_500_000
    assert figures.stack < 512
