"""The archive of a release, its evidence and its signature."""

import json
import zipfile

import pytest
from command_line import edgekit

from edgekit.release import signed, verify


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
    done = edgekit(everything, "release", f"--out={file}", f"--key={keys / 'mine.pem'}")
    assert done.returncode == 0, done.stderr
    return file


def changed(archive, place, edit):
    """A copy of an archive with another member."""
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(place, "w") as new:
        for name in old.namelist():
            content = edit(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return place


def test_the_same_builds_give_the_same_bytes(everything, archive, keys, tmp_path):
    edgekit(everything, "release", f"--out={tmp_path / 'again.zip'}", f"--key={keys / 'mine.pem'}")
    assert (tmp_path / "again.zip").read_bytes() == archive.read_bytes()


def test_it_holds_what_ships_its_reports_and_evidence_and_nothing_else(everything, archive):
    with zipfile.ZipFile(archive) as file:
        names = set(file.namelist())
        assert file.read("phone/digits/model.tflite") == (everything / "build/phone/digits/model.tflite").read_bytes()
    assert {name.split("/")[0] for name in names} == {"camera", "camera-u55", "microcontroller", "phone"}
    of_phone = {name.removeprefix("phone/digits/") for name in names if name.startswith("phone/")}
    documents = {"report.json", "report.md", "report.html", "report.sarif", "junit.xml"}
    assert of_phone == {
        "model.tflite",
        "model.names.json",
        "golden.npz",
        *documents,
        "manifest.json",
        "manifest.dsse.json",
        "bom.cdx.json",
    }
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
    done = edgekit(everything, "release", f"--out={archive}", "--verify", f"--key={keys / 'mine.pub'}")
    assert (done.returncode, done.stdout) == (0, f"{archive}: as it was built\n")


CHANGES = {
    "a model": (lambda n, c: c + b"x" if n.endswith("phone/digits/model.tflite") else c, "changed since it was built"),
    "a report": (lambda n, c: None if n.endswith("phone/digits/report.md") else c, "missing"),
    "a manifest": (lambda n, c: c.replace(b'"pass"', b'"fine"', 1) if n.endswith("manifest.json") else c, "verdict"),
    "no signature": (lambda n, c: None if n.endswith("phone/digits/manifest.dsse.json") else c, "not signed"),
}


@pytest.mark.parametrize(("edit", "words"), CHANGES.values(), ids=CHANGES)
def test_what_was_changed_is_found(everything, archive, keys, tmp_path, edit, words):
    file = changed(archive, tmp_path / "r.zip", edit)
    done = edgekit(everything, "release", f"--out={file}", "--verify", f"--key={keys / 'mine.pub'}")
    assert done.returncode == (2 if words == "verdict" else 1)
    assert words in done.stdout + done.stderr and "Traceback" not in done.stderr


def test_a_manifest_that_was_changed_does_not_match_its_signature(archive, keys, tmp_path):
    def edit(name, content):
        return (
            content.replace(b'"description": "', b'"description": "Better: ', 1) if "manifest.json" in name else content
        )

    problems = verify(changed(archive, tmp_path / "r.zip", edit), keys / "mine.pub")
    assert len(problems) == 4 and all("of another content" in problem for problem in problems)


def test_somebody_else_s_signature_is_none(archive, keys, tmp_path):
    assert all("not signed with" in problem for problem in verify(archive, keys / "other.pub"))

    def edit(name, content):
        manifest = name.replace(".dsse", "")
        return signed(zipfile.ZipFile(archive).read(manifest), keys / "other.pem") if ".dsse" in name else content

    assert len(verify(changed(archive, tmp_path / "r.zip", edit), keys / "mine.pub")) == 4


def test_a_member_that_no_manifest_knows_is_found(archive, tmp_path):
    file = changed(archive, tmp_path / "r.zip", lambda name, content: content)
    with zipfile.ZipFile(file, "a") as more:
        more.writestr("phone/digits/extra.bin", b"x")
    [problem] = verify(file, None)
    assert "extra.bin: in no manifest" in problem


def test_bad_input(everything, archive, keys, tmp_path):
    for options, words in (
        ([f"--out={archive}"], "is there already"),
        ([f"--out={tmp_path / 'r.zip'}", "--builds=nowhere"], "no build to release"),
        ([f"--out={tmp_path / 'r.zip'}", f"--key={keys / 'mine.pub'}"], "not a private key"),
        ([f"--out={archive}", "--verify", f"--key={keys / 'mine.pem'}"], "not a public key"),
        (["--out=pyproject.toml", "--verify"], "not the archive of a release"),
    ):
        done = edgekit(everything, "release", *options)
        assert done.returncode == 2 and words in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
    assert not (tmp_path / "r.zip").exists()


def test_a_build_that_was_changed_is_not_released(released, tmp_path):
    (released / "build/phone/digits/model.tflite").open("ab").write(b"x")
    done = edgekit(released, "release", f"--out={tmp_path / 'r.zip'}")
    assert done.returncode == 2 and "not as it was built" in done.stderr and not (tmp_path / "r.zip").exists()
