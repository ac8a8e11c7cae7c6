"""The front-ends of sound as the field defines them, in float64."""

import numpy as np
from scipy.signal import get_window

from edgekit.frontend.kinds import LogMel, Mfcc, Spectrogram


def power_spectra(of: Spectrogram | LogMel | Mfcc, pcm: np.ndarray) -> np.ndarray:
    """|STFT|**2 (N, frames, bins) of int16 recordings, as -1 … 1."""
    sound = pcm / 32768
    starts = range(0, pcm.shape[1] - of.window + 1, of.hop)
    frames = np.stack([sound[:, start : start + of.window] for start in starts], axis=1)
    before = np.concatenate([frames[..., :1], frames[..., :-1]], axis=-1)
    weights = get_window(of.window_shape, of.window, fftbins=True)
    return np.abs(np.fft.rfft((frames - of.pre_emphasis * before) * weights, of.length)) ** 2


def mel_matrix(of: LogMel | Mfcc) -> np.ndarray:
    """(bins, bands): triangles over the mel scale of HTK, or over the frequency with Slaney's corners and areas."""
    hertz = np.linspace(0, of.sample_rate / 2, of.length // 2 + 1)
    if of.mel_scale == "htk":
        corners = np.linspace(*htk(np.array([of.lower_edge_hertz, of.upper])), of.mel_bands + 2)
        places, areas = htk(hertz), np.ones(of.mel_bands)
    else:
        mels = np.linspace(*slaney(np.array([of.lower_edge_hertz, of.upper])), of.mel_bands + 2)
        grid = np.linspace(0, of.sample_rate, 400_001)
        corners = np.interp(mels, slaney(grid), grid)
        places, areas = hertz, (corners[2:] - corners[:-2]) / 2
    rising = (places[:, None] - corners[:-2]) / np.diff(corners)[:-1]
    falling = (corners[2:] - places[:, None]) / np.diff(corners)[1:]
    return np.maximum(0, np.minimum(rising, falling)) / areas


def htk(hertz: np.ndarray) -> np.ndarray:
    return 2595 * np.log10(1 + hertz / 700)


def slaney(hertz: np.ndarray) -> np.ndarray:
    return np.where(hertz < 1000, hertz * 3 / 200, 15 + 27 * np.log(np.maximum(hertz, 1) / 1000) / np.log(6.4))


def logarithm(of: Spectrogram | LogMel | Mfcc, power: np.ndarray) -> np.ndarray:
    found = np.log(np.maximum(power, of.floor))
    return found if of.compression == "log" else found * 10 / np.log(10)


def normalized(of: LogMel, energy: np.ndarray) -> np.ndarray:
    """PCEN."""
    settings, mean, made = of.pcen, energy[:, 0], []
    for frame in energy.swapaxes(0, 1):
        mean = (1 - settings.smoothing) * mean + settings.smoothing * frame
        ratio = frame / (settings.epsilon + mean) ** settings.gain
        made.append((ratio + settings.bias) ** settings.power - settings.bias**settings.power)
    return np.stack(made, axis=1)


def features(of: Spectrogram | LogMel | Mfcc, pcm: np.ndarray) -> np.ndarray:
    """(N, frames, values)."""
    power = power_spectra(of, pcm)
    if isinstance(of, Spectrogram):
        return logarithm(of, power)
    energy = power @ mel_matrix(of)
    if isinstance(of, LogMel):
        return normalized(of, energy) if of.compression == "pcen" else logarithm(of, energy)
    count = of.mel_bands
    cosines = np.cos(np.pi * np.outer(np.arange(count) + 0.5, np.arange(of.coefficients)) / count) * np.sqrt(2 / count)
    cosines[:, 0] /= np.sqrt(2)
    return logarithm(of, energy) @ cosines
