"""Random samples, and a front-end on a simulated core."""

import numpy as np

from edgekit.ccode.generate import Code
from edgekit.emit.frontend import frontend_source
from edgekit.firmware.run import Execution, run
from edgekit.frontend.base import Raw
from edgekit.frontend.kinds import AnyFrontend
from edgekit.types import TensorSpec

HEADER = """#include "m_features.h"
#define M_ARENA_BYTES 1
int m_run(const void *raw, void *features, void *arena);
"""
MODEL = """#include "m.h"
int m_run(const void *raw, void *features, void *arena) {
  (void)arena;
  m_features(raw, features);
  return 0;
}
"""


def samples(raw: Raw, seed: int, count: int) -> np.ndarray:
    """Random samples, every fourth of the least and most values only, and every fifth of one value."""
    rng, ends = np.random.default_rng(seed), np.iinfo(raw.dtype)
    made = rng.integers(ends.min, ends.max + 1, (count, *raw.shape)).astype(raw.dtype)
    made[::4] = rng.choice(np.array([ends.min, ends.max], raw.dtype), made[::4].shape)
    made[::5] = made[::5].reshape(len(made[::5]), -1)[:, :1].reshape(-1, *[1] * len(raw.shape))
    return made


def on_core(frontend: AnyFrontend, raw: np.ndarray, core: str) -> tuple[np.ndarray, Execution]:
    """Features of samples (N, …) as a simulated core gives them, and what it took."""
    kind = Raw(raw.shape[1:], raw.dtype.name)
    shape = frontend.shape(kind)
    code = Code(
        name="m",
        kernels="portable",
        files=frontend_source(frontend, kind, "m") | {"m.h": HEADER, "m.c": MODEL},
        arena=1,
        bound=1,
        weights=0,
        operators=("features",),
        peak="",
        inputs=(TensorSpec("raw", (1, *kind.shape), kind.dtype),),
        outputs=(TensorSpec("features", (1, *shape), "int16"),),
        stateful=False,
    )
    done = run(code, [raw], core)
    return np.frombuffer(b"".join(done.outputs), np.int16).reshape(len(raw), *shape), done
