"""Layers and operators that compute a spectrum inside of a model, and the front-end that takes their place."""

from __future__ import annotations

import json
from typing import Any

from edgekit.flatbuffer.read import Graph, Operator

INSTEAD = "compute the spectrogram outside the model: [tool.edgekit.models.NAME.frontend]"
CENTRED = "the layer pads half a window at both ends and gives (bands, frames), a front-end (frames, bands): train anew"


def frontend_of_layer(layer: Any) -> str:
    """What to write in the project instead of a layer of Keras, with the settings that it was made with.

    Source: keras.layers.MelSpectrogram and STFTSpectrogram, whose mel scale is HTK's.
    """
    config = layer.get_config()
    try:
        if type(layer).__name__ == "MelSpectrogram":
            power = "" if config["power_to_db"] else "; the layer gives power, the front-end its logarithm"
            return f"{INSTEAD} {_settings(_mel(config))}; {CENTRED}{power}"
        return f"{INSTEAD} {_settings(_stft(config))}; window_ms and hop_ms are those samples at your sample rate"
    except (KeyError, TypeError, ValueError, ZeroDivisionError):  # a file may say anything
        return INSTEAD


def frontend_of_operator(operator: Operator, graph: Graph) -> str:
    """The same of an FFT of a graph, such as `tf.signal.stft` makes: its length is all that the graph says."""
    bins = graph.tensors[operator.outputs[0]].shape[-1:] if operator.outputs else ()
    if operator.name != "RFFT2D" or not bins or bins[0] < 2:
        return INSTEAD
    return f'{INSTEAD} kind = "spectrogram" (or "log-mel"), fft_length = {2 * (bins[0] - 1)}'


def _mel(config: dict[str, Any]) -> dict[str, Any]:
    rate, length = int(config["sampling_rate"]), int(config["fft_length"])
    return {
        "kind": "log-mel",
        "sample_rate": rate,
        "window_ms": 1000 * int(config["sequence_length"] or length) / rate,
        "hop_ms": 1000 * int(config["sequence_stride"]) / rate,
        "fft_length": length,
        "window_shape": str(config["window"]),
        "mel_bands": int(config["num_mel_bins"]),
        "lower_edge_hertz": float(config["min_freq"]),
        "upper_edge_hertz": float(config["max_freq"] or rate / 2),
        "compression": "db" if config["power_to_db"] else "log",
        "floor": float(config["min_power"]),
    }


def _stft(config: dict[str, Any]) -> dict[str, Any]:
    length = int(config["fft_length"] or config["frame_length"])
    return {
        "kind": "spectrogram",
        "window (samples)": int(config["frame_length"]),
        "hop (samples)": int(config["frame_step"]),
        "fft_length": length,
        "window_shape": str(config["window"]),
    }


def _settings(said: dict[str, Any]) -> str:
    """As TOML has them."""
    words = {key: json.dumps(value[:20]) if isinstance(value, str) else f"{value:.10g}" for key, value in said.items()}
    return ", ".join(f"{key} = {word}" for key, word in words.items())
