"""The archive of a release: what ships, its reports and its evidence, the same bytes each time; and its signature."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import msgspec

from edgekit.errors import OutputError, ProjectError, SetupError
from edgekit.report.types import Manifest
from edgekit.store import write
from edgekit.write import intact

SIGNATURE = "manifest.dsse.json"
PAYLOAD = "application/vnd.in-toto+json"
NOT_RELEASED = {"build.log"}
"""Outputs that help who builds, and nobody else."""
EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The date of every member: the first that a zip can say."""


def release(out: Path, archive: Path, key: Path | None) -> list[str]:
    """Packs every build of a folder.

    Args:
      out: `DIR`, whose `TARGET/MODEL` were built.
      archive: the file, which must not be there yet.
      key: a private key in PEM (Ed25519, ECDSA or RSA), with which each manifest is signed.

    Returns:
      the members, by their paths in the archive.

    Raises:
      OutputError: there is no build, one is not as it was built, or the archive is there already.
      ProjectError: the key is none.
      SetupError: signing is wanted, and its library is not installed.
    """
    if archive.exists():
        raise OutputError(f"{archive}: is there already; remove it, or name another with --out=FILE.zip")
    members: dict[str, bytes] = {}
    for place in sorted(out.glob("*/*/manifest.json")):
        folder = place.parent
        content = place.read_bytes()
        try:
            manifest = msgspec.json.decode(content, type=Manifest)
        except msgspec.DecodeError as problem:
            raise OutputError(f"{place}: cannot be read ({problem}); build again") from None
        inside = f"{folder.parent.name}/{folder.name}"
        for output in manifest.outputs:
            if not intact(folder, output):
                raise OutputError(f"{folder / output.path}: not as it was built; build again")
            if output.path not in NOT_RELEASED:
                members[f"{inside}/{output.path}"] = (folder / output.path).read_bytes()
        members[f"{inside}/manifest.json"] = content
        if key:
            members[f"{inside}/{SIGNATURE}"] = signed(content, key)
    if not members:
        raise OutputError(f"{out}: no build to release; run build, or name its folder with --builds=DIR")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for name, content in sorted(members.items()):
            entry = zipfile.ZipInfo(name, EARLIEST)
            entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, 0o644 << 16, 3
            file.writestr(entry, content)
    write(archive, packed.getvalue())
    return sorted(members)


def verify(archive: Path, key: Path | None) -> list[str]:
    """What of an archive is not as its manifests say; empty where all is.

    Args:
      key: the public key in PEM of whoever signed; without one, signatures are not looked at.

    Raises:
      OutputError: it is no archive of a release.
      ProjectError: the key is none.
    """
    try:
        with zipfile.ZipFile(archive) as file:
            members = {name: file.read(name) for name in file.namelist()}
        manifests = {
            name.rpartition("/")[0]: msgspec.json.decode(content, type=Manifest)
            for name, content in members.items()
            if name.endswith("/manifest.json")
        }
    except (OSError, zipfile.BadZipFile, msgspec.DecodeError, RuntimeError) as problem:
        raise OutputError(f"{archive}: not the archive of a release ({problem}); make it with `release`") from None
    problems = [] if manifests else [f"{archive}: holds no manifest"]
    known = set()
    for folder, manifest in manifests.items():
        known |= {f"{folder}/manifest.json", f"{folder}/{SIGNATURE}"}
        for output in manifest.outputs:
            name = f"{folder}/{output.path}"
            known.add(name)
            if name in members and hashlib.sha256(members[name]).hexdigest() != output.sha256:
                problems.append(f"{archive}: {name}: changed since it was built")
            elif name not in members and output.path not in NOT_RELEASED:
                problems.append(f"{archive}: {name}: missing")
        if key:
            envelope = members.get(f"{folder}/{SIGNATURE}")
            said = "not signed" if envelope is None else _verified(envelope, members[f"{folder}/manifest.json"], key)
            problems += [f"{archive}: {folder}/manifest.json: {said}"] if said else []
    return problems + [f"{archive}: {name}: in no manifest" for name in sorted(set(members) - known)]


def signed(content: bytes, key: Path) -> bytes:
    """A DSSE envelope around a manifest.

    Source: in-toto, "DSSE: Dead Simple Signing Envelope", version 1.0; the library is `securesystemslib`.
    """
    crypto = _library()
    try:
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        signer = crypto.CryptoSigner(load_pem_private_key(key.read_bytes(), None))
    except (OSError, ValueError, TypeError) as problem:
        raise ProjectError(f"{key}: not a private key in PEM without a password ({problem})") from None
    from securesystemslib.dsse import Envelope

    envelope = Envelope(content, PAYLOAD, {})
    envelope.sign(signer)
    return msgspec.json.format(msgspec.json.encode(envelope.to_dict()), indent=2) + b"\n"


def _verified(envelope: bytes, content: bytes, key: Path) -> str:
    """What is wrong with a signature; "" where nothing is."""
    crypto = _library()
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import VerificationError

    try:
        public = crypto.SSlibKey.from_crypto(load_pem_public_key(key.read_bytes()))
    except (OSError, ValueError, TypeError) as problem:
        raise ProjectError(f"{key}: not a public key in PEM ({problem})") from None
    try:
        found: dict[str, Any] = msgspec.json.decode(envelope)
        if base64.b64decode(found["payload"]) != content:
            return "its signature is of another content"
        Envelope.from_dict(found).verify([public], 1)
    except (VerificationError, KeyError, ValueError, TypeError, AttributeError, msgspec.DecodeError):
        return f"not signed with {key}"
    return ""


def _library() -> Any:
    try:
        from securesystemslib import signer
    except ImportError:
        raise SetupError("signatures need securesystemslib: pip install 'edgekit[sign]'") from None
    return signer
