"""Writes `tflm_reference.json`: what TFLM's own C makes of sounds, with many settings.

    python tests/frontend/tflm_reference.py SOURCES

SOURCES is the unpacked source distribution of pymicro-features 2.0.2 (`pip download --no-binary :all: --no-deps`). It
holds the C of TFLM; the package itself has one setting only. The C library's logarithm takes part in the filterbank:
with glibc 2.41 or newer a few weights differ by one.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from msgspec import to_builtins
from sounds import KINDS, sound

from edgekit.errors import ProjectError
from edgekit.frontend.base import Raw
from edgekit.frontend.micro import Micro

FILE = Path(__file__).with_suffix(".json")
LIBRARY = "tensorflow/lite/experimental/microfrontend/lib"
COUNT = 64
MAIN = r"""
#include <cstdio>
#include <cstdlib>
extern "C" {
#include "tensorflow/lite/experimental/microfrontend/lib/frontend.h"
#include "tensorflow/lite/experimental/microfrontend/lib/frontend_util.h"
}
int main(int, char **argument) {
  FrontendConfig config;
  FrontendState state;
  SETTINGS
  if (!FrontendPopulateState(&config, &state, (int)atof(*++argument))) return 3;
  int16_t sample;
  size_t read;
  while (fread(&sample, 2, 1, stdin) == 1) {
    FrontendOutput output = FrontendProcessSamples(&state, &sample, 1, &read);
    fwrite(output.values, 2, output.size, stdout);
  }
  return 0;
}
"""
FIELDS = {
    "window_ms": "window.size_ms",
    "hop_ms": "window.step_size_ms",
    "num_channels": "filterbank.num_channels",
    "lower_band_limit": "filterbank.lower_band_limit",
    "upper_band_limit": "filterbank.upper_band_limit",
    "smoothing_bits": "noise_reduction.smoothing_bits",
    "even_smoothing": "noise_reduction.even_smoothing",
    "odd_smoothing": "noise_reduction.odd_smoothing",
    "min_signal_remaining": "noise_reduction.min_signal_remaining",
    "enable_pcan": "pcan_gain_control.enable_pcan",
    "pcan_strength": "pcan_gain_control.strength",
    "pcan_offset": "pcan_gain_control.offset",
    "gain_bits": "pcan_gain_control.gain_bits",
    "enable_log": "log_scale.enable_log",
    "scale_shift": "log_scale.scale_shift",
}


def drawn(random: np.random.Generator) -> Micro:
    """Any settings that TFLM takes."""
    rate = int(random.choice([4000, 8000, 11025, 16000, 22050, 32000, 44100, 48000]))
    window = int(random.integers(5, 60))
    settings = Micro(
        sample_rate=rate,
        window_ms=window,
        hop_ms=int(random.integers(1, window + 1)),
        num_channels=int(random.integers(1, 80)),
        lower_band_limit=round(random.uniform(0, 400), 1),
        upper_band_limit=round(random.uniform(500, rate / 2), 1),
        smoothing_bits=int(random.integers(0, 20)),
        even_smoothing=round(random.uniform(0, 1) ** 3, 3),
        odd_smoothing=round(random.uniform(0, 1) ** 3, 3),
        min_signal_remaining=round(random.uniform(0, 1) ** 3, 3),
        enable_pcan=bool(random.random() < 0.7),
        pcan_strength=round(random.uniform(0, 1), 2),
        pcan_offset=round(10 ** random.uniform(-2, 4), 3),
        gain_bits=int(random.integers(12, 32)),
        enable_log=bool(random.random() < 0.8),
        scale_shift=int(random.integers(0, 11)),
    )
    try:
        settings.shape(Raw((rate,), "int16"))
    except ProjectError:
        return drawn(random)
    return settings


def build(sources: Path, folder: Path) -> Path:
    """A program: settings as arguments, samples in, features out."""
    lines = "\n  ".join(f"config.{field} = atof(*++argument);" for field in FIELDS.values())
    (folder / "main.cc").write_text(MAIN.replace("SETTINGS", lines))
    left_out = ("_test", "_io", "main", "generator")
    units = [str(unit) for unit in (sources / LIBRARY).glob("*.cc") if not unit.stem.endswith(left_out)]
    command = ["g++", "-w", "-O1", "-DFIXED_POINT=16", f"-I{sources}", f"-I{sources}/kissfft", *units]
    subprocess.run([*command, str(folder / "main.cc"), "-o", str(folder / "tflm")], check=True)
    return folder / "tflm"


def in_tflm(settings: Micro, pcm: np.ndarray, program: Path) -> np.ndarray:
    """Features, cut off as int16."""
    values = to_builtins(settings)
    arguments = [repr(float(values[name])) for name in (*FIELDS, "sample_rate")]
    said = subprocess.run([program, *arguments], input=pcm.tobytes(), stdout=subprocess.PIPE, check=True).stdout
    return np.minimum(np.frombuffer(said, np.uint16), 32767).astype(np.int16)


def main(sources: Path) -> None:
    """Writes the file."""
    random = np.random.default_rng(19)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        program = build(sources, Path(folder))
        for seed in range(COUNT):
            settings, kind = drawn(random), KINDS[seed % len(KINDS)]
            made = in_tflm(settings, sound(kind, seed, settings.sample_rate), program)
            digest = hashlib.sha256(made.tobytes()).hexdigest()
            rows.append({"settings": to_builtins(settings), "sound": kind, "seed": seed, "sha256": digest})
    FILE.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
