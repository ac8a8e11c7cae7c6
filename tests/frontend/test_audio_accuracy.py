"""How far the integers of the front-ends of sound are from the float arithmetic of the field."""

from pathlib import Path

import float_reference
import msgspec
import numpy as np
import pytest

from edgekit.frontend.audio import FACTORS
from edgekit.frontend.kinds import LogMel, Mfcc, Spectrogram

SPEECH = Path(__file__).parents[3] / "shared" / "data" / "spoken_digits.npz"
RATE = 8000
LOG_ERROR = 1e-4
"""Of log2: table, interpolation, and rounding to 16 bits behind the point."""


def sounds() -> dict[str, np.ndarray]:
    """Recordings of one second at `RATE` (N, 8000)."""
    random, time = np.random.default_rng(3), np.arange(RATE)
    chirp = np.sin(0.98 * np.pi * time**2 / RATE)
    made = {
        "chirp": 32767 * chirp[None],
        "quiet chirp": 20 * chirp[None],
        "noise": 3000 * random.normal(size=(20, RATE)),
        "noise of one step": random.integers(-1, 2, (20, RATE)),
        "clipped": np.where(chirp > 0, 32767, -32768)[None],
        "tone": 32767 * np.sin(2 * np.pi * time * 1000 / RATE)[None],
        "constant": np.full((1, RATE), -32768),
        "silence": np.zeros((1, RATE)),
    }
    found = {name: np.clip(np.round(sound), -32768, 32767).astype(np.int16) for name, sound in made.items()}
    if SPEECH.exists():
        with np.load(SPEECH) as file:
            found["speech"] = file["x"][::150]
    return found


def allowed(of: LogMel | Mfcc | Spectrogram, pcm: np.ndarray) -> np.ndarray:
    """The error that docs/explanation/frontends.md states: of a magnitude at most 2 N / 2**29 of the loudest in its
    window, and 4 sqrt(N) / 2**29 of full scale. The root of a band's power is a length, of weighted magnitudes: it errs
    at most by that of their errors.
    """
    power = float_reference.power_spectra(of, pcm)
    weights = np.eye(power.shape[-1]) if isinstance(of, Spectrogram) else float_reference.mel_matrix(of)
    magnitude = 2 * of.length / 2**29 * np.sqrt(power.max(axis=-1, keepdims=True)) + 4 * np.sqrt(of.length) / 2**29
    error = magnitude * np.sqrt(weights.sum(axis=0))
    heard = np.sqrt(np.maximum(power @ weights, of.floor))
    logs = FACTORS[of.compression] * (LOG_ERROR + 2 * np.log2(1 + error / heard))
    if isinstance(of, Mfcc):
        count = of.mel_bands
        cosines = np.cos(np.pi * np.outer(np.arange(count) + 0.5, np.arange(of.coefficients)) / count)
        logs = logs @ np.abs(cosines) * np.sqrt(2 / count) + 30 * count / 2**17 * FACTORS[of.compression]
    return of.step / 2 + logs


@pytest.mark.parametrize("floor", [1e-6, 1e-12])
@pytest.mark.parametrize(
    "kind",
    [
        LogMel(sample_rate=RATE),
        LogMel(sample_rate=RATE, mel_scale="slaney", compression="db", fft_length=1024, pre_emphasis=0.97),
        Mfcc(sample_rate=RATE, window_shape="hamming"),
        Spectrogram(sample_rate=RATE, window_ms=16),
        Spectrogram(sample_rate=RATE, compression="db"),
    ],
)
def test_error_is_within_what_is_stated(kind, floor):
    kind = msgspec.structs.replace(kind, floor=floor)
    for name, pcm in sounds().items():
        error = np.abs(kind.features(pcm) * kind.step - float_reference.features(kind, pcm))
        assert (error <= allowed(kind, pcm)).all(), name


@pytest.mark.parametrize("kind", [LogMel(sample_rate=RATE), Mfcc(sample_rate=RATE)])
def test_above_the_default_floor_the_error_is_three_steps_at_most(kind):
    for name, pcm in sounds().items():
        error = np.abs(kind.features(pcm) * kind.step - float_reference.features(kind, pcm))
        assert error.max() <= 3 * kind.step, name


@pytest.mark.parametrize("scale", ["htk", "slaney"])
def test_pcen_is_within_a_thousandth(scale):
    kind = LogMel(sample_rate=RATE, compression="pcen", mel_scale=scale)
    for name, pcm in sounds().items():
        error = np.abs(kind.features(pcm) * kind.step - float_reference.features(kind, pcm))
        assert error.max() <= 0.001, name


def test_quiet_sounds_keep_their_precision():
    quiet = np.round(3 * np.sin(0.1 * np.arange(RATE))[None]).astype(np.int16)
    kind = Spectrogram(sample_rate=RATE, floor=1e-12)
    difference = kind.features(quiet * 8192) * kind.step - kind.features(quiet) * kind.step
    heard = float_reference.features(kind, quiet) > -20
    np.testing.assert_allclose(difference[heard], 2 * np.log(8192), atol=0.02)


def test_the_reference_is_that_of_tensorflow():
    import tensorflow as tf

    pcm = sounds()["noise"][:2]
    kind = LogMel(sample_rate=RATE, window_ms=32, lower_edge_hertz=125, upper_edge_hertz=3800)
    short = tf.signal.stft(pcm / 32768.0, kind.window, kind.hop, kind.length)
    matrix = tf.signal.linear_to_mel_weight_matrix(40, 129, RATE, 125.0, 3800.0, tf.float64)
    mel = tf.math.log(tf.abs(short) ** 2 @ matrix)
    np.testing.assert_allclose(float_reference.features(kind, pcm), mel.numpy(), atol=1e-4)
    coefficients = tf.signal.mfccs_from_log_mel_spectrograms(mel).numpy()[..., :13]
    coefficients[..., 0] /= np.sqrt(2)
    same = Mfcc(sample_rate=RATE, window_ms=32, lower_edge_hertz=125, upper_edge_hertz=3800)
    np.testing.assert_allclose(float_reference.features(same, pcm), coefficients, atol=1e-3)


def test_the_reference_is_that_of_librosa():
    librosa = pytest.importorskip("librosa")
    pcm = sounds()["noise"][0]
    kind = LogMel(sample_rate=RATE, window_ms=32, mel_scale="slaney", compression="db", lower_edge_hertz=0)
    power = librosa.feature.melspectrogram(
        y=pcm / 32768.0, sr=RATE, n_fft=256, hop_length=160, center=False, n_mels=40, fmin=0
    )
    expected = librosa.power_to_db(power, amin=1e-6, top_db=None)
    np.testing.assert_allclose(float_reference.features(kind, pcm[None])[0], expected.T, atol=1e-3)
    coefficients = librosa.feature.mfcc(S=expected, n_mfcc=13).T
    same = Mfcc(sample_rate=RATE, window_ms=32, mel_scale="slaney", compression="db", lower_edge_hertz=0)
    np.testing.assert_allclose(float_reference.features(same, pcm[None])[0], coefficients, atol=1e-3)
