import pytest

from edgekit.errors import ProjectError
from edgekit.profile.project import find_project, select_models

TABLE = """
[tool.edgekit.models.cat]
model = "nets/cat.keras"
data = "cats.npz"
[tool.edgekit.models.dog]
model = "nets/dog.h5"
data = "loaders.dogs:load"
preprocessing = { scale = 0.5, offset = -1 }
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "pyproject.toml").write_text(TABLE)
    return find_project(tmp_path)


def test_models_are_named_with_paths_from_the_project(project, tmp_path):
    cat, dog = project.models.values()
    assert (cat.name, str(cat.model), cat.data) == ("cat", str(tmp_path / "nets/cat.keras"), str(tmp_path / "cats.npz"))
    assert (cat.preprocessing.scale, cat.preprocessing.offset) == (1, 0)
    assert dog.data == "loaders.dogs:load"
    assert (dog.preprocessing.scale, dog.preprocessing.offset) == (0.5, -1)


def test_the_project_is_found_from_a_folder_below(project, tmp_path):
    below = tmp_path / "a/b"
    below.mkdir(parents=True)
    (below / "pyproject.toml").write_text("[project]\nname = 'other'")  # without [tool.edgekit]: looked past
    assert find_project(below) == project


def test_a_file_whose_tool_is_no_table_is_looked_past(project, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/pyproject.toml").write_text("tool = 3")
    assert find_project(tmp_path / "a") == project


def test_its_own_profiles_come_first(project, tmp_path):
    assert project.target_folders[0] == tmp_path / "targets"


def test_the_store_lies_in_the_project_or_where_the_environment_says(project, tmp_path, monkeypatch):
    monkeypatch.delenv("EDGEKIT_STORE", raising=False)
    assert project.store == tmp_path / ".edgekit"
    monkeypatch.setenv("EDGEKIT_STORE", "/elsewhere")
    assert str(project.store) == "/elsewhere"


def test_a_folder_without_a_project_is_one_without_models(tmp_path):
    project = find_project(tmp_path)
    assert (project.root, project.models) == (tmp_path, {})
    assert any((folder / "phone.toml").is_file() for folder in project.target_folders)


class TestSelect:
    def test_all_models_by_default(self, project):
        assert [s.name for s in select_models(project, None, None)] == ["cat", "dog"]

    def test_one_by_name(self, project):
        assert select_models(project, "dog", None) == [project.models["dog"]]

    def test_other_data(self, project, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        [spec] = select_models(project, "dog", "some.npz")
        assert spec.data == str(tmp_path / "some.npz") and spec.preprocessing.scale == 0.5

    def test_a_path(self, project, tmp_path, monkeypatch):
        (tmp_path / "my net (1).h5").touch()
        monkeypatch.chdir(tmp_path)
        [spec] = select_models(project, "my net (1).h5", "random")
        assert (str(spec.model), spec.data) == (str(tmp_path / "my net (1).h5"), "random")
        assert spec.name == "my_net_1_"  # names a folder

    def test_an_unknown_name_gets_the_nearest(self, project):
        with pytest.raises(ProjectError, match='did you mean "cat"'):
            select_models(project, "cet", None)

    def test_a_path_without_data_is_refused(self, project, tmp_path, monkeypatch):
        (tmp_path / "nets").mkdir()
        (tmp_path / "nets/other.h5").touch()
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ProjectError, match=r"--data=PATH"):
            select_models(project, "nets/other.h5", None)


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "a b"])
def test_a_name_that_would_leave_its_folder_is_refused(tmp_path, name):
    (tmp_path / "pyproject.toml").write_text(f'[tool.edgekit.models."{name}"]\nmodel = "m.h5"')
    with pytest.raises(ProjectError, match="becomes a folder"):
        find_project(tmp_path)
