"""Images of every kind that people have, each read as it is meant or refused by name; and folders of every kind."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from edgekit.data.check import check_data
from edgekit.data.folder import read_folder
from edgekit.data.read import read_dataset
from edgekit.data.spec import DataSpec, Preprocessing
from edgekit.errors import DataError
from edgekit.types import TensorSpec

RED = (200, 40, 20)
GREY = round(0.299 * 200 + 0.587 * 40 + 0.114 * 20)
RAMP = np.arange(16, dtype=np.uint16).reshape(4, 4) * 300


def inputs(channels, height=4, width=4):
    return (TensorSpec("x", (1, height, width, channels), "float32"),)


def saved(image, form="PNG", **named):
    out = io.BytesIO()
    image.save(out, form, **named)
    return out.getvalue()


def png16(color, samples):
    """A PNG of 4 x 4 pixels with 16 bits a channel, which Pillow does not write in colour."""

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    rows = b"".join(b"\0" + b"\x12\x34" * samples * 4 for _ in range(4))
    header = struct.pack(">IIBBBBB", 4, 4, 16, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def plain(mode, color):
    return Image.new(mode, (4, 4), color)


def palette():
    image = plain("P", 1)
    image.putpalette([0, 0, 0, *RED])
    return image


def half_white():
    """The upper half is white."""
    image = plain("L", 0)
    image.paste(255, (0, 0, 4, 2))
    return image


def turned(orientation):
    """As a camera stores it that was held otherwise: upright, the upper half is white."""
    transposed = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    image, exif = half_white().transpose(transposed[orientation]), Image.Exif()
    exif[0x0112] = orientation
    return saved(image, "PNG", exif=exif)


TRANSPARENT = plain("RGBA", (*RED, 128))
FRAMES = [plain("L", 0), plain("L", 255)]
RIGHT = {
    # file, what a model of grey sees, its type, what a model of colour sees
    "colour": (saved(plain("RGB", RED)), GREY, "uint8", RED),
    "grey": (saved(plain("L", 77)), 77, "uint8", (77,) * 3),
    "black and white": (saved(plain("1", 1)), 255, "uint8", (255,) * 3),
    "palette": (saved(palette()), GREY, "uint8", RED),
    "GIF": (saved(palette(), "GIF"), GREY, "uint8", RED),
    "alpha that hides nothing": (saved(plain("RGBA", (*RED, 255))), GREY, "uint8", RED),
    "grey with alpha that hides nothing": (saved(plain("LA", (77, 255))), 77, "uint8", (77,) * 3),
    "CMYK": (saved(plain("CMYK", (0, 255, 255, 0)), "TIFF"), 76, "uint8", (255, 0, 0)),
    "16 bits": (saved(Image.fromarray(RAMP)), RAMP, "uint16", None),
    "16 bits in TIFF": (saved(Image.fromarray(RAMP), "TIFF"), RAMP, "uint16", None),
    "16 bits in PGM": (b"P5 4 4 65535\n" + RAMP.astype(">u2").tobytes(), RAMP, "uint16", None),
    "32 bits": (saved(Image.fromarray(RAMP.astype("i4") * 99), "TIFF"), RAMP * 99.0, "int32", None),
    "floats": (saved(Image.fromarray(RAMP / np.float32(7)), "TIFF"), RAMP / np.float32(7), "float32", None),
    "held upside down": (turned(3), np.asarray(half_white()), "uint8", None),
    "held to the left": (turned(6), np.asarray(half_white()), "uint8", None),
    "held to the right": (turned(8), np.asarray(half_white()), "uint8", None),
}
REFUSED = {
    "transparent": (saved(TRANSPARENT), "transparent pixels"),
    "grey and transparent": (saved(plain("LA", (77, 0))), "transparent pixels"),
    "a transparent colour of a palette": (saved(palette(), transparency=1), "transparent pixels"),
    "a transparent colour": (saved(plain("RGB", RED), transparency=RED), "transparent pixels"),
    "animated GIF": (saved(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:]), "2 frames"),
    "animated PNG": (saved(FRAMES[0], "PNG", save_all=True, append_images=FRAMES[1:]), "2 frames"),
    "animated WebP": (saved(FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:]), "2 frames"),
    "TIFF of two pages": (saved(FRAMES[0], "TIFF", save_all=True, append_images=FRAMES[1:]), "2 frames"),
    "colour of 16 bits": (png16(2, 3), "16 bits in each"),
    "grey and alpha of 16 bits": (png16(4, 2), "16 bits in each"),
    "colour and alpha of 16 bits": (png16(6, 4), "16 bits in each"),
    "PGM of 12 bits": (b"P5 4 4 4095\n" + RAMP.astype(">u2").tobytes(), "largest value is 4095"),
    "PGM of 7 bits": (b"P5 4 4 100\n" + bytes(16), "largest value is 100"),
    "nothing": (b"", "cannot be read as an image"),
    "half of one": (
        saved(Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)))[:900],
        "cannot be read",
    ),
    "a web page": (b"<html>not found</html>", "cannot be read as an image"),
}


@pytest.fixture
def put(tmp_path):
    """Writes files by their path below the dataset's folder, which it returns."""

    def write(**files):
        for name, content in files.items():
            place = tmp_path / "data" / name.replace("__", "/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.with_suffix(".png").write_bytes(content)
        return tmp_path / "data"

    return write


@pytest.mark.parametrize("kind", RIGHT)
def test_read_as_it_is_meant(kind, put):
    content, grey, dtype, color = RIGHT[kind]
    folder = put(a__one=content, b__two=content)
    x, y = read_folder(folder, inputs(1))
    assert x.dtype == dtype and y.tolist() == [0, 1]
    assert np.allclose(x[0, :, :, 0], grey, atol=1)
    x, _ = read_folder(folder, inputs(3))
    assert np.allclose(
        x[1], np.broadcast_to(np.asarray(grey)[..., None] if color is None else color, (4, 4, 3)), atol=1
    )


@pytest.mark.parametrize("kind", REFUSED)
def test_refused_by_name(kind, put):
    content, word = REFUSED[kind]
    with pytest.raises(DataError) as refused:
        read_folder(put(a__one=saved(plain("L", 7)), b__two=content), inputs(1))
    assert "b/two.png: " in str(refused.value) and word in str(refused.value), refused.value


def test_wide_values_keep_their_range_in_another_size(put):
    x, _ = read_folder(put(a__one=saved(Image.fromarray(RAMP)), b__two=saved(Image.fromarray(RAMP))), inputs(1, 2, 2))
    assert x.dtype == np.uint16 and 300 < x.min() < x.max() > 3000 and abs(x[0].mean() - RAMP.mean()) < 2


@pytest.mark.parametrize("other", ["16 bits", "32 bits", "floats"])
def test_two_bit_depths_in_one_dataset_are_named(other, put):
    folder = put(a__one=saved(plain("L", 7)), b__two=RIGHT[other][0])
    with pytest.raises(DataError, match=rf"b/two\.png: holds {RIGHT[other][2]}, but .*a/one\.png holds uint8"):
        read_folder(folder, inputs(1))


def one_image():
    return saved(plain("L", 7))


def nested(put):
    return put(train__a__one=one_image(), train__b__two=one_image())


def linked(put):
    folder = put(a__one=one_image(), b__two=one_image())
    (folder / "c").symlink_to(folder / "b")
    return folder


def looped(put):
    folder = put(a__one=one_image(), b__two=one_image())
    (folder / "a" / "again").symlink_to(folder)
    return folder


def image_loop(put):
    folder = put(a__one=one_image(), b__two=one_image())
    (folder / "b" / "x.png").symlink_to(folder / "b" / "x.png")
    return folder


def folder_as_image(put):
    folder = put(a__one=one_image(), b__two=one_image())
    (folder / "b" / "x.png").mkdir()
    return folder


def pipe(put):
    folder = put(a__one=one_image(), b__two=one_image())
    os.mkfifo(folder / "b" / "x.png")
    return folder


def empty(put):
    folder = put(a__one=b"")
    (folder / "a" / "one.png").unlink()
    return folder


BAD_FOLDERS = {
    nested: ["train/a", "a folder inside of a class"],
    linked: ["/c: a link to a folder"],
    looped: ["a/again", "a folder inside of a class"],
    image_loop: ["b/x.png"],
    folder_as_image: ["b/x.png"],
    pipe: ["b/x.png"],
    empty: ["no images"],
    lambda put: put(a__one=one_image(), b__two=one_image(), c__three=one_image()): ["3 class folders", "2 classes"],
}


@pytest.mark.parametrize("make", BAD_FOLDERS, ids=lambda make: make.__name__)
def test_folders_that_are_no_dataset(make, put):
    with pytest.raises(DataError) as refused:
        read_folder(make(put), inputs(1), 2)
    assert [word for word in BAD_FOLDERS[make] if word not in str(refused.value)] == [], refused.value


def test_what_is_hidden_or_no_image_is_left_out_and_told(put, tmp_path):
    many = {f"{label}__{number}": one_image() for label in "ab" for number in range(5)}
    folder = put(**many)
    for hidden in (".git", "__MACOSX"):
        (folder / hidden / "inner").mkdir(parents=True)
    for name in (".DS_Store", "Thumbs.db", "notes.txt", "photo.heic"):
        (folder / "a" / name).write_bytes(b"x")
    (folder / "readme.md").write_bytes(b"x")
    data = DataSpec(str(folder), "", Preprocessing(), inputs(1), 2, 0)
    facts = check_data.run(str(tmp_path), data)
    assert (facts.train, facts.evaluation, facts.labels) == (8, 2, ("a", "b"))
    assert "2 files in class folders are no images and were left out, such as notes.txt" in " ".join(facts.notes)


def test_one_folder_has_no_labels_and_an_empty_one_keeps_its_number(put, tmp_path):
    folder = put(**{f"all__{number}": one_image() for number in range(10)})
    data = DataSpec(str(folder), "", Preprocessing(), inputs(1), 3, 0)
    assert read_dataset(data).evaluation.y is None and not check_data.run(str(tmp_path), data).labelled
    put(**{f"some__{number}": one_image() for number in range(10)})
    (folder / "b").mkdir()
    assert set(read_dataset(data).train.y) == {0, 2}
    assert "class folders without images: b" in " ".join(check_data.run(str(tmp_path), data).notes)
