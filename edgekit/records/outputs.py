"""The output folder of a build: each file written whole, the manifest last."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from edgekit.engine.store import Store
from edgekit.files import sha256, write
from edgekit.report.markdown import markdown
from edgekit.report.types import Manifest, Report, Subject
from edgekit.types import Artifact


def write_build(
    files: dict[str, Artifact], report: Report, manifest: Manifest, folder: Path, log: Path, store: Store
) -> None:
    """Writes what ships, the reports and the manifest, unless all of it lies there already.

    Args:
      files: what ships and the report's pages, by their paths in the folder.
      manifest: its outputs are filled in here.
      folder: `DIR/TARGET/MODEL`.
      log: what the libraries printed, as the store keeps it.

    Raises:
      OutputError: the folder cannot be written.
    """
    texts = {
        "report.json": json(report),
        "report.md": markdown(report).encode(),
        "build.log": log.read_bytes() if log.is_file() else b"",
    }
    outputs = [msgspec.structs.replace(artifact, path=path) for path, artifact in files.items()]
    outputs += [
        Artifact(path.rpartition(".")[2], path, len(text), hashlib.sha256(text).hexdigest())
        for path, text in texts.items()
    ]
    subject = [Subject(output.path, {"sha256": output.sha256}) for output in outputs]
    whole = json(msgspec.structs.replace(manifest, outputs=outputs, subject=subject))
    there = folder / "manifest.json"
    if there.is_file() and there.read_bytes() == whole and all(intact(folder, output) for output in outputs):
        return
    with store.writing():
        for path, artifact in files.items():
            if not intact(folder, msgspec.structs.replace(artifact, path=path)):
                write(folder / path, Path(artifact.path).read_bytes())
        for path, text in texts.items():
            write(folder / path, text)
        for file in (folder / "c").glob("*"):
            if f"c/{file.name}" not in files:
                file.unlink()  # of an earlier build with other settings
        write(there, whole)


def intact(folder: Path, output: Artifact) -> bool:
    """Whether an output lies in its folder as it was written."""
    file = folder / output.path
    return file.is_file() and file.stat().st_size == output.bytes and sha256(file) == output.sha256


def json(value: object) -> bytes:
    """A type as JSON that a person can read and git can compare."""
    return msgspec.json.format(msgspec.json.encode(value, enc_hook=float), indent=2) + b"\n"


class ReleasedFiles(msgspec.Struct, frozen=True):
    """One build, with every byte of it as it was when the gate passed it."""

    target: str
    model: str
    folder: Path
    manifest: Manifest
    report: Report
    files: dict[str, bytes]
    """The outputs and `manifest.json`, by their paths in the folder."""
    notes: list[str]
    """What the gate let pass: limits that were not decided, and what was allowed."""
