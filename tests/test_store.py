import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgekit.engine.store import Record, Store
from edgekit.errors import OutputError
from edgekit.files import sha256, write

KEY, OTHER = "ab" * 32, "cd" * 32


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def put(store, key=KEY, content=b"weights", value=None, name="model.h5"):
    with store.making(key) as folder:
        (folder / name).write_bytes(content)
        return store.put(key, {name: ("h5", folder / name)}, value, 1.5)


class TestResults:
    def test_what_was_put_is_got(self, store):
        put(store, value={"sparsity": 0.5})
        found = Store(store.folder).get(KEY)
        artifact = found.artifacts["model.h5"]
        assert (artifact.kind, artifact.bytes, found.seconds) == ("h5", 7, 1.5)
        assert msgspec.json.decode(found.value) == {"sparsity": 0.5}
        with open(artifact.path, "rb") as file:
            assert file.read() == b"weights"
        assert artifact.path == str(store.file(artifact.sha256))

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
    @given(files=st.dictionaries(st.from_regex(r"[a-z]{1,8}\.[a-z]{1,3}", fullmatch=True), st.binary(), max_size=4))
    def test_any_files_come_back_as_they_were(self, store, files):
        with store.making(KEY) as folder:
            for name, content in files.items():
                (folder / name).write_bytes(content)
            store.put(KEY, {name: ("x", folder / name) for name in files}, None, 0)
        found = store.get(KEY).artifacts
        assert {name: store.file(a.sha256).read_bytes() for name, a in found.items()} == files

    def test_an_unknown_key_has_none(self, store):
        assert store.get(KEY) is None and store.damaged == set()
        assert not store.folder.exists()  # looking makes nothing

    def test_equal_files_are_stored_once(self, store):
        put(store), put(store, OTHER)
        assert len([p for p in (store.folder / "files").rglob("*") if p.is_file()]) == 1

    def test_the_folder_may_move(self, store, tmp_path):
        put(store)
        moved = Store(store.folder.rename(tmp_path / "moved"))
        assert moved.get(KEY).artifacts["model.h5"].path.startswith(str(tmp_path / "moved"))

    def test_the_last_key_of_a_name(self, store):
        assert store.last("phone.digits.load") is None
        store.remember("phone.digits.load", Record(KEY, {"model": "1"}))
        store.remember("phone.digits.load", Record(OTHER, {"model": "2"}))
        assert store.last("phone.digits.load") == Record(OTHER, {"model": "2"})


class TestDamage:
    @pytest.mark.parametrize("content", [b"", b"weight", b"weightz"], ids=["emptied", "cut", "changed"])
    def test_a_damaged_file_is_never_handed_out(self, store, content):
        file = store.file(put(store).artifacts["model.h5"].sha256)
        file.write_bytes(content)
        assert store.get(KEY) is None and store.damaged == {KEY}
        assert not file.exists()
        put(store)
        assert store.get(KEY) is not None and store.damaged == set()

    def test_a_missing_file_is_noticed(self, store):
        store.file(put(store).artifacts["model.h5"].sha256).unlink()
        assert store.get(KEY) is None and store.damaged == {KEY}

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"artifacts": {}}'])
    def test_a_damaged_record_is_noticed(self, store, content):
        put(store)
        [record] = (store.folder / "results").rglob("*.json")
        record.write_bytes(content)
        assert store.get(KEY) is None and store.damaged == {KEY}

    def test_a_digit_that_changed_is_noticed(self, store):
        put(store, value={"sparsity": 0.5})
        [record] = (store.folder / "results").rglob("*.json")
        record.write_bytes(record.read_bytes().replace(b"0.5", b"0.6"))
        assert store.get(KEY) is None and store.damaged == {KEY}

    def test_the_other_results_stay(self, store):
        put(store), put(store, OTHER, b"others")
        store.file(store.get(KEY).artifacts["model.h5"].sha256).write_bytes(b"?")
        assert store.get(KEY) is None and store.get(OTHER) is not None


class TestWriting:
    def test_a_file_is_written_with_its_folders(self, tmp_path):
        write(tmp_path / "a/b/c.txt", b"text")
        assert (tmp_path / "a/b/c.txt").read_bytes() == b"text"
        assert [p.name for p in (tmp_path / "a/b").iterdir()] == ["c.txt"]

    def test_the_same_content_is_left_alone(self, tmp_path):
        write(tmp_path / "f", b"text")
        os.utime(tmp_path / "f", ns=(1, 1))
        write(tmp_path / "f", b"text")
        assert (tmp_path / "f").stat().st_mtime_ns == 1

    def test_readers_see_the_old_or_the_new_but_nothing_between(self, tmp_path):
        contents = [bytes([letter]) * 3_000_000 for letter in b"ab"]
        path = tmp_path / "f"
        write(path, contents[0])

        def read():
            return {path.read_bytes() for _ in range(40)}

        with ThreadPoolExecutor(2) as pool:
            reading = [pool.submit(read) for _ in range(2)]
            for turn in range(40):
                write(path, contents[turn % 2])
            assert set().union(*(r.result() for r in reading)) <= set(contents)

    def test_a_process_that_dies_while_writing_leaves_the_old_file(self, tmp_path):
        path = tmp_path / "f"
        write(path, b"old")
        program = (
            "import os, signal, sys\n"
            "from edgekit import files\n"
            "os.fchmod = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"  # right before the file is moved there
            "from pathlib import Path\n"
            "files.write(Path(sys.argv[1]), b'new' * 1000)\n"
        )
        done = subprocess.run([sys.executable, "-c", program, str(path)])
        assert done.returncode == -signal.SIGKILL
        assert path.read_bytes() == b"old"

    def test_a_place_below_a_file_is_named(self, tmp_path):
        (tmp_path / "f").touch()
        with pytest.raises(OutputError, match=r"f/g: cannot be written"):
            write(tmp_path / "f/g", b"")


class TestMaking:
    def test_one_process_at_a_time_makes_a_result(self, store):
        program = (
            "import sys, time\n"
            "from pathlib import Path\n"
            "from edgekit.engine.store import Store\n"
            "store, key = Store(Path(sys.argv[1])), sys.argv[2]\n"
            "with store.making(key) as folder:\n"
            "    if store.get(key) is None:\n"
            "        time.sleep(0.3)\n"
            "        (folder / 'f').write_text('made')\n"
            "        store.put(key, {'f': ('x', folder / 'f')}, None, 0)\n"
            "        print('made')\n"
        )
        command = [sys.executable, "-c", program, str(store.folder), KEY]
        both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
        assert sorted(process.communicate()[0] for process in both) == ["", "", "made\n"]

    def test_what_is_left_unfinished_leaves_nothing(self, store):
        with pytest.raises(KeyboardInterrupt), store.making(KEY) as folder:
            (folder / "half").write_text("half")
            raise KeyboardInterrupt
        assert list((store.folder / "work").iterdir()) == []
        assert store.get(KEY) is None

    def test_a_store_below_a_file_says_what_to_set(self, tmp_path):
        (tmp_path / "f").touch()
        with pytest.raises(OutputError, match="EDGEKIT_STORE"), Store(tmp_path / "f/store").making(KEY):
            pass


def test_the_hash_of_a_folder_is_of_names_and_contents(tmp_path):
    for name in ("a/1", "a/2"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    before = sha256(tmp_path)
    (tmp_path / "a/2").rename(tmp_path / "a/3")
    renamed = sha256(tmp_path)
    (tmp_path / "a/3").write_text("other")
    assert len({before, renamed, sha256(tmp_path)}) == 3


def test_names_that_are_no_utf_8_have_a_hash(tmp_path):
    def put(name):
        place = tmp_path / os.fsdecode(name)
        place.mkdir()
        (place / os.fsdecode(name)).write_text("x")
        return sha256(tmp_path)

    assert put(b"\xff") != put(b"\xfe")


def test_a_value_of_another_type_is_damage(tmp_path):
    store = Store(tmp_path)
    store.put("ab", {}, {"bytes": 3}, 0.1)
    assert store.get("ab") and store.get("ab", dict[str, int]) and not store.damaged
    assert store.get("ab", list[int]) is None and store.damaged == {"ab"}
