"""Metadata and the files that are packed behind a model, as Task Library and MediaPipe read them."""

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_graph import Graph

from edgekit.flatbuffer.associated import archive, carried, metadata, with_archive
from edgekit.flatbuffer.edit import objects, packed
from edgekit.shrink.file import carry_file, shrink_file
from edgekit.shrink.settings import Shrink

FILES = {"labels.txt": b"daisy\nrose\n", "a/vocabulary.bin": bytes(range(256)) * 9, "empty": b""}


def model(shape: tuple[int, ...] = (1, 4)) -> bytes:
    g = Graph()
    return g.finish(g.unary("RELU", g.input(shape), 0.1, 0))


def with_metadata(content: bytes, name: bytes = b"TFLITE_METADATA", data: bytes = b"\x10M001 and more") -> bytes:
    found = objects(content)
    buffer, entry = Graph().s.BufferT(), Graph().s.MetadataT()
    buffer.data = np.frombuffer(data, np.uint8)
    found.buffers.append(buffer)
    entry.name, entry.buffer = name, len(found.buffers) - 1
    found.metadata = [*(found.metadata or []), entry]
    return packed(found)


def zipped(content: bytes, way: str, method: int = zipfile.ZIP_DEFLATED, files: dict[str, bytes] = FILES) -> bytes:
    """Behind a model: appended, so that places count from the file's start, or written alone and put there."""
    place = io.BytesIO(content if way == "appended" else b"")
    with zipfile.ZipFile(place, "a", method) as file:
        file.comment = b"made for a test"
        for name, data in files.items():
            file.writestr(zipfile.ZipInfo(name, (2024, 2, 3, 4, 5, 6)), data, method)
    return place.getvalue() if way == "appended" else content + place.getvalue()


def entries(content: bytes) -> dict[str, bytes]:
    """As Python reads them, and as a reader does that trusts the places in the central directory."""
    found = {}
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        assert file.testzip() is None
        end = content.rindex(b"PK\x05\x06")
        assert int.from_bytes(content[end + 16 : end + 20], "little") == file.start_dir
        for entry in file.infolist():
            assert content[entry.header_offset : entry.header_offset + 4] == b"PK\x03\x04"
            found[entry.filename] = file.read(entry)
    return found


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("way", ["appended", "behind"])
def test_shrink_keeps_what_is_packed_behind_a_model(tmp_path, way, method):
    content = zipped(with_metadata(model() + bytes(5)), way, method)
    (tmp_path / "in.tflite").write_bytes(content)
    slim = shrink_file.run(str(tmp_path), str(tmp_path / "in.tflite"), Shrink())
    after = (tmp_path / "model.tflite").read_bytes()
    assert len(after) < len(content)
    assert slim.carried == "TFLITE_METADATA, labels.txt, a/vocabulary.bin, empty"
    assert entries(after) == FILES and metadata(after) == ("TFLITE_METADATA",)
    old, new = archive(content), archive(after)
    assert (new.start - old.start) % 16 == 0
    assert zipfile.ZipFile(io.BytesIO(after)).comment == b"made for a test"
    first = zipfile.ZipFile(io.BytesIO(content)).start_dir - old.start
    assert old.content[:first] == new.content[:first], "byte for byte but for places in the directory"


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.text(min_size=1, max_size=9), st.binary(max_size=99), max_size=5),
    st.integers(1, 99),
    st.booleans(),
)
def test_an_archive_moves_anywhere(files, size, appended):
    content = zipped(model(), "appended" if appended else "behind", files=files)
    moved = with_archive(b"x" * size, archive(content))
    with zipfile.ZipFile(io.BytesIO(content)) as before:
        wanted = {name: before.read(name) for name in before.namelist()}
    assert entries(moved) == wanted and moved.startswith(b"x" * size)


@pytest.mark.parametrize("cut", range(1, 200, 7))
def test_a_damaged_archive_is_none(cut):
    content = zipped(model(), "appended")
    found = archive(content[:-cut])
    assert found is None or entries(with_archive(model(), found)) is not None


def test_what_is_made_of_a_model_carries_the_same_where_it_still_holds(tmp_path):
    source = zipped(with_metadata(with_metadata(model(), b"min_runtime_version", b"1"), data=b"its own"), "appended")
    for name, content in (("source", source), ("made", model()), ("other", model((1, 5)))):
        (tmp_path / name).write_bytes(content)
    said = carry_file.run(str(tmp_path), str(tmp_path / "made"), str(tmp_path / "source"))
    after = (tmp_path / "model.tflite").read_bytes()
    assert said == "TFLITE_METADATA, labels.txt, a/vocabulary.bin, empty" == carried(after)
    assert entries(after) == FILES
    assert [bytes(objects(after).buffers[m.buffer].data) for m in objects(after).metadata] == [b"its own"]
    said = carry_file.run(str(tmp_path), str(tmp_path / "other"), str(tmp_path / "source"))
    assert said.startswith("left out, because inputs or outputs have other shapes now: TFLITE_METADATA, labels.txt")
    assert (tmp_path / "model.tflite").read_bytes() == model((1, 5))


def test_names_of_files_are_a_strangers():
    content = zipped(model(), "appended", files={"\x1b[31m\nlabels\r": b"", **{f"{n}": b"" for n in range(9)}})
    assert carried(content) == "__31m_labels_, 0, 1, 2, 3, 4, 5, 6 and 2 more"
