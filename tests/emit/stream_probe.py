"""A stream in C: built with a small model and a front-end, fed in pieces, its answers read back."""

import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
from make_graph import Graph

from edgekit.ccode.generate import Code, generate
from edgekit.data.preprocessing import Preprocessing, preprocessed
from edgekit.emit.frontend import frontend_source
from edgekit.emit.stream import selftest_source, stream_source
from edgekit.frontend.base import Raw
from edgekit.frontend.stream import Decisions, Plan, Stream, decide, inputs, plan
from edgekit.runtimes.values import quantize

STRICT = "-std=c11 -O1 -g1 -Wall -Wextra -Wconversion -Wshadow -Wpedantic -Werror".split()
AS_IT_IS = Preprocessing()
CHECKED = "-fsanitize=undefined,address -fno-sanitize-recover=all".split()
MAIN = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "m_stream.h"

static uint8_t arena[M_ARENA_BYTES + 8] __attribute__((aligned(8)));
static m_stream stream;

static void answered(const m_answer *answer, void *context) {
  fwrite(&answer->heard, sizeof answer->heard, 1, context);
  fwrite(answer->sums, sizeof *answer->sums, M_STREAM_CLASSES, context);
  fwrite(&answer->detected, sizeof answer->detected, 1, context);
  fwrite(answer->output, sizeof *answer->output, M_STREAM_CLASSES, context);
}

int main(int argc, char **arguments) {
  if (argc > 1) { /* the model alone */
    static INPUT given[M_INPUT_BYTES / sizeof(INPUT)];
    static OUTPUT made[M_STREAM_CLASSES];
    (void)arguments;
    while (fread(given, sizeof given, 1, stdin) == 1) {
      if (m_run(given, made, arena) != 0) return 2;
      fwrite(made, sizeof made, 1, stdout);
    }
    return 0;
  }
  uint32_t n;
  memset(&stream, 0x5A, sizeof stream);
  m_stream_reset(&stream);
  while (fread(&n, sizeof n, 1, stdin) == 1) {
    const size_t values = (size_t)n * M_STREAM_CHANNELS;
    int16_t *const pcm = malloc(values * sizeof *pcm + 1); /* of the exact size, for the sanitizer */
    if (fread(pcm, sizeof *pcm, values, stdin) != values) return 3;
    if (m_feed(&stream, pcm, n, arena, answered, stdout) != 0) return 4;
    memset(arena, 0x5A, sizeof arena); /* between two calls it may serve others */
    free(pcm);
  }
  return 0;
}
"""


class Answers(NamedTuple):
    """Of a stream, in their order."""

    heard: np.ndarray
    sums: np.ndarray
    detected: np.ndarray
    outputs: np.ndarray


class Built(NamedTuple):
    """A stream, compiled for this machine."""

    program: Path
    plan: Plan
    frontend: object
    code: Code
    said: Preprocessing
    files: dict[str, str]
    """Of the front-end and the stream."""

    def fed(self, recording: np.ndarray, pieces: list[int]) -> Answers:
        """What it answers to a recording that is fed in pieces; what is left comes last."""
        ends = np.clip(np.cumsum([0, *pieces]), 0, len(recording)).tolist()
        parts = [recording[a:b] for a, b in zip(ends, [*ends[1:], len(recording)], strict=True)]
        sent = b"".join(np.uint32(len(part)).tobytes() + np.ascontiguousarray(part).tobytes() for part in parts)
        row = [("heard", "u8"), ("sums", "i4", self.plan.classes), ("detected", "i4")]
        made = np.frombuffer(self._run(sent), np.dtype([*row, ("outputs", self.plan.output, self.plan.classes)]))
        return Answers(*(made[name] for name in Answers._fields))

    def offline(self, recording: np.ndarray) -> Answers:
        """What NumPy makes of the whole recording: its features, the model on each window of them, the decisions."""
        made = inputs(self.plan, self.frontend, recording)
        real = made.astype(np.float32) * np.float32(self.frontend.step)
        given = quantize(preprocessed(real, self.said), self.code.inputs[0])
        outputs = np.frombuffer(self._run(given.tobytes(), "model"), self.plan.output).reshape(-1, self.plan.classes)
        decided: Decisions = decide(self.plan, outputs)
        return Answers(self.plan.times(len(outputs)), decided.sums, decided.detected, outputs)

    def selftest(self, recording: np.ndarray) -> dict[str, str]:
        """The sources of the stream with a golden one."""
        offline = self.offline(recording)
        return self.files | selftest_source(self.plan, "m", recording, offline.outputs, offline.detected)

    def _run(self, sent: bytes, *arguments: str) -> bytes:
        ran = subprocess.run([self.program, *arguments], input=sent, capture_output=True)
        assert ran.returncode == 0, ran.stderr.decode()
        return ran.stdout


def small_model(elements: int, classes: int, seed: int, scale: float, dtype: str = "INT8") -> bytes:
    """A dense layer and a softmax over features, which says something else for each."""
    random, graph = np.random.default_rng(seed), Graph()
    x = graph.input([1, elements], scale, 3 if dtype == "INT8" else 0, dtype)
    weights = random.integers(-127, 128, (classes, elements)).astype(np.int8)
    logits = graph.dense(x, weights, None, scale=0.05, zero=0, scales=0.4 / np.sqrt(elements) / 70 / scale)
    output = (1 / 256, -128) if dtype == "INT8" else (1 / 32768, 0)
    return graph.finish(graph.unary("SOFTMAX", logits, *output, "SoftmaxOptions", beta=1.0))


def build(folder: Path, frontend, raw: Raw, settings: Stream, model: bytes, said=AS_IT_IS, compiler="gcc"):
    """Compiles it without a warning, with sanitizers."""
    code = generate(model, "m")
    of = plan(settings, frontend, raw, code.outputs[0])
    files = frontend_source(frontend, raw, "m") | stream_source(of, frontend, said, code.inputs[0], "m")
    kinds = {"INPUT": f"{code.inputs[0].dtype}_t", "OUTPUT": f"{of.output}_t"}
    defined = [f"-D{name}={kind}" for name, kind in kinds.items()]
    for name, text in (code.files | files | {"main.c": MAIN}).items():
        (folder / name).write_text(text, encoding="ascii")
    command = [compiler, *STRICT, *CHECKED, *defined, "main.c", "m.c", "m_features.c", "m_stream.c", "-o", "stream"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Built(folder / "stream", of, frontend, code, said, files)
