"""TFLM's own model of speech, from raw sound: micro_speech tells silence, unknown words, "yes" and "no" apart."""

import numpy as np
import pytest
from c_probe import in_c
from sounds import speech

from edgekit.engine.worker import Worker
from edgekit.frontend.micro import Micro
from edgekit.runtimes import installed

SILENCE = 0


@pytest.mark.parametrize("runtime", ["litert", "tflm"])
def test_micro_speech_hears_words_and_silence(runtime, shared):
    if not installed(runtime):
        pytest.skip(f"{runtime} is not installed")
    front = Micro(hop_ms=20)
    random = np.random.default_rng(0)
    quiet = [random.normal(size=16000) * loud for loud in (0, 1, 3, 10)]
    raw = np.concatenate([np.array(quiet).astype(np.int16), speech(60)])
    made = in_c(front, raw)
    assert np.array_equal(made, front.features(raw))
    assert made.shape[1:] == (49, 40)
    rows = (made * np.float32(front.step)).reshape(len(raw), -1).tolist()
    model = str(shared / "models/tflite/micro_speech_int8.tflite")
    with Worker() as process:
        heard = process.call("answers_probe:answers", runtime, model, rows, returns=list[int])
    assert heard[: len(quiet)] == [SILENCE] * len(quiet)
    assert sum(answer != SILENCE for answer in heard[len(quiet) :]) >= 54
