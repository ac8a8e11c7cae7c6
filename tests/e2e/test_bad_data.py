"""Wrong datasets, for the reference model: 28x28 grey images, 10 classes."""

import json
import shutil

import numpy as np
import pytest
from command_line import edgekit, statuses, typed, verbose_build
from PIL import Image
from refusal import assert_refused

COUNT = 300


@pytest.fixture
def project(built):
    """A project whose model was read before, and which has no outputs."""
    shutil.rmtree(built / "build")
    return built


@pytest.fixture
def refuse(project):
    """Builds with a dataset and asserts that it is refused."""

    def build(data, *words):
        assert_refused(typed(project, "build", "--target=phone", f"--data={data}"), project, *words)

    return build


def arrays(count=COUNT, **changed):
    rng = np.random.default_rng(0)
    good = {
        "x_train": rng.integers(0, 256, (count, 28, 28), np.uint8),
        "y_train": np.arange(count) % 10,
        "x_test": rng.integers(0, 256, (50, 28, 28), np.uint8),
        "y_test": np.arange(50) % 10,
    }
    return {k: v for k, v in (good | changed).items() if v is not None}


def with_nan():
    x = np.zeros((COUNT, 28, 28), np.float32)
    x[7, 3, 3] = np.nan
    return x


def labels(**at):
    y = np.arange(COUNT) % 10
    for index, value in at.items():
        y[int(index[1:])] = value
    return y


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (arrays(x_train=np.zeros((COUNT, 32, 32), np.uint8)), ["x_train", "32x32", "28x28x1"]),
        (arrays(x_train=np.zeros((COUNT, 28, 28, 3), np.uint8)), ["x_train", "28x28x3", "28x28x1"]),
        (arrays(x_test=np.zeros((50, 27, 28), np.uint8)), ["x_test", "27x28", "28x28x1"]),
        (arrays(x_train=np.full((COUNT, 28, 28), "a")), ["x_train", "<U1", "float32"]),
        (arrays(x_train=np.zeros((COUNT, 28, 28), complex)), ["x_train", "complex128", "float32"]),
        (arrays(x_train=np.zeros((0, 28, 28), np.uint8), y_train=np.zeros(0, int)), ["x_train", "no samples"]),
        (arrays(x_test=np.zeros((0, 28, 28), np.uint8), y_test=np.zeros(0, int)), ["x_test", "no samples"]),
        (arrays(x_train=with_nan()), ["x_train[7]", "NaN"]),
        (arrays(x_train=np.full((COUNT, 28, 28), np.inf)), ["x_train[0]"]),
        (arrays(y_train=labels(_5=10)), ["y_train[5]", "10", "0 to 9"]),
        (arrays(y_train=labels(_9=-1)), ["y_train[9]", "-1", "0 to 9"]),
        (arrays(y_train=np.full(COUNT, "cat")), ["y_train", "<U3", "0 to 9"]),
        (arrays(y_train=labels()[:-1]), ["y_train", str(COUNT - 1), str(COUNT)]),
        (arrays(count=100), ["100", "calibration_samples", "256", "--set recipe.quantize.calibration_samples=100"]),
        (arrays(x_test=None, y_test=None), ["x_train", "add x_test", "rename", "split"]),
        ({"images": np.zeros(3)}, ["images", "x_train", "keras.datasets"]),
        (arrays(x_train=np.array([{}], object)), ["pickled", "code", "plain numeric arrays"]),
    ],
    ids=(
        "other size|other channels|other size of the evaluation set|text|complex|no training samples|"
        "no evaluation samples|NaN|infinity|label too large|label negative|labels as text|label missing|"
        "too few to calibrate|no evaluation set|other names|pickled"
    ).split("|"),
)
def test_arrays(project, refuse, wrong, words):
    np.savez(project / "bad.npz", **wrong)
    refuse("bad.npz", f"{project}/bad.npz", *words)


def test_missing(refuse, project):
    refuse("cats.npz", f"{project}/cats.npz", "no such dataset", "--data")


def test_missing_as_the_project_names_it(project):
    (project / "assets/digits.npz").unlink()
    done = edgekit(project, "build", "--target=phone")
    assert_refused(done, project, "assets/digits.npz", "no such dataset", "pyproject.toml")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_truncated(project, refuse, share):
    content = (project / "assets/digits.npz").read_bytes()
    (project / "bad.npz").write_bytes(content[: int(share * len(content))])
    refuse("bad.npz", "bad.npz", "np.savez")


def test_text(refuse):
    refuse("pyproject.toml", "pyproject.toml", "np.savez")


def test_a_single_array(project, refuse):
    np.save(project / "one.npy", np.zeros(3))
    refuse("one.npy", "one.npy", "single array", "np.savez")


def test_an_empty_folder(project, refuse):
    (project / "images").mkdir()
    refuse("images", f"{project}/images", "no images", "one folder for each class")


def test_a_folder_with_a_damaged_image(project, refuse):
    for name in "ab":
        (project / "images" / name).mkdir(parents=True)
        Image.new("L", (28, 28)).save(project / "images" / name / "1.png")
    (project / "images/b/2.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    refuse("images", "images/b/2.png", "cannot be read as an image", "remove or replace")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("nowhere:load", ["nowhere", "no module"]),
        ("mine:lode", ["mine:lode", "lode"]),
        ("mine:broken", ["mine:broken", "ValueError", "disk on fire"]),
        ("mine:nothing", ["mine:nothing", "NoneType", "(x_train, y_train), (x_test, y_test)"]),
    ],
)
def test_functions(project, refuse, data, words):
    (project / "mine.py").write_text("def broken(): raise ValueError('disk on\\nfire')\ndef nothing(): pass\n")
    refuse(data, *words)


def test_random_data_skip_accuracy_and_never_pass_it(project):
    options = ("--set=recipe.prune=false", "--set=budget.download_size=44 KiB")
    done = edgekit(project, "build", "--target=phone", "--data=random", "--json", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    verdicts = {line["name"]: line["verdict"] for line in report["budget"]}
    assert {verdicts[n] for n in ("accuracy", "accuracy_drop", "churn")} == {"skipped"}
    assert {verdicts[n] for n in ("model_size", "download_size", "latency")} == {"pass"}
    assert "random" in report["notes"][0]


def test_a_refused_dataset_keeps_what_was_finished(project):
    edgekit(project, "build", "--target=phone", "--data=cats.npz")
    assert statuses(verbose_build(project, "--target=phone").stdout)["prune"] == "cached"
