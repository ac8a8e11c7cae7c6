"""Wrong model files."""

import shutil

import pytest
from command_line import edgekit, typed
from refusal import assert_refused


@pytest.fixture
def refuse(fresh):
    """Builds a model and asserts that it is refused."""

    def build(model, *words):
        done = typed(fresh, "build", "--target=phone", f"--model={model}", "--data=assets/digits.npz")
        assert_refused(done, fresh, *words)

    return build


def test_missing(refuse, fresh):
    refuse("models/cat.keras", "--model=models/cat.keras: no such model file", "choose from digits")


def test_missing_as_the_project_names_it(fresh):
    (fresh / "assets/digits.keras").unlink()
    done = edgekit(fresh, "build", "--target=phone")
    assert_refused(done, fresh, "assets/digits.keras", "no such", "pyproject.toml")


def test_empty(refuse, fresh):
    (fresh / "cat.keras").touch()
    refuse("cat.keras", "cat.keras", "the file is empty", "save the model again")


def test_not_a_keras_file(refuse):
    refuse("pyproject.toml", "pyproject.toml", "not a Keras file", "model.save()")


def test_an_archive_of_something_else(refuse):
    refuse("assets/digits.npz", "digits.npz", "not of Keras", "model.save()")


def test_a_folder_of_something_else(refuse):
    refuse("assets", "assets")


@pytest.mark.parametrize("name", ["sequential_keras3.keras", "sequential_keras2.keras", "sequential_keras2.h5"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_truncated(refuse, models, fresh, name, share):
    content = (models / name).read_bytes()
    (fresh / name).write_bytes(content[: int(share * len(content))])
    refuse(name, name, "truncated", "again")


def test_weights_alone(refuse, models, fresh):
    shutil.copy(models / "only.weights.h5", fresh)
    refuse("only.weights.h5", "weights without an architecture", "model.save()")


@pytest.mark.parametrize("name", ["custom_keras3.keras", "custom_keras2.h5"])
def test_a_custom_layer_that_is_not_known(refuse, models, fresh, name):
    shutil.copy(models / name, fresh)
    refuse(name, name, "'my_scale'", "Scale", "layers of Keras")


@pytest.mark.parametrize("name", ["lambda_keras3.keras", "lambda_keras3.h5", "lambda_keras2.keras", "lambda_keras2.h5"])
def test_a_lambda_layer_is_code(refuse, models, fresh, name):
    shutil.copy(models / name, fresh)
    refuse(name, name, "'twice'", "Lambda", "code", "layer of Keras")


def test_weights_that_are_damaged_inside_a_whole_archive(refuse, models, fresh):
    import zipfile

    with zipfile.ZipFile(models / "sequential_keras3.keras") as whole, zipfile.ZipFile(fresh / "m.keras", "w") as bad:
        for name in whole.namelist():
            content = whole.read(name)
            bad.writestr(name, content[:-2000] if name.endswith(".h5") else content)
    refuse("m.keras", "m.keras")
