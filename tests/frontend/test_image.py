"""Pictures: the same in NumPy, in C and on a core, and as near to other libraries as stated."""

from pathlib import Path

import numpy as np
import pytest
from c_probe import in_c
from core_probe import on_core, samples
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from edgekit.config import decode
from edgekit.errors import ProjectError
from edgekit.firmware.run import missing
from edgekit.frontend.base import Raw
from edgekit.frontend.image import Box, Image
from edgekit.frontend.kinds import AnyFrontend

PIXELS = ("rgb", "bgr", "grey", "rgb565le", "rgb565be")
GREY = np.array([0.299, 0.587, 0.114])


@pytest.fixture(scope="module")
def photographs() -> list[Pillow.Image]:
    skimage = pytest.importorskip("skimage")
    folder = Path(skimage.__file__).parent / "data"
    return [Pillow.open(folder / name).convert("RGB") for name in ("astronaut.png", "chelsea.png", "coffee.png")]


def bytes_of(picture: Pillow.Image, height: int, width: int) -> np.ndarray:
    """(1, height, width, 3) uint8."""
    return np.asarray(picture.resize((width, height)))[None]


def packed(rgb: np.ndarray) -> np.ndarray:
    """Pictures as a camera gives them in rgb565le."""
    r, g, b = (rgb[..., i].astype(np.uint16) for i in range(3))
    return (r >> 3 << 11 | g >> 2 << 5 | b >> 3).astype(np.uint16)


def in_reals(image: Image, raw: np.ndarray) -> np.ndarray:
    """Features in float64, from matrices of shares of the rows and columns."""
    if raw.dtype == np.uint16:
        word = raw.byteswap() if image.pixels == "rgb565be" else raw
        rgb = np.stack([repeated(word >> 11, 5), repeated(word >> 5 & 63, 6), repeated(word & 31, 5)], axis=-1)
    elif image.pixels == "grey":
        rgb = np.stack([raw] * 3, axis=-1)
    else:
        rgb = raw[..., ::-1] if image.pixels == "bgr" else raw
    colours = {"rgb": rgb, "bgr": rgb[..., ::-1]}.get(image.colours, (rgb @ GREY)[..., None])
    box = image.box
    part = colours[:, box.top : box.top + box.height, box.left : box.left + box.width].astype(float)
    shares = {"bilinear": nearest_two}.get(image.resize, covered)
    return np.einsum(
        "oh,pw,nhwc->nopc", shares(box.height, image.made[0]), shares(box.width, image.made[1]), part, optimize=True
    )


def repeated(values: np.ndarray, bits: int) -> np.ndarray:
    """Values of so many bits as bytes, whose bits are those of the value over and over."""
    return np.array([int((f"{value:0{bits}b}" * 2)[:8], 2) for value in range(1 << bits)])[values]


def covered(old: int, new: int) -> np.ndarray:
    """Share (new, old) of each old pixel in each new one, by area."""
    edges = np.arange(new + 1)[:, None] * old / new
    inside = np.clip(edges - np.arange(old), 0, 1)
    return np.diff(inside, axis=0) * new / old


def nearest_two(old: int, new: int) -> np.ndarray:
    """Share (new, old) of each old pixel in each new one, by distance of the centres."""
    centre = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    return np.maximum(1 - np.abs(centre[:, None] - np.arange(old)), 0)


@st.composite
def cases(draw) -> tuple[Image, np.ndarray]:
    height, width = draw(st.integers(1, 24)), draw(st.integers(1, 24))
    top, left = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
    box = Box(top=top, left=left, height=draw(st.integers(1, height - top)), width=draw(st.integers(1, width - left)))
    resize = draw(st.sampled_from(["area", "bilinear", "none"]))
    size = st.tuples(st.integers(1, 30), st.integers(1, 30))
    image = Image(
        pixels=draw(st.sampled_from(PIXELS)),
        height=height,
        width=width,
        crop=draw(st.sampled_from(["none", "square", box])),
        resize=resize,
        size=None if resize == "none" else draw(size),
        colours=draw(st.sampled_from(["rgb", "bgr", "grey"])),
    )
    return image, samples(image.raw, draw(st.integers(0, 2**32 - 1)), 20)


@given(case=cases())
@settings(max_examples=300)
def test_features_are_what_real_numbers_give_to_half_a_step(case):
    image, raw = case
    bound = 1.0 if image.colours == "grey" and image.pixels != "grey" else 0.5
    assert np.abs(image.features(raw) - in_reals(image, raw)).max() <= bound + 1e-4


@given(case=cases(), compiler=st.sampled_from(["gcc", "clang"]))
@settings(max_examples=20)
def test_c_gives_the_same_bytes(case, compiler):
    image, raw = case
    assert in_c(image, raw, compiler).tobytes() == image.features(raw).tobytes()


@pytest.mark.parametrize(("old", "new", "resize"), [(4093, 3, "area"), (3, 2047, "bilinear"), (257, 2, "area")])
def test_the_largest_sums_fit(old, new, resize):
    image = Image(pixels="grey", height=old, width=old, size=(new, new), resize=resize, colours="grey")
    raw = np.full((1, old, old), 255, np.uint8)
    assert (image.features(raw) == 255).all() and (in_c(image, raw) == 255).all()


@pytest.mark.parametrize("pixels", PIXELS)
def test_c_gives_the_same_bytes_of_photographs(photographs, pixels):
    rgb = np.concatenate([bytes_of(picture, 120, 160) for picture in photographs])
    raw = {"rgb": rgb, "bgr": rgb[..., ::-1], "grey": rgb[..., 1]}.get(pixels, packed(rgb))
    raw = np.ascontiguousarray(raw.byteswap() if pixels == "rgb565be" else raw)
    for resize, crop in (("area", "none"), ("area", "square"), ("bilinear", Box(top=3, left=5, height=90, width=111))):
        image = Image(pixels=pixels, height=120, width=160, crop=crop, resize=resize, size=(96, 96))
        assert in_c(image, raw).tobytes() == image.features(raw).tobytes()


@pytest.mark.skipif(bool(missing()), reason=missing() or "all is here")
@pytest.mark.parametrize(("core", "most"), [("cortex-m4f", 2_500_000), ("cortex-m0plus", 5_000_000)])
def test_cores_give_the_same_bytes(core, most):
    raw = np.random.default_rng(0).integers(0, 65536, (2, 120, 160)).astype(np.uint16)
    image = Image(pixels="rgb565be", height=120, width=160, size=(96, 96))
    features, done = on_core(image, raw, core)
    assert features.tobytes() == image.features(raw).tobytes()
    assert done.most < most and done.stack < 3500


def test_whole_boxes_are_averaged_as_pillow_does(photographs):
    for picture in photographs:
        raw = bytes_of(picture, 480, 640)
        made = Image(height=480, width=640, size=(96, 80)).features(raw)[0]
        box = np.asarray(Pillow.fromarray(raw[0]).resize((80, 96), Pillow.Resampling.BOX)).astype(int)
        assert np.abs(made - box).max() <= 1


def test_pictures_become_larger_as_in_pillow(photographs):
    for picture in photographs:
        raw = bytes_of(picture, 60, 80)
        made = Image(height=60, width=80, size=(97, 333), resize="bilinear").features(raw)[0]
        wanted = np.asarray(Pillow.fromarray(raw[0]).resize((333, 97), Pillow.Resampling.BILINEAR)).astype(int)
        assert np.abs(made - wanted).max() <= 1


@pytest.mark.parametrize("resize", ["area", "bilinear"])
@pytest.mark.parametrize("size", [(96, 96), (37, 91), (150, 301)])
def test_pictures_are_resized_as_in_tensorflow(photographs, resize, size):
    tf = pytest.importorskip("tensorflow")
    raw = np.concatenate([bytes_of(picture, 120, 160) for picture in photographs])
    made = Image(height=120, width=160, size=size, resize=resize).features(raw)
    # TensorFlow finds positions in float32, which is what is more than 0.5.
    assert np.abs(made - tf.image.resize(raw, size, method=resize).numpy()).max() <= 0.51


def test_grey_is_that_of_pillow(photographs):
    for picture in photographs:
        raw = np.asarray(picture)[None]
        made = Image(height=raw.shape[1], width=raw.shape[2], colours="grey").features(raw)
        assert (made[0, ..., 0] == np.asarray(picture.convert("L"))).all()


def test_white_stays_white_and_the_square_is_in_the_centre():
    raw = np.zeros((1, 5, 8), np.uint16)
    raw[:, :, 1:6] = 0xFFFF
    image = Image(pixels="rgb565le", height=5, width=8, crop="square")
    assert image.box == Box(top=0, left=1, height=5, width=5)
    assert image.shape(Raw((5, 8), "uint16")) == (5, 5, 3) and (image.features(raw) == 255).all()


SQUARE = {"height": 120, "width": 160}
RGB = Raw((120, 160, 3), "uint8")


@pytest.mark.parametrize(
    ("table", "raw", "said"),
    [
        (SQUARE, Raw((96, 96, 3), "uint8"), "'rgb' are 120x160x3 uint8.*have 96x96x3 uint8"),
        (SQUARE | {"pixels": "rgb565be"}, RGB, "120x160 uint16.*120x160x3 uint8"),
        (SQUARE | {"crop": {"left": 100, "height": 96, "width": 96}}, RGB, "columns 100 to 196.*of 120x160"),
        (SQUARE | {"crop": {"top": 100, "height": 96, "width": 96}}, RGB, "rows 100 to 196.*of 120x160"),
        (SQUARE | {"resize": "none", "size": [96, 96]}, RGB, "96x96, but crop leaves 120x160"),
        ({"height": 8191, "width": 8191, "size": [96, 96]}, Raw((8191, 8191, 3), "uint8"), "does not fit 32 bits"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(table, raw, said):
    image = decode(table | {"kind": "image"}, AnyFrontend, "here", ProjectError)
    with pytest.raises(ProjectError, match=said) as refused:
        image.constants(raw)
    assert "\n" not in str(refused.value)
