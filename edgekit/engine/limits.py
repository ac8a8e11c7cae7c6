"""How much processor time and memory it may take to look at a file, by its size.

Processor time does not pass while other programs run, so that a limit says the same on a busy machine.
"""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import TypedDict

MEMORY, MEMORY_PER_CORE, MEMORY_PER_BYTE = 4 << 30, 64 << 20, 32
"""Bytes: TensorFlow, its threads' stacks, and copies of the model in the forms that it takes."""
WALL = 10
"""Seconds of any time for each of processor time: what waits instead of computing is ended too."""


class Look(Enum):
    """A way to look at a file: seconds that it may take, and seconds more for each MiB of the file."""

    READ = 10.0, 1.0
    """Its structure is read."""
    WRITE = 20.0, 4.0
    """C is written of it."""
    LOAD = 30.0, 4.0
    """TensorFlow loads and converts it; to import TensorFlow takes 5 s of them."""
    RUN = 30.0, 8.0
    """A runtime runs it once, or tries out its arena."""
    COMPILE = 60.0, 60.0
    """Vela compiles it."""


class Limits(TypedDict):
    """Arguments of `edgekit.engine.worker.call_confined`."""

    processor: float
    time_limit: float
    memory: int


def limits(path: Path | str, look: Look) -> Limits:
    """What looking at a file, or at all files of a folder, may take."""
    place = Path(path)
    files = place.rglob("*") if place.is_dir() else [place]
    size = sum(file.stat().st_size for file in files if file.is_file())
    seconds, more = look.value
    processor = seconds + more * size / (1 << 20)
    memory = MEMORY + MEMORY_PER_CORE * (os.cpu_count() or 1) + MEMORY_PER_BYTE * size
    return Limits(processor=processor, time_limit=WALL * processor, memory=memory)
