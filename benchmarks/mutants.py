"""Damaged and forged files: mutants that keep a format's structure, so that they get past its first check.

A mutator takes the content of a sound file and a source of chance, and returns other content. The same chance gives the
same mutant.
"""

from __future__ import annotations

import ast
import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

Mutator = Callable[[bytes, random.Random], bytes]

NUMBERS = (0, 1, -1, 2, 3, 7, 8, 127, 128, 255, 256, 65535, 65536, 2**31 - 1, -(2**31), 2**31, 2**32 - 1, 2**63 - 1)
TEXTS = (
    "",
    " ",
    "\0",
    "\n",
    "\x1b[31mred\x1b[0m",
    "\u202eabc",
    "../../x",
    "/etc/passwd",
    "a" * 5000,
    "é",
    "%s{0}",
    "--help",
)
VALUES: tuple[Any, ...] = (*NUMBERS, *TEXTS, None, True, False, 0.5, -0.0, 1e308, 1e-308, [], {}, [[]], [{}], {"": {}})


def binary(content: bytes, rng: random.Random) -> bytes:
    """A mutant that knows nothing of the format."""
    for _ in range(rng.choice([1, 1, 1, 2, 4, 16])):
        if not content:
            return rng.randbytes(rng.randint(0, 64))
        place = rng.randrange(len(content))
        match rng.randrange(7):
            case 0:
                content = content[:place] + bytes([content[place] ^ (1 << rng.randrange(8))]) + content[place + 1 :]
            case 1:
                content = content[:place]
            case 2:
                content = content[:place] + rng.randbytes(rng.choice([1, 4, 100])) + content[place:]
            case 3:
                content = content[:place] + content[place + rng.choice([1, 4, 100]) :]
            case 4:
                other = rng.randrange(len(content))
                content = content[:place] + content[other : other + rng.choice([4, 64, 1000])] + content[place:]
            case _:
                order = rng.choice("<>")
                form, mask = rng.choice([("B", 0xFF), ("H", 0xFFFF), ("I", 2**32 - 1), ("Q", 2**64 - 1)])
                forged = struct.pack(f"{order}{form}", rng.choice(NUMBERS) & mask)
                content = content[:place] + forged + content[place + len(forged) :]
    return content


def tree(value: Any, rng: random.Random) -> Any:
    """A tree of plain values with some of them changed, left out, doubled or moved."""
    places = list(_places(value))
    if not places:
        return rng.choice(VALUES)
    value = json.loads(json.dumps(value, default=str))
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        places = list(_places(value))
        holder, key = rng.choice(places)
        match rng.randrange(8):
            case 0:
                del holder[key]
            case 1:
                other, inner = rng.choice(places)
                holder[key] = json.loads(json.dumps(other[inner]))
            case 2:
                holder[key] = [holder[key]]
            case 3 if isinstance(holder, dict):
                holder[rng.choice(TEXTS)] = holder.pop(key)
            case 4 if isinstance(holder, list):
                holder.insert(key, json.loads(json.dumps(holder[key])))
            case 5 if isinstance(holder[key], (int, float)) and not isinstance(holder[key], bool):
                holder[key] *= rng.choice([-1, 0, 2, 1000, 1e12, 0.001])
            case _:
                holder[key] = rng.choice(VALUES)
        if not list(_places(value)):
            return value
    return value


def _places(value: Any) -> Any:
    """Every place in a tree, as its holder and key."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield value, key
        yield from _places(inner)


def of_json(content: bytes, rng: random.Random) -> bytes:
    """A mutant of a JSON file: usually of what it says, sometimes of its bytes."""
    if rng.random() < 0.2:
        return binary(content, rng)
    text = json.dumps(tree(json.loads(content), rng))
    if rng.random() < 0.05:
        text = text.replace('"', '"' + "[" * 100_000, 1)
    return text.encode(rng.choice(["utf-8"] * 9 + ["utf-16"]), "surrogatepass")


def of_toml(content: bytes, rng: random.Random) -> bytes:
    """A mutant of a TOML file."""
    if rng.random() < 0.2:
        return binary(content, rng)
    try:
        import tomllib
    except ImportError:  # Python 3.10
        import tomli as tomllib
    return _toml(tree(tomllib.loads(content.decode()), rng)).encode("utf-8", "surrogatepass")


def _toml(value: Any) -> str:
    """A table as TOML, each leaf on a line of its own with its whole key."""
    if not isinstance(value, dict):
        return f"x = {_inline(value)}\n"
    return "".join(f"{json.dumps(key)} = {_inline(inner)}\n" for key, inner in value.items())


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {_inline(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_inline(v) for v in value) + "]"
    return "inf" if value is None else json.dumps(value)


def of_zip(content: bytes, rng: random.Random, inner: Mutator = binary) -> bytes:
    """A mutant of a zip: its members changed, doubled, renamed, left out, or what the zip says of them."""
    if rng.random() < 0.15:
        return binary(content, rng)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    for _ in range(rng.choice([1, 1, 2])):
        place = rng.randrange(len(members)) if members else 0
        if not members:
            break
        info, held = members[place]
        match rng.randrange(9):
            case 0:
                del members[place]
            case 1:
                members.insert(rng.randint(0, len(members)), (info, inner(held, rng)))
            case 2:
                renamed = zipfile.ZipInfo(
                    rng.choice(["../x", "/x", "a/../../x", "x\\..\\y", "model.tflite", *TEXTS])[:60000] or "x"
                )
                members[place] = (renamed, held)
            case 3:
                link = zipfile.ZipInfo(info.filename)
                link.external_attr = 0o120777 << 16
                members[place] = (link, b"/etc/passwd")
            case 4:
                members.append((zipfile.ZipInfo(rng.choice(["extra", "folder/", "manifest.json", "x.npy"])), held))
            case 5 if len(members) > 1:
                other = rng.randrange(len(members))
                (a, b), (c, d) = members[place], members[other]
                members[place], members[other] = (a, d), (c, b)
            case 6:
                members[place] = (info, bytes(rng.choice([1 << 10, 1 << 20, 1 << 25])))
            case _:
                members[place] = (info, inner(held, rng))
    made = io.BytesIO()
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # doubled names are what is wanted
        with zipfile.ZipFile(made, "w", rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
            for info, held in members:
                archive.writestr(info, held, rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
            if rng.random() < 0.1:
                archive.comment = rng.randbytes(50)
    content = made.getvalue()
    if rng.random() < 0.25:  # what the central directory claims
        start = content.rfind(b"PK\x01\x02")
        place = start + rng.choice([8, 10, 16, 20, 24, 28, 30, 38, 42])
        content = content[:place] + struct.pack("<I", rng.choice(NUMBERS) & (2**32 - 1)) + content[place + 4 :]
    return content


def of_npy(content: bytes, rng: random.Random) -> bytes:
    """A mutant of a `.npy`: of its header's shape, type and order, or of its values."""
    if rng.random() < 0.3 or not content.startswith(b"\x93NUMPY"):
        return binary(content, rng)
    (length,) = struct.unpack("<H", content[8:10])
    header, values = ast.literal_eval(content[10 : 10 + length].decode("latin1")), content[10 + length :]
    types = ("<f4", ">f8", "|b1", "<U9", "|S4", "|O", "<c16", "<M8[s]", "<f2", "<i8", "|V8", "|u1", [("a", "<f4")])
    match rng.randrange(4):
        case 0:
            header["descr"] = rng.choice(types)
        case 1:
            header["shape"] = tuple(rng.choice([0, 1, 2, 60, 2**31, 2**62, -1]) for _ in range(rng.randint(0, 5)))
        case 2:
            header["fortran_order"] = True
        case _:
            header = tree(header, rng)
    text = repr(header).encode("latin1", "replace")
    text += b" " * ((-len(text) - 11) % 64) + b"\n"
    return content[:8] + struct.pack("<H", min(len(text), 65535)) + text + values


def of_npz(content: bytes, rng: random.Random) -> bytes:
    """A mutant of an `.npz`."""
    return of_zip(content, rng, of_npy)


def of_png(content: bytes, rng: random.Random) -> bytes:
    """A mutant of a PNG whose checksums are right."""
    chunks, place = [], 8
    while place + 8 <= len(content):
        (length,), kind = struct.unpack(">I", content[place : place + 4]), content[place + 4 : place + 8]
        chunks.append((kind, content[place + 8 : place + 8 + length]))
        place += 12 + length
    where = rng.randrange(len(chunks))
    kind, held = chunks[where]
    match rng.randrange(5):
        case 0:
            chunks.insert(rng.randint(0, len(chunks)), (kind, held))
        case 1:
            chunks.insert(
                1, (rng.choice([b"tRNS", b"PLTE", b"iCCP", b"zTXt", b"eXIf", b"acTL", b"sBIT"]), rng.randbytes(20))
            )
        case 2 if kind == b"IDAT":
            chunks[where] = (kind, zlib.compress(bytes(rng.choice([10, 1 << 16, 1 << 24]))))
        case _:
            chunks[where] = (kind, binary(held, rng))
    return content[:8] + b"".join(
        struct.pack(">I", len(held)) + kind + held + struct.pack(">I", zlib.crc32(kind + held)) for kind, held in chunks
    )
