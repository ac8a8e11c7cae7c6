"""What a stranger's data file may claim, and what opening it may do."""

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgekit.data import archive, picture
from edgekit.data.archive import read_archive
from edgekit.data.folder import read_folder
from edgekit.errors import DataError
from edgekit.types import TensorSpec

IMAGE = TensorSpec("image", (1, 8, 6, 3), "float32")


def npy(array=None, shape=None, dtype="<f4", body=b""):
    """The bytes of an array, or of a header that claims one."""
    out = io.BytesIO()
    if array is not None:
        np.lib.format.write_array(out, array)
        return out.getvalue()
    np.lib.format.write_array_header_1_0(out, {"descr": dtype, "fortran_order": False, "shape": shape})
    return out.getvalue() + body


def zipped(path: Path, members, compression=zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members:
            file.writestr(name, content)
    return path


ARRAYS = [np.zeros((3, 4), t) for t in ("?", "u1", "i1", "<i2", ">i2", "<f2", "<f4", "<f8", "<c8", "<U5", "S3")]


@pytest.mark.parametrize("array", [*ARRAYS, np.asfortranarray(ARRAYS[6]), np.float32(1), np.zeros((0, 2))])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_what_numpy_writes_is_read(tmp_path, array, save):
    save(tmp_path / "d.npz", x=array, y=np.arange(3))
    found = read_archive(tmp_path / "d.npz")
    assert found["x"].dtype == array.dtype and np.array_equal(found["x"], array) and list(found) == ["x", "y"]


REFUSED = {
    "claims more than is there": ([("x.npy", npy(shape=(10**6,), body=b"1234"))], "speaks of 4,000,000 B, and 4 B"),
    "claims less than is there": ([("x.npy", npy(shape=(1,), body=b"12345678"))], "speaks of 4 B, and 8 B"),
    "an overflow of the size": ([("x.npy", npy(shape=(2**40, 2**40)))], "cannot be read as .npz"),
    "a negative size": ([("x.npy", npy(shape=(-1, 4), body=b"1234"))], "save plain numeric arrays"),
    "objects": ([("x.npy", npy(np.array([{}], object)))], "pickled Python objects"),
    "objects in a structure": ([("x.npy", npy(np.zeros(2, [("a", object)])))], "pickled Python objects"),
    "a structure": ([("x.npy", npy(np.zeros(2, [("a", "f4"), ("b", "i4")])))], "save plain numeric arrays"),
    "dates": ([("x.npy", npy(np.zeros(2, "M8[s]")))], "save plain numeric arrays"),
    "one name twice": ([("x.npy", npy(np.zeros(1))), ("x.npy", npy(np.ones(1)))], "two arrays of one name"),
    "a member that is no array": ([("x.npy", npy(np.zeros(1))), ("run.sh", b"rm")], "'run.sh' is no array"),
    "a header that is code": ([("x.npy", npy(np.zeros(1)).replace(b"False", b"f()  "))], "cannot be read as .npz"),
    "a header that does not end": ([("x.npy", npy(np.zeros(1)).replace(b"}", b" "))], "the header of x is cut off"),
    "no header": ([("x.npy", b"")], "cannot be read as .npz"),
    "a header longer than any": ([("x.npy", b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31) + b" " * 99)], "cannot be"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", REFUSED)
def test_an_archive_that_is_not_what_it_says(tmp_path, name):
    members, says = REFUSED[name]
    with pytest.raises(DataError, match=rf"d\.npz: .*{says}") as caught:
        read_archive(zipped(tmp_path / "d.npz", members))
    assert "\n" not in str(caught.value)


def test_a_bomb_is_not_opened(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "d.npz", x=np.zeros((200, 1 << 20), np.uint8))
    monkeypatch.setattr(np.lib.format, "read_array", lambda *_, **__: pytest.fail("was read"))
    with pytest.raises(DataError, match=r"would take 209,715,200 B, and a file of this size may hold .*100 times"):
        read_archive(tmp_path / "d.npz")


def test_more_than_the_free_memory_is_not_opened(tmp_path, monkeypatch):
    import psutil

    np.savez(tmp_path / "d.npz", x=np.zeros(1 << 20, np.uint8))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Free", (), {"available": 1 << 20}))
    with pytest.raises(DataError, match=r"would take 1,048,576 B, and 1,048,576 B of memory are free"):
        read_archive(tmp_path / "d.npz")


def test_what_is_not_wanted_is_not_read_and_does_not_count(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "ALWAYS", 1000)
    monkeypatch.setattr(archive, "EXPANSION", 0)
    np.savez(tmp_path / "d.npz", x=np.zeros(1), more=np.zeros(1 << 20))
    found = read_archive(tmp_path / "d.npz", lambda name: name == "x")
    assert found["x"].size == 1 and found["more"].size == 0


def class_folder(folder: Path, name: str, content: bytes) -> Path:
    (folder / "a").mkdir(parents=True)
    (folder / "a" / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM"])
def test_the_usual_formats_are_read_whatever_their_ending(tmp_path, kind):
    made = io.BytesIO()
    Image.new("RGB", (12, 9), (200, 200, 200)).save(made, kind)
    x, y = read_folder(class_folder(tmp_path / "d", "one.png", made.getvalue()), (IMAGE,))
    assert abs(int(x[0, 4, 3, 0]) - 200) < 3 and y.tolist() == [0]


def test_an_image_that_would_start_a_program_is_not_opened(tmp_path, monkeypatch):
    """Pillow gives EPS to Ghostscript, whatever the file is called."""
    (tmp_path / "bin").mkdir()
    for name in ("gs", "gswin32c"):
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin", prepend=":")
    made = io.BytesIO()
    Image.new("RGB", (12, 9)).save(made, "EPS")
    with pytest.raises(DataError, match=r"one\.png: cannot be read as an image"):
        read_folder(class_folder(tmp_path / "d", "one.png", made.getvalue()), (IMAGE,))
    assert not (tmp_path / "ran").exists()


PNG = b"\x89PNG\r\n\x1a\n"
DAMAGED = {
    "nothing": b"",
    "a head": PNG,
    "text": b"hello",
    "raw": b"P6 20 20 255\n123",
    "a bitmap": b"BM" + bytes(60),
    "a GIF": b"GIF89a" + bytes(20),
    "a TIFF": b"II*\0\x08\0\0\0" + bytes(30),
    "a JPEG": b"\xff\xd8\xff\xe0" + bytes(30),
    "a WebP": b"RIFF\x24\0\0\0WEBPVP8 " + bytes(30),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_image_is_named(tmp_path, name):
    with pytest.raises(DataError, match=r"a/one\.png: cannot be read as an image .*remove or replace"):
        read_folder(class_folder(tmp_path / "d", "one.png", DAMAGED[name]), (IMAGE,))


def test_images_have_limits(tmp_path, monkeypatch):
    made = io.BytesIO()
    Image.new("L", (300, 200)).save(made, "PNG")
    folder = class_folder(tmp_path / "d", "one.png", made.getvalue())
    monkeypatch.setattr(picture, "PIXELS", 50_000)
    with pytest.raises(DataError, match=r"one\.png: has 300 x 200 pixels, and an image may have 50,000"):
        read_folder(folder, (IMAGE,))
    monkeypatch.setattr(picture, "BYTES", 10)
    with pytest.raises(DataError, match=r"one\.png: takes \d+ B, and an image may take 10"):
        read_folder(folder, (IMAGE,))
