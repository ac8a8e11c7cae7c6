"""The archive of a release, its evidence and its signature."""

import io
import json
import struct
import tracemalloc
import zipfile

import pytest
from command_line import typed

from edgekit.commands.release import INDEX, LARGEST_INDEX, SIGNATURE, signed, verify
from edgekit.records.archive import MODE, members, packed, stored


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    folder = tmp_path_factory.mktemp("keys")
    for name in ("mine", "other"):
        key = Ed25519PrivateKey.generate()
        private = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
        public = key.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)
        (folder / f"{name}.pem").write_bytes(private)
        (folder / f"{name}.pub").write_bytes(public)
    return folder


@pytest.fixture(scope="module")
def archive(everything, keys, tmp_path_factory):
    """All targets, signed. Not to be changed."""
    file = tmp_path_factory.mktemp("release") / "release.zip"
    done = typed(everything, "release", f"--out={file}", f"--key={keys / 'mine.pem'}")
    assert done.returncode == 0, done.stderr
    return file


def test_the_same_builds_give_the_same_bytes(everything, archive, keys, tmp_path):
    typed(everything, "release", f"--out={tmp_path / 'again.zip'}", f"--key={keys / 'mine.pem'}")
    assert (tmp_path / "again.zip").read_bytes() == archive.read_bytes()


def test_it_holds_what_ships_its_reports_and_evidence_and_nothing_else(everything, archive):
    with zipfile.ZipFile(archive) as file:
        names = set(file.namelist())
        assert file.read("phone/digits/model.tflite") == (everything / "build/phone/digits/model.tflite").read_bytes()
    assert {name.split("/")[0] for name in names if "/" in name} == {"camera", "camera-u55", "microcontroller", "phone"}
    of_phone = {name.removeprefix("phone/digits/") for name in names if name.startswith("phone/")}
    documents = {"report.json", "report.md", "report.html", "report.sarif", "junit.xml"}
    assert of_phone == {
        "model.tflite",
        "model.names.json",
        "golden.npz",
        *documents,
        "manifest.json",
        "bom.cdx.json",
    }
    assert {name for name in names if "/" not in name} == {"release.json", "release.dsse.json"}
    assert "microcontroller/digits/c/digits_model.c" in names


def test_the_manifest_is_a_statement_that_in_toto_accepts(everything):
    from google.protobuf.json_format import ParseDict
    from in_toto_attestation.v1 import statement_pb2
    from in_toto_attestation.v1.statement import Statement

    manifest = json.loads((everything / "build/phone/digits/manifest.json").read_bytes())
    own = {key: manifest[key] for key in ("_type", "subject", "predicateType", "predicate")}
    Statement.copy_from_pb(ParseDict({"type": own.pop("_type"), **own}, statement_pb2.Statement())).validate()
    assert {s["name"]: s["digest"]["sha256"] for s in manifest["subject"]} == {
        output["path"]: output["sha256"] for output in manifest["outputs"]
    }
    assert manifest["predicateType"] == "https://slsa.dev/provenance/v1"
    depends = manifest["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert {"assets/digits.keras", "assets/digits.npz", "tensorflow"} <= {d["name"] for d in depends}


def test_the_bill_of_materials_is_valid_and_names_model_data_and_libraries(everything):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    folder = everything / "build/phone/digits"
    text = (folder / "bom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bom = json.loads(text)
    shipped = next(
        o for o in json.loads((folder / "manifest.json").read_bytes())["outputs"] if o["path"] == "model.tflite"
    )
    assert bom["metadata"]["component"]["hashes"][0]["content"] == shipped["sha256"]
    kinds = {component["name"]: component["type"] for component in bom["components"]}
    assert kinds["assets/digits.npz"] == "data" and kinds["tensorflow"] == "library"


def test_an_untouched_archive_verifies(everything, archive, keys):
    done = typed(everything, "release", f"--out={archive}", "--verify", f"--key={keys / 'mine.pub'}")
    builds = "camera-u55/digits, camera/digits, microcontroller/digits, phone/digits"
    assert (done.returncode, done.stdout) == (0, f"{archive}: as it was built, and signed: {builds}\n")
    done = typed(everything, "release", f"--out={archive}", "--verify")
    assert done.returncode == 0 and "only --key=PEM tells" in done.stdout


MODEL, OTHER = "phone/digits/model.tflite", "camera/digits/model.tflite"


def again(found):
    """Members packed anew, as somebody with our own tools would."""
    return packed(sorted(found, key=lambda member: member.name))


def content(found, name):
    return next(bytes(member.content) for member in found if member.name == name)


def put(found, name, new):
    """Members with another content of one of them."""
    return again([*(m for m in found if m.name != name), stored(name, new)])


def swapped(found):
    names = {MODEL: OTHER, OTHER: MODEL}
    return again([stored(names.get(m.name, m.name), m.content) for m in found])


def folders_swapped(found):
    turned = {"phone": "camera", "camera": "phone"}

    def name(of):
        first, slash, rest = of.partition("/")
        return turned.get(first, first) + slash + rest

    return again([stored(name(m.name), m.content) for m in found])


def index_of_another(found):
    index = json.loads(content(found, INDEX))
    index["files"][0]["sha256"] = "0" * 64
    return put(found, INDEX, json.dumps(index).encode())


REPACKED = {
    "a model": (lambda f: put(f, MODEL, content(f, MODEL) + b"x"), "model.tflite: changed since it was built"),
    "a model of the same size": (lambda f: put(f, MODEL, content(f, MODEL)[:-1] + b"x"), "changed since it was built"),
    "a report gone": (lambda f: again([m for m in f if m.name != "phone/digits/report.md"]), "report.md: missing"),
    "a manifest": (lambda f: put(f, "phone/digits/manifest.json", b"{}"), "manifest.json: changed since"),
    "a target gone": (lambda f: again([m for m in f if not m.name.startswith("camera/")]), "camera/digits"),
    "a folder renamed": (
        lambda f: again([stored(m.name.replace("phone/", "tablet/"), m.content) for m in f]),
        "tablet/digits/model.tflite: not in its index",
    ),
    "two models swapped": (swapped, "changed since it was built"),
    "two folders swapped": (folders_swapped, "changed since it was built"),
    "a foreign first member": (lambda f: again([*f, stored("model.tflite", b"x")]), "not in its index"),
    "a foreign file in a build": (lambda f: again([*f, stored("phone/digits/extra", b"x")]), "not in its index"),
    "another index": (index_of_another, "its statement is not of its files"),
    "an index of nothing": (lambda f: put(f, INDEX, b"\xff"), "release.json"),
    "no JSON": (lambda f: put(f, INDEX, b"[" * 100_000), "release.json"),
}


@pytest.mark.parametrize(("edit", "words"), REPACKED.values(), ids=REPACKED)
def test_what_was_changed_is_found_with_a_key_and_without(archive, keys, tmp_path, edit, words):
    file = tmp_path / "r.zip"
    file.write_bytes(edit(members(archive.read_bytes())))
    assert any(words in problem for problem in verify(file, None).problems)
    found = verify(file, keys / "mine.pub").problems
    assert found and any(words in p or "of another content" in p for p in found)
    assert all(len(problem.splitlines()) == 1 for problem in found)


def patched(archive, name, at, value, directory=True, local=True):
    """The archive with a field of one member's headers changed: `at` is the offset in the local header."""
    content = bytearray(archive.read_bytes())
    entry = zipfile.ZipFile(archive).getinfo(name)
    central = content.index(b"PK\1\2", entry.header_offset)
    while content[central + 46 : central + 46 + len(name)] != name.encode():
        central = content.index(b"PK\1\2", central + 4)
    for place in [*([entry.header_offset + at] if local else []), *([central + at + 2] if directory else [])]:
        content[place : place + len(value)] = value
    return bytes(content)


def renamed(archive, new):
    """The archive with a member's name, of the same length, changed in both places."""
    assert len(new) == len(MODEL)
    return archive.read_bytes().replace(MODEL.encode(), new)


def by_zipfile(archive, edit):
    """What Python's own zipfile makes of the same files."""
    place = io.BytesIO()
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(place, "w") as new:
        for info in old.infolist():
            new.writestr(info, old.read(info))
        edit(new)
    return place.getvalue()


def symlink(new):
    entry = zipfile.ZipInfo("phone/digits/link")
    entry.external_attr, entry.create_system = 0o120777 << 16, 3
    new.writestr(entry, "/etc/passwd")


def deflated(new):
    """300 MiB of zeros, in 300 KB."""
    entry = zipfile.ZipInfo("phone/digits/zeros", (1980, 1, 1, 0, 0, 0))
    entry.external_attr, entry.create_system = MODE, 3
    new.writestr(entry, bytes(300 << 20), zipfile.ZIP_DEFLATED)


def directory(new):
    new.writestr(zipfile.ZipInfo("phone/digits/extra/"), b"")


def comment(new):
    new.comment = b"hello"


def of_this_length(text):
    return (text + b"x" * 100)[: len(MODEL)]


HUGE = (1 << 32) - 2
"""Bytes: the largest size that a plain zip can say."""

FORMS = {
    "a comment": (lambda a: by_zipfile(a, comment), "without comment"),
    "bytes behind": (lambda a: a.read_bytes() + b"x", "its end is not"),
    "bytes before": (lambda a: b"#!/bin/sh\n" + a.read_bytes(), "added before"),
    "a second archive before": (lambda a: a.read_bytes() * 2, "added before"),
    "a symbolic link": (lambda a: by_zipfile(a, symlink), "not a plain file"),
    "a folder": (lambda a: by_zipfile(a, directory), "no path of a file"),
    "two of one name": (lambda a: again([*members(a.read_bytes()), stored(MODEL, b"x")]), "is there twice"),
    "a name in other case": (
        lambda a: again([*members(a.read_bytes()), stored(MODEL.upper(), b"x")]),
        "one file where case does not count",
    ),
    "a file that is a folder": (
        lambda a: again([*members(a.read_bytes()), stored(MODEL + "/x", b"x")]),
        "a file and a folder",
    ),
    "a path upwards": (lambda a: renamed(a, of_this_length(b"../../../../")), "no path of a file"),
    "an absolute path": (lambda a: renamed(a, of_this_length(b"/etc/")), "no path of a file"),
    "a path of Windows": (lambda a: renamed(a, of_this_length(b"C:\\")), "no path of a file"),
    "a name that is no UTF-8": (lambda a: renamed(a, of_this_length(b"phone/\xff\xfe")), "no name in UTF-8"),
    "a name with an escape": (lambda a: renamed(a, of_this_length(b"phone/\x1b[2J")), "no path of a file"),
    "an encrypted member": (lambda a: patched(a, MODEL, 6, b"\1\0"), "encrypted"),
    "a data descriptor": (lambda a: patched(a, MODEL, 6, b"\x08\0"), "not as its directory says"),
    "another name in front": (
        lambda a: patched(a, MODEL, 30, b"phono", directory=False),
        "not as its directory says",
    ),
    "another size in front": (
        lambda a: patched(a, MODEL, 22, struct.pack("<L", 1), directory=False),
        "not as its directory says",
    ),
    "another CRC in front": (lambda a: patched(a, MODEL, 14, b"crc!", directory=False), "not as its directory says"),
    "another CRC": (lambda a: patched(a, MODEL, 14, b"crc!"), "damaged"),
    "a deflated member": (lambda a: by_zipfile(a, deflated), "release the builds anew"),
    "another way to compress": (lambda a: patched(a, MODEL, 8, b"\x0c\0"), "release the builds anew"),
    "a size that is not there": (lambda a: patched(a, MODEL, 18, struct.pack("<2L", HUGE, HUGE)), "not of the size"),
    "two sizes": (lambda a: patched(a, MODEL, 22, struct.pack("<L", HUGE)), "not of the size"),
    "a damaged stream": (lambda a: patched(a, MODEL, 30 + len(MODEL), b"\xff" * 40, directory=False), "damaged"),
}


@pytest.mark.parametrize(("make", "words"), FORMS.values(), ids=FORMS)
def test_an_archive_has_one_form_only(archive, keys, tmp_path, make, words):
    file = tmp_path / "r.zip"
    file.write_bytes(make(archive))
    for key in (None, keys / "mine.pub"):
        found = verify(file, key).problems
        assert found and all(len(problem.splitlines()) == 1 and problem.isprintable() for problem in found)
        assert any(words in problem for problem in found), found


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda a: by_zipfile(a, deflated), "release the builds anew"),
        (lambda a: patched(a, MODEL, 18, struct.pack("<2L", HUGE, HUGE)), "not of the size"),
        (lambda a: patched(a, INDEX, 18, struct.pack("<2L", HUGE, HUGE)), "not of the size"),
        (lambda a: again([*members(a.read_bytes()), stored("x", bytes(100 << 20))]), "x: not in its index"),
        (lambda a: put(members(a.read_bytes()), MODEL, bytes(100 << 20)), "changed since"),
        (lambda a: put(members(a.read_bytes()), INDEX, bytes(LARGEST_INDEX + 1)), "larger than"),
    ],
    ids=["deflated", "claims of a model", "claims of the index", "not named", "a large model", "a large index"],
)
def test_a_bomb_takes_no_memory(archive, tmp_path, make, words):
    file = tmp_path / "r.zip"
    file.write_bytes(make(archive))
    tracemalloc.start()
    problems = verify(file, None).problems
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert any(words in problem for problem in problems), problems
    assert peak < 8 << 20


def test_an_archive_without_an_index_is_no_release(everything, tmp_path):
    file = tmp_path / "r.zip"
    file.write_bytes(packed([stored("phone/digits/manifest.json", b"{}")]))
    done = typed(everything, "release", f"--out={file}", "--verify")
    assert done.returncode == 2 and INDEX in done.stderr and len(done.stderr.splitlines()) == 1


def test_somebody_else_s_signature_is_none(archive, keys, tmp_path):
    assert all("not signed with" in problem for problem in verify(archive, keys / "other.pub").problems)
    found, file = members(archive.read_bytes()), tmp_path / "r.zip"
    file.write_bytes(put(found, SIGNATURE, signed(content(found, INDEX), keys / "other.pem")))
    [problem] = verify(file, keys / "mine.pub").problems
    assert "not signed with" in problem
    file.write_bytes(again([m for m in found if m.name != SIGNATURE]))
    [problem] = verify(file, keys / "mine.pub").problems
    assert "not signed" in problem and not verify(file, None).problems


def test_an_index_written_anew_is_found_by_the_manifests_or_the_key(archive, keys, tmp_path):
    """Whoever swaps two builds and writes an index of that."""
    found = members(folders_swapped(members(archive.read_bytes())))
    index = json.loads(content(found, INDEX))
    turned = {"phone": "camera", "camera": "phone"}
    for entry, key in [*((f, "path") for f in index["files"]), *((s, "name") for s in index["subject"])]:
        first, slash, rest = entry[key].partition("/")
        entry[key] = turned.get(first, first) + slash + rest
    file = tmp_path / "r.zip"
    file.write_bytes(put(found, INDEX, json.dumps(index).encode()))
    assert any("of another build" in problem for problem in verify(file, None).problems)
    assert any("of another content" in problem for problem in verify(file, keys / "mine.pub").problems)


def test_bad_input(everything, archive, keys, tmp_path):
    for options, words in (
        ([f"--out={archive}"], "is there already"),
        ([f"--out={tmp_path / 'r.zip'}", "--builds=nowhere"], "no build to take"),
        ([f"--out={tmp_path / 'r.zip'}", f"--key={keys / 'mine.pub'}"], "not a private key"),
        ([f"--out={archive}", "--verify", f"--key={keys / 'mine.pem'}"], "not a public key"),
        (["--out=pyproject.toml", "--verify"], "not the archive of a release"),
        (["--out=nowhere.zip", "--verify"], "cannot be read"),
        (["--out=build", "--verify"], "not the archive of a release"),
    ):
        done = typed(everything, "release", *options)
        assert done.returncode == 2 and words in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
    assert not (tmp_path / "r.zip").exists()


def test_a_build_that_was_changed_is_not_released(released, tmp_path):
    (released / "build/phone/digits/model.tflite").open("ab").write(b"x")
    done = typed(released, "release", f"--out={tmp_path / 'r.zip'}")
    assert done.returncode == 2 and "changed since it was built" in done.stderr and not (tmp_path / "r.zip").exists()


def over_budget(project):
    file = project / "pyproject.toml"
    file.write_text(file.read_text().replace('"44 KiB"', '"4 KiB"'))
    assert typed(project, "build", "--target=phone").returncode == 1


def trial(project):
    assert typed(project, "build", "--target=phone", "--set=budget.model_size=50 KiB").returncode == 0


def stale(project):
    with (project / "assets/digits.keras").open("ab") as file:
        file.write(b"\0")


def other_preprocessing(project):
    file = project / "pyproject.toml"
    file.write_text(file.read_text().replace("scale = 0.0039", "scale = 0.0038"))


def other_folder(project):
    (project / "build/phone").rename(project / "build/camera")


@pytest.mark.parametrize(
    ("change", "words", "allow"),
    [
        (over_budget, "budget model_size: fail", "--allow-broken"),
        (trial, "budget.model_size=50 KiB", "--allow-trial"),
        (stale, "the model has changed since", "--allow-stale"),
        (other_preprocessing, "preprocessing", "--allow-stale"),
        (other_folder, "not of this folder's name", ""),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_release_and_a_baseline_take_only_what_check_passes(built, change, words, allow):
    change(built)
    assert typed(built, "check", "--target=phone").returncode == 1
    for made, *command in (("r.zip", "release", "--out=r.zip"), ("baselines/v9.json", "baseline", "save", "v9")):
        done = typed(built, *command)
        assert done.returncode == (1 if allow else 2) and not (built / made).exists(), done.stderr
        assert len(done.stderr.splitlines()) == 1 and words in done.stderr and allow in done.stderr
        if allow:
            done = typed(built, *command, allow)
            assert done.returncode == 0 and (built / made).exists() and words in done.stderr, done.stderr


def test_nothing_is_overwritten_unless_that_is_said(built):
    for command, file in ((("release", "--out=r.zip"), "r.zip"), (("baseline", "save", "v1"), "baselines/v1.json")):
        assert typed(built, *command).returncode == 0
        before = (built / file).read_bytes()
        (built / "baselines/v1/tablet").mkdir(parents=True, exist_ok=True)
        (built / "baselines/v1/tablet/digits.tflite").write_bytes(b"of the release before")
        done = typed(built, *command)
        assert done.returncode == 2 and "--replace" in done.stderr and len(done.stderr.splitlines()) == 1
        assert typed(built, *command, "--replace").returncode == 0 and (built / file).read_bytes() == before
    assert not (built / "baselines/v1/tablet/digits.tflite").exists()


@pytest.mark.parametrize("name", ["manifest.json", "report.json", "model.tflite"])
def test_a_build_that_lacks_a_file_is_no_release(built, name):
    (built / "build/phone/digits" / name).unlink()
    for command in (("release", "--out=r.zip"), ("baseline", "save", "v9")):
        done = typed(built, *command)
        assert done.returncode == 2 and name in done.stderr and "missing" in done.stderr, done.stderr
    assert not (built / "r.zip").exists() and not (built / "baselines/v9.json").exists()


def test_only_targets_that_are_built_can_be_named(built):
    done = typed(built, "release", "--out=r.zip", "--target=camera")
    assert done.returncode == 2 and "no build for camera" in done.stderr and not (built / "r.zip").exists()
