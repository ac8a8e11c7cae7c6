from pathlib import Path

import msgspec
import pytest

from edgekit.analyze.findings import Explanation
from edgekit.commands.explain import explain_build
from edgekit.errors import DataError, RecipeError
from edgekit.profile.profiles import load_single
from edgekit.profile.project import find_project, select_model
from edgekit.types import Reading

ROOT = Path(__file__).parents[1]


class Heard:
    """A listener that remembers which steps were made and which were found."""

    def __init__(self):
        self.rows = []

    def headline(self, *said):
        pass

    begin = note = done = headline

    def progress(self, text, share):
        pass

    def end(self, row):
        self.rows.append((row.name, row.status))


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEKIT_STORE", str(tmp_path / "store"))
    return tmp_path / "store"


def explained(*overrides, samples=20, data=None, out=None):
    project = find_project(ROOT)
    target = load_single(["phone"], project.target_folders, ("recipe.prune=false", *overrides))
    heard = Heard()
    return explain_build(project, select_model(project, None, data, Reading()), target, samples, out, heard), heard.rows


def test_a_build_is_explained_and_written_and_kept(tmp_path):
    found, rows = explained(out=tmp_path)
    folder = tmp_path / "phone" / "digits"
    assert msgspec.json.decode((folder / "explain.json").read_bytes(), type=Explanation) == found
    assert (folder / "explain.svg").read_bytes().startswith(b"<?xml")
    assert found.samples == 20 and rows[-1] == ("explain", "built")
    again, rows = explained()
    assert again == found and {status for _, status in rows} == {"cached"}


def test_what_cannot_be_explained_is_refused_before_anything_is_built(store):
    with pytest.raises(RecipeError, match="--samples=0: at least 1"):
        explained(samples=0)
    with pytest.raises(DataError, match="random data says nothing about ranges"):
        explained(data="random")
    with pytest.raises(RecipeError, match=r"has no \[recipe\.quantize\]"):
        explained("recipe.quantize=false")
    assert not store.exists()
