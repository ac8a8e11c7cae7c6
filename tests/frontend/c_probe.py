"""Compiles the C of a front-end and runs it, with every check on that compilers have."""

import subprocess
import tempfile
from pathlib import Path

import numpy as np

from edgekit.emit.frontend import frontend_source
from edgekit.frontend.base import Raw
from edgekit.frontend.kinds import AnyFrontend

STRICT = "-std=c11 -O1 -Wall -Wextra -Wconversion -Wpedantic -Werror".split()
CHECKED = "-fsanitize=undefined,address -fno-sanitize-recover=all".split()
MAIN = """
#include <stdio.h>
#include "probe_features.h"
static RAW_TYPE raw[RAW_COUNT];
static int16_t features[FEATURES];
int main(void) {
  while (fread(raw, sizeof raw, 1, stdin) == 1) {
    CALL
    fwrite(features, sizeof features, 1, stdout);
  }
  return 0;
}
"""
WHOLE = "probe_features(raw, features);"
STREAMED = """
    static probe_frontend state;
    probe_frontend_reset(&state);
    for (int frame = 0; frame < PROBE_FRONTEND_FRAMES; frame++) {
      probe_frontend_frame(&state, raw + frame * PROBE_FRONTEND_HOP, features + frame * PROBE_FRONTEND_BANDS);
    }
"""


def in_c(frontend: AnyFrontend, raw: np.ndarray, compiler: str = "gcc", call: str = WHOLE) -> np.ndarray:
    """The features of samples (N, …), as the C gives them."""
    kind = Raw(raw.shape[1:], str(raw.dtype))
    shape = frontend.shape(kind)
    numbers = {"RAW_TYPE": f"{raw.dtype}_t", "RAW_COUNT": raw[0].size, "FEATURES": int(np.prod(shape)), "CALL": call}
    main = MAIN
    for word, value in numbers.items():
        main = main.replace(word, str(value))
    with tempfile.TemporaryDirectory() as folder:
        for file, text in (frontend_source(frontend, kind, "probe") | {"main.c": main}).items():
            (Path(folder) / file).write_text(text, encoding="ascii")
        command = [compiler, *STRICT, *CHECKED, "main.c", "probe_features.c", "-o", "probe"]
        built = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert built.returncode == 0, built.stderr
        ran = subprocess.run([f"{folder}/probe"], input=raw.tobytes(), capture_output=True)
        assert ran.returncode == 0, ran.stderr.decode()
    return np.frombuffer(ran.stdout, np.int16).reshape(len(raw), *shape)
