"""The place that machines share: what one made another takes over, and nothing that is damaged is trusted."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from edgekit.engine.remote import Remote, is_url
from edgekit.engine.store import Store
from edgekit.errors import OutputError, ProjectError, SetupError
from edgekit.profile.project import find_project

KEY = "ab" * 32


@pytest.fixture(scope="module")
def bucket():
    """A bucket on a real S3 server of this machine; s3fs finds it by its variables."""
    command = [sys.executable, str(Path(__file__).with_name("s3.py")), "bucket"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        said = {
            "AWS_ENDPOINT_URL": server.stdout.readline().strip(),
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        before = {name: os.environ.get(name) for name in said}
        os.environ.update(said)
        yield "s3://bucket"
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        server.stdin.close()


@pytest.fixture(params=["file", "s3"])
def url(request, tmp_path):
    """A new place of each kind."""
    if request.param == "file":
        return f"file://{tmp_path}/shared"
    return f"{request.getfixturevalue('bucket')}/{tmp_path.name}"


@pytest.fixture
def machine(tmp_path, url):
    """`machine(name)`: the store of a machine."""
    return lambda name: Store(tmp_path / name, Remote(url))


def put(store, content=b"weights", key=KEY):
    with store.making(key) as folder:
        (folder / "model.h5").write_bytes(content)
        return store.put(key, {"model.h5": ("h5", folder / "model.h5")}, {"by": content.decode()}, 1.5)


def content(result):
    return Path(result.artifacts["model.h5"].path).read_bytes()


def entries(url):
    """The names of what lies in a place, and a function that writes there."""
    import fsspec

    files, root = fsspec.url_to_fs(url, skip_instance_cache=True)
    return {name.removeprefix(root).lstrip("/"): name for name in files.find(root)}, files


class TestSharing:
    def test_what_one_machine_made_another_takes_over(self, machine):
        assert machine("a").get(KEY) is None
        put(machine("a"))
        found = machine("b").get(KEY)
        assert content(found) == b"weights" and found.seconds == 1.5
        assert found.artifacts["model.h5"].path.startswith(str(machine("b").folder))

    def test_it_is_looked_for_once(self, machine):
        put(machine("a")), machine("b").get(KEY)
        alone = Store(machine("b").folder)
        assert content(alone.get(KEY)) == b"weights"

    def test_the_first_result_under_a_key_stands_for_all(self, machine):
        put(machine("a"), b"first")
        second = put(machine("b"), b"second")
        assert content(second) == content(machine("c").get(KEY)) == content(machine("b").get(KEY)) == b"first"
        assert bytes(second.value) == b'{"by":"first"}'

    def test_a_machine_that_died_between_file_and_record_holds_up_nobody(self, machine, url):
        put(machine("a"))
        names, files = entries(url)
        files.rm_file(next(path for name, path in names.items() if name.startswith("results")))
        assert machine("b").get(KEY) is None
        put(machine("b"))
        assert content(machine("c").get(KEY)) == b"weights"


@pytest.mark.parametrize("what", ["files", "results"])
@pytest.mark.parametrize("left", [b"", b"weight", b"weightz" * 99], ids=["emptied", "cut", "other"])
def test_what_is_damaged_there_is_not_trusted_and_is_made_anew(machine, url, what, left):
    put(machine("a"))
    names, files = entries(url)
    files.pipe_file(next(path for name, path in names.items() if name.startswith(what)), left)
    store = machine("b")
    assert store.get(KEY) is None and store.damaged == {KEY}
    assert content(put(store)) == b"weights"
    assert content(machine("c").get(KEY)) == b"weights"


def test_names_of_files_in_a_record_lead_nowhere_else(machine, url, tmp_path):
    import hashlib

    put(machine("a"))
    names, files = entries(url)
    record = next(path for name, path in names.items() if name.startswith("results"))
    body = files.cat_file(record).partition(b"\n")[2]
    body = body.replace(b'"sha256":"', b'"sha256":"../../../outside')
    files.pipe_file(record, hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
    store = machine("b")
    assert store.get(KEY) is None
    assert not list(tmp_path.rglob("outside*"))


class TestWhereItIsNamed:
    @pytest.fixture
    def project(self, tmp_path, monkeypatch):
        """`project(table, variable)`: what is opened for a project."""

        def opened(named, variable=None):
            monkeypatch.delenv("EDGEKIT_STORE", raising=False)
            if variable:
                monkeypatch.setenv("EDGEKIT_STORE", variable)
            (tmp_path / "pyproject.toml").write_text("[tool.edgekit]\n" + (f'store = "{named}"\n' if named else ""))
            store = find_project(tmp_path).open_store()
            return store.folder, store.remote and store.remote.url

        return opened

    def test_nowhere(self, project, tmp_path):
        assert project("") == (tmp_path / ".edgekit", None)

    def test_a_folder_is_relative_to_the_project(self, project, tmp_path):
        assert project("../results") == (tmp_path / "../results", None)

    def test_a_place_has_the_folder_of_the_project_before_it(self, project, tmp_path):
        assert project("memory://shared") == (tmp_path / ".edgekit", "memory://shared")

    def test_the_variable_goes_before_the_table(self, project, tmp_path):
        assert project("memory://shared", str(tmp_path / "own")) == (tmp_path / "own", None)
        assert project("results", "memory://shared") == (tmp_path / ".edgekit", "memory://shared")

    def test_what_is_built_anew_to_compare_shares_nothing(self, project, tmp_path):
        project("memory://shared")
        alone = msgspec.structs.replace(find_project(tmp_path), store_folder=tmp_path / "fresh").open_store()
        assert (alone.folder, alone.remote) == (tmp_path / "fresh", None)


class TestRefusals:
    @pytest.mark.parametrize("text", ["s3://bucket/edgekit", "file:///srv/edgekit", "gs://b"])
    def test_urls(self, text):
        assert is_url(text)

    @pytest.mark.parametrize("text", ["/srv/edgekit", "edgekit", "C:\\edgekit", "s3:bucket", ""])
    def test_folders(self, text):
        assert not is_url(text)

    def test_an_unknown_kind(self):
        with pytest.raises(ProjectError, match="foo://x: Protocol not known"):
            Remote("foo://x")

    def test_a_kind_whose_library_is_missing(self):
        with pytest.raises(SetupError, match="pip install adlfs"):
            Remote("az://container/x")

    def test_a_place_that_cannot_be_written_keeps_the_result_here(self, tmp_path):
        (tmp_path / "f").touch()
        store = Store(tmp_path / "store", Remote(f"file://{tmp_path}/f/x"))
        with pytest.raises(OutputError, match=r"store file://.*/f/x: cannot be written .*EDGEKIT_STORE"):
            put(store)
        assert content(Store(store.folder).get(KEY)) == b"weights"

    def test_a_bucket_that_is_not_there(self, bucket, tmp_path):
        with pytest.raises(OutputError, match="bucket does not exist"):
            put(Store(tmp_path, Remote("s3://another/x")))

    def test_a_password_is_not_said(self):
        with pytest.raises(ProjectError) as error:
            Remote("foo://me:secret@host/x")
        assert "secret" not in str(error.value) and "foo://host/x" in str(error.value)
