"""A stream on a simulated core: its self-test, the instructions of an answer and the memory between them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from msgspec import Struct

from edgekit.ccode.generate import Code
from edgekit.emit.render import render
from edgekit.firmware.cores import CORES
from edgekit.firmware.run import BOARD, INSTRUCTION, check_core, compile_image, simulate


class Streamed(Struct, frozen=True):
    """What a simulated core made of a golden stream."""

    core: str
    differing: int
    """Answers that are missing or others than the build's; -1 where the model failed."""
    answers: int
    instructions: float
    """From an answer to the next, the mean: the new frames and the model."""
    least: int
    most: int
    state: int
    """Bytes of `NAME_stream`."""
    stack: int
    """Bytes that were used."""


def run_stream(code: Code, files: dict[str, str], core: str) -> Streamed:
    """Builds an image of a stream and feeds it the golden one.

    Args:
      code: of the model.
      files: the sources of the front-end, the stream and its self-test, by name.
      core: one of `CORES`.

    Raises:
      TargetError: there is no such core.
      SetupError: a tool is not installed.
      WorkerError: the image does not fit, hung or failed.
    """
    check_core(core)
    main = render("stream.c.jinja", {"name": code.name, "macro": code.name.upper()}, BOARD)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for file, text in (code.files | files | {"main.c": main}).items():
            (folder / file).write_text(text, encoding="ascii")
        sources = [file for file in (*code.files, *files, "main.c") if file.endswith(".c")]
        image = compile_image(code, sources, CORES[core], folder, "stream.elf")
        (said_differing,), figures = simulate(image, CORES[core], 1, [4])
    per_tick = CORES[core].tick / INSTRUCTION
    between = max(1, figures[0] - 1)
    return Streamed(
        core=core,
        differing=int.from_bytes(said_differing, "little", signed=True),
        answers=figures[0],
        instructions=(figures[2] / between - figures[1]) * per_tick,
        least=round((figures[3] - figures[1]) * per_tick),
        most=round((figures[4] - figures[1]) * per_tick),
        state=figures[6],
        stack=figures[5],
    )
