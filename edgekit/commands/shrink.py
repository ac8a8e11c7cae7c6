"""`invoke shrink`: a smaller file with the same outputs."""

from __future__ import annotations

import tempfile
from pathlib import Path

from msgspec import Struct

from edgekit.engine import worker
from edgekit.files import check_writable, write
from edgekit.report.text import shown
from edgekit.runtimes import RUNTIMES, installed
from edgekit.shrink.file import less, shrink_file
from edgekit.shrink.proof import TIME_LIMIT, holds, prove
from edgekit.shrink.settings import Shrink
from edgekit.types import INTEGER, StrippedFacts


class ShrinkResult(Struct, frozen=True):
    """What became of a file."""

    path: str
    before: int
    """Bytes."""
    after: int
    macs: tuple[int, int]
    """Multiply-accumulates before and after."""
    proven: dict[str, str]
    """For each runtime, what held: outputs identical, or that it runs neither file."""
    carried: str
    """Metadata, and files that are packed behind the model; "" where it has none."""
    kept: bool
    """Whether the smaller file was written; else the original was, and `proven` says why."""


def shrink(path: Path, out: Path, keep_names: bool) -> ShrinkResult:
    """Writes `out/NAME.tflite`: the smaller file if every installed runtime answers bit for bit the same, else the
    original.

    Args:
      keep_names: leave the names of inner tensors, for debugging.

    Raises:
      ModelError: the file is no `.tflite`.
      OutputError: the folder cannot be written.
    """
    check_writable(out)
    for settings in less(Shrink(keep_names)):
        with tempfile.TemporaryDirectory() as folder:
            slim = worker.call_confined(
                shrink_file,
                str(path),
                settings,
                returns=StrippedFacts,
                what=str(path),
                writes=[folder],
                time_limit=TIME_LIMIT,
            )
            smaller = Path(folder) / INTEGER
            proven = {name: prove(path, smaller, name) for name in RUNTIMES if installed(name)}
            before, after = path.read_bytes(), smaller.read_bytes()
        if kept := all(holds(said) for said in proven.values()):
            break
    after, macs = (after, (slim.before, slim.after)) if kept else (before, (slim.before, slim.before))
    write(out / path.name, after)
    return ShrinkResult(str(out / path.name), len(before), len(after), macs, proven, slim.carried, kept)


@shown
def print_shrunk(found: ShrinkResult) -> None:
    """What shrinking a file bought, and what proves it."""
    saved = 100 * (1 - found.after / found.before)
    print(f"{found.path}: {found.before:,} → {found.after:,} B, {saved:.1f} % less")
    if found.macs[0] != found.macs[1]:
        print(f"  multiply-accumulates: {found.macs[0]:,} → {found.macs[1]:,}")
    if found.carried:
        print(f"  carried along: {found.carried}")
    for runtime, said in found.proven.items():
        print(f"  {runtime + ':':<16} {said}")
    if not found.kept:
        print("  so the original was written")
