import json
import zipfile

import pytest

from edgekit.errors import ModelError
from edgekit.model.container import identify, layers


@pytest.mark.parametrize(
    ("file", "form", "version"),
    [
        ("anomaly_autoencoder.h5", "hdf5", "2.4"),
        ("emotion_mini_xception.hdf5", "hdf5", "2.0.5"),
        ("wake_word.h5", "hdf5", "2.14"),
        ("acoustic_autoencoder.keras", "keras", "3.14"),
        ("delay_conv_lstm.keras", "keras", "3.2"),
    ],
)
def test_real_files_say_what_they_are(shared, file, form, version):
    found = identify(shared / "models/keras" / file)
    assert found.format == form and found.keras_version.startswith(version)
    assert found.major == int(version[0])
    assert len(list(layers(found.config))) > 3


def test_both_libraries_are_told_apart(models):
    majors = {
        name: identify(models / f"functional_{name}").major for name in ("keras2.h5", "keras2.keras", "keras3.keras")
    }
    assert majors == {"keras2.h5": 2, "keras2.keras": 2, "keras3.keras": 3}


class TestHostileArchives:
    @pytest.fixture
    def archive(self, tmp_path):
        """A function that writes a `.keras` archive with the entries given."""

        def write(**entries):
            with zipfile.ZipFile(tmp_path / "m.keras", "w", zipfile.ZIP_DEFLATED) as file:
                for name, content in entries.items():
                    file.writestr(name, content)
            return tmp_path / "m.keras"

        return write

    def test_a_minimal_one_is_read(self, archive):
        config = json.dumps({"class_name": "Sequential", "config": {"layers": []}})
        assert identify(archive(**{"config.json": config})).format == "keras"

    @pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil"])
    def test_an_entry_that_leaves_the_folder(self, archive, name):
        with pytest.raises(ModelError, match="leaves the archive"):
            identify(archive(**{"config.json": "{}", name: "x"}))

    def test_an_entry_that_is_a_bomb(self, archive):
        with pytest.raises(ModelError, match="would take"):
            identify(archive(**{"config.json": "{}", "model.weights.h5": bytes(50_000_000)}))

    @pytest.mark.parametrize("config", ["", "{", "[]", "3", "[" * 100_000, '"text"'])
    def test_a_config_that_is_none(self, archive, config):
        with pytest.raises(ModelError, match=r"m\.keras: its config\.json"):
            identify(archive(**{"config.json": config}))

    @pytest.mark.parametrize("metadata", ["{", "[]", "null"])
    def test_metadata_that_is_none(self, archive, metadata):
        with pytest.raises(ModelError, match=r"m\.keras"):
            identify(archive(**{"config.json": "{}", "metadata.json": metadata}))


CLAIMS = {
    "units": {"class_name": "Dense", "config": {"name": "huge", "units": 10**9}},
    "filters": {"class_name": "Conv2D", "config": {"name": "huge", "filters": 10**6, "kernel_size": [100, 100]}},
    "rows": {"class_name": "Embedding", "config": {"name": "huge", "input_dim": 10**6, "output_dim": 10**4}},
}


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
def test_a_layer_with_more_weights_than_the_file_can_hold_is_refused_at_once(tmp_path, claim):
    inner = {"class_name": "Sequential", "config": {"name": "inner", "layers": [claim]}}
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as file:
        file.writestr("config.json", json.dumps({"class_name": "Sequential", "config": {"layers": [inner]}}))
    with pytest.raises(ModelError, match=r"m\.keras: layer 'huge' would take [\d,]+ B or more"):
        identify(tmp_path / "m.keras")
