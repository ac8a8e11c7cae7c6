"""Files with settings that the installed Keras does not know yet."""

import json
import zipfile
from pathlib import Path

import files_probe as probe
import pytest

from edgekit.errors import ModelError

SOURCE = Path(__file__).parent / "files/keras-3.6.0/nested.keras"


@pytest.fixture
def newer(tmp_path):
    """A function that writes the file with further settings of its layer `shared`."""

    def write(**settings):
        file = tmp_path / "nested.keras"
        with zipfile.ZipFile(SOURCE) as old, zipfile.ZipFile(file, "w") as new:
            for member in old.namelist():
                content = old.read(member)
                if member == "config.json":
                    config = json.loads(content)
                    [layer] = [x for x in config["config"]["layers"] if x["config"]["name"] == "shared"]
                    layer["config"] |= settings
                    content = json.dumps(config).encode()
                new.writestr(member, content)
        (tmp_path / "nested.npz").write_bytes(SOURCE.with_suffix(".npz").read_bytes())
        return file

    return write


@pytest.mark.parametrize(
    "settings", [{"fold": None}, {"fold": False, "fold_size": 3}, {"fold": None, "spin": []}], ids=str
)
def test_settings_that_say_nothing_are_dropped(process, newer, tmp_path, settings):
    found = process.call(probe.read, str(newer(**settings)), str(tmp_path), returns=dict)
    assert found["error"] <= 1e-5 and found["form"] == "keras"


def test_a_setting_that_says_something_is_refused(process, newer, tmp_path):
    words = r"'shared' has fold = 3, which the installed Keras does not know; install Keras 3\.6\.0, which wrote it"
    with pytest.raises(ModelError, match=words):
        process.call(probe.read, str(newer(fold=3)), str(tmp_path), returns=dict)
