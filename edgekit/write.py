"""The output folder of a build: each file written whole, the manifest last."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from edgekit.errors import OutputError
from edgekit.report.markdown import markdown
from edgekit.report.types import Manifest, Report
from edgekit.store import copy, sha256, write
from edgekit.types import Artifact

LOG = "build.log"


def check_writable(folder: Path) -> None:
    """Refuses an output folder that cannot be written, before any stage spends time; makes nothing.

    Raises:
      OutputError: says which part of the path is in the way.
    """
    place = folder.absolute()
    while not place.exists() and not place.is_symlink():
        place = place.parent
    if not place.is_dir():
        raise OutputError(f"{folder}: cannot be written: {place} is not a folder; choose another with --out=DIR")
    if not os.access(place, os.W_OK | os.X_OK):
        raise OutputError(f"{folder}: cannot be written: no permission in {place}; choose another with --out=DIR")


def write_build(files: dict[str, Artifact], report: Report, manifest: Manifest, folder: Path, log: Path) -> None:
    """Writes what ships, the reports and the manifest. What lies there already with the same bytes is left alone.

    Args:
      files: what ships, by its path in the folder.
      manifest: its outputs are filled in here.
      folder: `DIR/TARGET/MODEL`.
      log: what the libraries printed, as the store keeps it.

    Raises:
      OutputError: the folder cannot be written.
    """
    for path, artifact in files.items():
        copy(artifact, folder / path)
    for file in (folder / "c").glob("*"):
        if f"c/{file.name}" not in files:
            file.unlink()  # of an earlier build with other settings
    write(folder / "report.json", json(report))
    write(folder / "report.md", markdown(report).encode())
    write(folder / LOG, log.read_bytes() if log.is_file() else b"")
    outputs = [_output(folder, path) for path in (*files, "report.json", "report.md", LOG)]
    write(folder / "manifest.json", json(msgspec.structs.replace(manifest, outputs=outputs)))


def json(value: object) -> bytes:
    """A type as JSON that a person can read and git can compare."""
    return msgspec.json.format(msgspec.json.encode(value, enc_hook=float), indent=2) + b"\n"


def _output(folder: Path, path: str) -> Artifact:
    file = folder / path
    return Artifact(file.suffix.lstrip("."), path, file.stat().st_size, sha256(file))
