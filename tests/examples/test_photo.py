"""The example of phone photography: what its folder promises, and a build of a copy of it."""

import hashlib
import importlib
import json
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

PHOTO = Path(__file__).parents[2] / "examples" / "photo"
MODULES = ("pictures", "quality", "tiling")


@pytest.fixture
def photo(monkeypatch):
    """The modules of the example, as its scripts import them."""
    monkeypatch.syspath_prepend(PHOTO)
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield importlib.import_module
    for name in MODULES:
        sys.modules.pop(name, None)


def test_no_photograph_is_in_both_parts(photo):
    data = photo("pictures").dataset()
    assert set(data["photograph_train"]) == {"astronaut", "coffee", "flower", "rocket"}
    assert set(data["photograph_test"]) == {"chelsea", "china"}
    assert len(data["x_test"]) == len(data["y_test"]) == len(data["photograph_test"])
    assert not {tile.tobytes() for tile in data["y_train"]} & {tile.tobytes() for tile in data["y_test"]}


def test_a_dataset_is_the_same_each_time(photo):
    first, second = photo("pictures").dataset(), photo("pictures").dataset()
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_the_noise_is_that_of_its_two_parts(photo):
    pictures = photo("pictures")
    for byte in 64, 128:
        grey = np.full((200, 200, 3), byte, np.uint8)
        noise = pictures.noisy(grey, np.random.default_rng(0)).astype(float) - byte
        wanted = 255 * np.sqrt(pictures.SHOT * byte / 255 + pictures.READ**2)
        assert noise.std() == pytest.approx(wanted, rel=0.02)
        assert abs(noise.mean()) < 1


def test_the_ratio_is_that_of_its_definition(photo):
    one = np.zeros((2, 4, 4, 3))
    other = one + np.array([0.1, 0.01]).reshape(2, 1, 1, 1)
    assert photo("quality").psnr(one, other) == pytest.approx((20 + 40) / 2)


@pytest.mark.parametrize("height", (96, 98, 172, 174, 250))
@pytest.mark.parametrize("width", (96, 172, 300))
def test_tiles_leave_no_seam(photo, height, width):
    from scipy.ndimage import maximum_filter

    tiling = photo("tiling")
    picture = np.random.default_rng(height).integers(0, 256, (height, width, 3)).astype(np.uint8)
    reach = 2 * tiling.HALO + 1

    def spread(tile: np.ndarray) -> np.ndarray:
        return maximum_filter(tile & 15, (reach, reach, 1), mode="constant")

    assert np.array_equal(tiling.in_tiles(picture, spread, 96), spread(picture))


@pytest.mark.parametrize("size", ((1, 1), (95, 97), (97, 300), (171, 173)))
def test_pictures_of_any_size_come_back_whole(photo, size):
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    given = []

    def same(tile: np.ndarray) -> np.ndarray:
        given.append(tile.shape)
        return tile

    assert np.array_equal(photo("tiling").in_tiles(picture, same, 96), picture)
    assert set(given) == {(96, 96, 3)}


def test_tiles_start_at_even_pixels_and_reach_the_end(photo):
    for size in range(96, 600, 2):
        begins = photo("tiling").starts(size, 96, 10)
        assert not any(begin % 2 for begin in begins)
        assert begins[0] == 0 and begins[-1] == size - 96
        assert all(0 < later - begin <= 76 for begin, later in pairwise(begins))


def test_the_app_overlaps_its_tiles_as_python_does(photo):
    app = (PHOTO / "android/app/src/main/java/photo/Tiling.kt").read_text()
    assert re.search(r"const val HALO = (\d+)", app)[1] == str(photo("tiling").HALO)


@pytest.mark.parametrize("package, folder", (("skimage", "data"), ("sklearn", "datasets/images")))
def test_photographs_are_those_of_the_packages(package, folder):
    there = Path(pytest.importorskip(package).__file__).parent / folder
    ours = [file for file in (PHOTO / "photographs").rglob("*.*g") if (there / file.name).exists()]
    assert len(ours) == {"skimage": 4, "sklearn": 2}[package]
    for file in ours:
        assert hashlib.sha256(file.read_bytes()).digest() == hashlib.sha256((there / file.name).read_bytes()).digest()


@pytest.mark.slow
def test_a_copy_of_the_folder_builds_and_denoises(tmp_path):
    copy = tmp_path / "photo"
    shutil.copytree(PHOTO, copy, ignore=shutil.ignore_patterns("build", ".edgekit", "__pycache__"))
    built = _run(copy, Path(sys.executable).parent / "edgekit", "build", "--target=gallery")
    assert built.returncode == 0, built.stdout + built.stderr
    report = json.loads((copy / "build/gallery/denoise/report.json").read_text())
    assert report["verdict"] == "pass"
    assert {line["name"] for line in report["budget"]} >= {"model_size", "metric_min", "metric_loss"}
    model = "build/gallery/denoise/model.tflite"
    assert _run(copy, sys.executable, "-c", DARKEN).returncode == 0
    done = _run(copy, sys.executable, "denoise.py", model, "dark.png", "clean.png")
    assert done.returncode == 0, done.stderr
    judged = _run(copy, sys.executable, "-c", JUDGE)
    dark, clean, differ = map(float, judged.stdout.split())
    assert clean > dark + 5, judged
    assert differ == 0, "tiles that overlap further give other bytes: a seam"


DARKEN = """
import numpy as np
from PIL import Image
from pictures import noisy, photographs
Image.fromarray(noisy(photographs("held_out")["chelsea"], np.random.default_rng(3))).save("dark.png")
"""
JUDGE = """
import numpy as np
from PIL import Image
from denoise import denoiser
from pictures import photographs
from quality import psnr
from tiling import in_tiles
true = photographs("held_out")["chelsea"]
dark, clean = (np.asarray(Image.open(name)) for name in ("dark.png", "clean.png"))
model, tile = denoiser("build/gallery/denoise/model.tflite")
print(*(psnr(true[None] / 255, made[None] / 255) for made in (dark, clean)))
print((in_tiles(dark, model, tile, 20) != clean).sum())
"""


def _run(folder, *command):
    return subprocess.run([*map(str, command)], cwd=folder, capture_output=True, text=True, timeout=1500)
