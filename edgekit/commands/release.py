"""The archive of a release: what ships, its reports and its evidence, the same bytes each time; and its signature.

release.json         every file of the archive with its size and hash; an in-toto statement, which is what is signed
release.dsse.json    its signature, where there was a key
TARGET/MODEL/…       the builds
"""

from __future__ import annotations

import base64
import hashlib
import mmap
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from edgekit.errors import OutputError, ProjectError, SetupError
from edgekit.files import DAMAGE, decoded, write
from edgekit.records.archive import MOST, Foreign, members, packed, stored
from edgekit.records.outputs import ReleasedFiles, json
from edgekit.report.text import shown
from edgekit.report.types import Manifest, Subject

RELEASE: Final = "edgekit.release/1"
INDEX, SIGNATURE = "release.json", "release.dsse.json"
PAYLOAD = "application/vnd.in-toto+json"
NOT_RELEASED = {"build.log"}
"""Outputs that help who builds, and nobody else."""
LARGEST_INDEX = 64 << 20
"""Bytes that the index, its signature and each manifest may have."""
ANEW = "get the archive anew"


class File(msgspec.Struct, frozen=True):
    """A file of the archive."""

    path: str
    bytes: int
    sha256: str


class Index(msgspec.Struct, frozen=True, rename={"type_": "_type", "predicate_type": "predicateType"}):
    """`release.json`: all files of the archive but this one and its signature.

    Source: in-toto Attestation Framework, "Statement v1".
    """

    schema: Literal["edgekit.release/1"]
    files: list[File]
    subject: list[Subject]
    """The files once more, as in-toto wants them."""
    predicate: dict[str, Any] = {}
    type_: Literal["https://in-toto.io/Statement/v1"] = "https://in-toto.io/Statement/v1"
    predicate_type: Literal["urn:edgekit:release:1"] = "urn:edgekit:release:1"


class ReleaseVerification(msgspec.Struct, frozen=True):
    """What a look at an archive gave."""

    problems: list[str]
    """Empty where every file is as it was built."""
    builds: list[str]
    """`TARGET/MODEL` of each."""
    signed: bool
    """Whether that was checked with a key."""


def release(builds: Sequence[ReleasedFiles], archive: Path, key: Path | None, replace: bool = False) -> list[str]:
    """Packs builds.

    Args:
      builds: what the gate has passed.
      archive: the file.
      key: a private key in PEM (Ed25519, ECDSA or RSA), with which the index is signed.
      replace: whether a file that is there gives way.

    Returns:
      the members, by their paths in the archive.

    Raises:
      OutputError: the archive is there already, or is larger than a zip can be.
      ProjectError: the key is none.
      SetupError: signing is wanted, and its library is not installed.
    """
    if archive.exists() and not replace:
        raise OutputError(f"{archive}: is there already; name another with --out=FILE.zip, or overwrite with --replace")
    contents = {
        f"{build.target}/{build.model}/{path}": content
        for build in builds
        for path, content in build.files.items()
        if path not in NOT_RELEASED
    }
    files = [File(path, len(c), hashlib.sha256(c).hexdigest()) for path, c in sorted(contents.items())]
    index = json(Index(RELEASE, files, _subjects(files)))
    contents[INDEX] = index
    if key:
        contents[SIGNATURE] = signed(index, key)
    try:
        content = packed([stored(name, content) for name, content in sorted(contents.items())])
    except Foreign as problem:
        raise OutputError(f"{archive}: the release has {problem}; release fewer targets at once") from None
    write(archive, content)
    return sorted(contents)


def verify(archive: Path, key: Path | None) -> ReleaseVerification:
    """Whether an archive is as it was made: the files that its index names, no other, each with its size and hash.

    Args:
      key: the public key in PEM of whoever signed. Without one the archive may still be somebody else's: whoever
        changes a file can change the index, too.

    Raises:
      OutputError: it is no archive of a release.
      ProjectError: the key is none.
    """
    try:
        found = {member.name: member.content for member in members(_content(archive))}
        said = {name: _read(name, found[name]) for name in (INDEX, SIGNATURE) if name in found}
    except Foreign as problem:
        return ReleaseVerification([f"{archive}: {problem}; it is not as `release` packs it"], [], False)
    if INDEX not in said:
        raise OutputError(f"{archive}: not the archive of a release, for it has no {INDEX}; make it with `release`")
    problems = []
    if key:
        why = "not signed" if SIGNATURE not in said else _verified(said[SIGNATURE], said[INDEX], key)
        if why:
            return ReleaseVerification([f"{archive}: {INDEX}: {why}"], [], False)
    try:
        index = decoded(Path(f"{archive}: {INDEX}"), said[INDEX], Index, ANEW)
    except OutputError as problem:
        return ReleaseVerification([str(problem)], [], False)
    if _subjects(index.files) != index.subject or len({f.path for f in index.files}) != len(index.files):
        problems.append(f"{archive}: {INDEX}: its statement is not of its files")
    named = {file.path: file for file in index.files}
    problems += [f"{archive}: {name}: missing" for name in sorted(named.keys() - found.keys())]
    problems += [f"{archive}: {n}: not in its index" for n in sorted(found.keys() - named.keys() - {INDEX, SIGNATURE})]
    manifests = {}
    for name in sorted(named.keys() & found.keys()):
        file, content = named[name], found[name]
        try:
            if len(content) != file.bytes or hashlib.sha256(content).hexdigest() != file.sha256:
                problems.append(f"{archive}: {name}: changed since it was built")
            elif name.endswith("/manifest.json"):
                manifests[name.removesuffix("/manifest.json")] = _read(name, content)
        except Foreign as problem:
            problems.append(f"{archive}: {problem}")
    for folder, manifest in manifests.items():
        problems += _unlike(archive, folder, manifest, named)
    return ReleaseVerification(problems, sorted(manifests), key is not None)


def _unlike(archive: Path, folder: str, content: bytes, named: dict[str, File]) -> list[str]:
    """Where an index is not that of a build's own manifest, as it is where somebody has written another index."""
    place = f"{archive}: {folder}/manifest.json"
    try:
        manifest = decoded(Path(place), content, Manifest, ANEW)
        said = manifest.predicate["buildDefinition"]["externalParameters"]
        of = f"{said['target']}/{said['model']}"
    except OutputError as problem:
        return [str(problem)]
    except (KeyError, TypeError):
        of = ""
    problems = [] if of == folder else [f"{place}: is of another build"]
    own = {f"{folder}/{o.path}": o.sha256 for o in manifest.outputs if o.path not in NOT_RELEASED}
    listed = {n: f.sha256 for n, f in named.items() if n.startswith(f"{folder}/") and n != f"{folder}/manifest.json"}
    return problems + [f"{archive}: {n}: not as its manifest says" for n, _ in sorted(own.items() ^ listed.items())]


def _content(archive: Path) -> memoryview:
    """The file, if it is a zip at all; it is read where it is looked at."""
    try:
        size = archive.stat().st_size
        if not archive.is_file() or not zipfile.is_zipfile(archive) or size > MOST:
            raise OutputError(f"{archive}: not the archive of a release, for it is no zip; make it with `release`")
        with archive.open("rb") as file:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as problem:
        raise OutputError(f"{archive}: cannot be read ({problem.strerror}); name the archive with --out") from None


def _read(name: str, content: memoryview) -> bytes:
    """A member that says what others are."""
    if len(content) > LARGEST_INDEX:
        raise Foreign(f"{name}: larger than {LARGEST_INDEX >> 20} MiB")
    return bytes(content)


def _subjects(files: Sequence[File]) -> list[Subject]:
    return [Subject(file.path, {"sha256": file.sha256}) for file in files]


def signed(content: bytes, key: Path) -> bytes:
    """A DSSE envelope around an index.

    Source: in-toto, "DSSE: Dead Simple Signing Envelope", version 1.0; the library is `securesystemslib`.
    """
    crypto = _library()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        signer = crypto.CryptoSigner(load_pem_private_key(key.read_bytes(), None))
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as problem:
        raise ProjectError(f"{key}: not a private key in PEM without a password ({problem})") from None
    from securesystemslib.dsse import Envelope

    envelope = Envelope(content, PAYLOAD, {})
    envelope.sign(signer)
    return msgspec.json.format(msgspec.json.encode(envelope.to_dict()), indent=2) + b"\n"


def _verified(envelope: bytes, content: bytes, key: Path) -> str:
    """What is wrong with a signature; "" where nothing is."""
    crypto = _library()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import VerificationError

    try:
        public = crypto.SSlibKey.from_crypto(load_pem_public_key(key.read_bytes()))
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as problem:
        raise ProjectError(f"{key}: not a public key in PEM ({problem})") from None
    try:
        found: dict[str, Any] = msgspec.json.decode(envelope)
        if base64.b64decode(found["payload"]) != content:
            return "its signature is of another content"
        Envelope.from_dict(found).verify([public], 1)
    except (VerificationError, KeyError, TypeError, AttributeError, *DAMAGE):
        return f"not signed with {key}"
    return ""


def _library() -> Any:
    try:
        from securesystemslib import signer
    except ImportError:
        raise SetupError("signatures need securesystemslib: pip install 'securesystemslib[crypto]'") from None
    return signer


@shown
def print_verified_release(archive: str, found: ReleaseVerification) -> None:
    """What a look at an archive gave."""
    if found.problems:
        print(*found.problems, sep="\n")
    elif found.signed:
        print(f"{archive}: as it was built, and signed: {', '.join(found.builds)}")
    else:
        print(f"{archive}: whole: {', '.join(found.builds)}; who made it only --key=PEM tells")
