"""What a `.tflite` carries for applications: metadata, and files packed as a zip archive behind the model.

Task Library and MediaPipe find labels and vocabularies there: TFLite Metadata appends a zip archive to the FlatBuffer,
whose entry `TFLITE_METADATA` names the files.

Source: https://www.tensorflow.org/lite/models/convert/metadata, "Associated files", and APPNOTE.TXT 6.3.3 of PKZIP,
4.3.12 (central directory) and 4.3.16 (its end).
"""

from __future__ import annotations

import io
import re
import struct
import zipfile

from msgspec import Struct

from edgekit.flatbuffer.edit import main_graph, move_inside, objects, packed
from edgekit.flatbuffer.read import Graph

ALIGNMENT = 16
"""Bytes: an archive keeps its place relative to this, for files in it may be mapped into memory."""
IDLE_METADATA = {b"min_runtime_version", b"CONVERSION_METADATA"}
"""Metadata that no runtime reads. Others are: TFLM's plans, what Task Library reads, what a user put there."""
_ENTRY, _END, _END_OF_64 = b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x07"


class Archive(Struct, frozen=True):
    """The zip archive behind a model."""

    start: int
    """Where it begins in the file; its own offsets may count from there or from the file's start."""
    content: bytes
    files: tuple[str, ...]


def archive(content: bytes) -> Archive | None:
    """The archive behind a model; None where there is none that can be moved."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as found:
            entries, directory, comment = found.infolist(), found.start_dir, found.comment
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error):
        return None
    end = len(content) - 22 - len(comment)
    start = min((entry.header_offset for entry in entries), default=directory)
    plain = content[end : end + 4] == _END and 0xFFFFFFFF not in struct.unpack_from("<II", content, end + 12)
    if not plain or content[end - 20 : end - 16] == _END_OF_64 or not 0 < start <= directory <= end:
        return None
    return Archive(start, content[start:], tuple(entry.filename for entry in entries))


def with_archive(model: bytes, found: Archive | None) -> bytes:
    """A model with an archive behind it: the same bytes, but for the places that it names, which count from the file's
    start.

    Args:
      model: without one.

    Raises:
      ValueError: the archive is damaged.
    """
    if found is None:
        return model
    gap = (found.start - len(model)) % ALIGNMENT
    start, moved = len(model) + gap, bytearray(found.content)
    try:
        with zipfile.ZipFile(io.BytesIO(moved)) as inside:  # alone, its offsets count from its own start
            comment, entries, directory = inside.comment, inside.infolist(), inside.start_dir
    except zipfile.BadZipFile as problem:
        raise ValueError(str(problem)) from problem
    place = directory
    for entry in entries:
        if moved[place : place + 4] != _ENTRY:
            raise ValueError("the archive's directory is damaged")
        lengths = struct.unpack_from("<HHH", moved, place + 28)
        struct.pack_into("<I", moved, place + 42, start + entry.header_offset)
        place += 46 + sum(lengths)
    struct.pack_into("<I", moved, len(moved) - 22 - len(comment) + 16, start + directory)
    return model + bytes(gap) + bytes(moved)


def metadata(content: bytes) -> tuple[str, ...]:
    """Names of the metadata that applications read."""
    model = main_graph(content)[0]
    found = (model.Metadata(n).Name() or b"" for n in range(model.MetadataLength()))
    return tuple(name.decode("utf-8", "replace") for name in found if name not in IDLE_METADATA)


def carried(content: bytes) -> str:
    """What a file carries beside its graph, in words; "" where there is nothing."""
    found = archive(content)
    parts = [*metadata(content), *(found.files if found else ())]
    parts = [re.sub(r"[^\w .:;()/+-]", "_", part)[:80] for part in parts]  # a stranger's
    return ", ".join(parts[:8]) + (f" and {len(parts) - 8} more" if len(parts) > 8 else "")


def holds(source: Graph, made: Graph) -> bool:
    """Whether what was said of a model's inputs and outputs still holds: as many, of the same shapes."""
    ends = ([spec.shape for spec in (*graph.inputs, *graph.outputs)] for graph in (source, made))
    return len(source.inputs) == len(made.inputs) and next(ends) == next(ends)


def with_carried(content: bytes, source: bytes) -> bytes:
    """A model with the metadata and the files that another one carries, of which it was made."""
    theirs, ours = objects(source), objects(content)
    move_inside(theirs, source)
    move_inside(ours, content)
    known = {entry.name for entry in ours.metadata or []}
    new = [m for m in theirs.metadata or [] if m.name not in known | IDLE_METADATA]
    for entry in new:
        ours.buffers.append(theirs.buffers[entry.buffer])
        entry.buffer = len(ours.buffers) - 1
    ours.metadata = [*(ours.metadata or []), *new]
    return with_archive(packed(ours) if new else content, archive(source))
