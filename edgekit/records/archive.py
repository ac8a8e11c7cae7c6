"""The container of a release: a zip of one form only, so that every reader sees the same files in it.

A zip says everything twice, in front of each member and in the directory at its end, and readers differ in what they
believe. This one has nothing but regular files, each once, in order, without comment, extra field, gap or second
meaning: what is read is written again and has to be the same bytes, but for how zlib chose to compress.

Source: PKWARE, "APPNOTE.TXT - .ZIP File Format Specification", version 6.3.10.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from edgekit.report.types import is_inside

MODE = 0o100644 << 16
"""A regular file that everybody may read."""
VERSION, UNIX, UTF8, DEFLATED = 20, 3, 0x800, 8
EARLIEST = (0, 1 << 5 | 1)
"""The time of every member: the first that a zip can say, 1 January 1980."""
LOCAL, CENTRAL, END = "<4s5H3L2H", "<4s4B4H3L5H2L", "<4s4H2LH"
MOST = 0xFFFFFFFF
"""Bytes of an archive, and"""
MOST_MEMBERS = 0xFFFF
"""members."""
PIECE = 1 << 20
"""Bytes that are decompressed at once."""


class Foreign(ValueError):
    """The bytes are not those of an archive that `packed` makes; says why."""


class Member(Struct, frozen=True):
    """A file in an archive."""

    name: str
    crc: int
    size: int
    stream: Any
    """Deflated; bytes, or a view of them."""


def deflated(name: str, content: bytes) -> Member:
    """A file as a member."""
    machine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return Member(name, zlib.crc32(content), len(content), machine.compress(content) + machine.flush())


def inflated(member: Member) -> Iterator[bytes]:
    """The content of a member in pieces, however large it is.

    Raises:
      Foreign: after the pieces, that the stream is damaged or does not hold what the member says.
    """
    machine, stream, size, crc = zlib.decompressobj(-zlib.MAX_WBITS), memoryview(member.stream), 0, 0
    try:
        for start in range(0, len(stream), PIECE):
            rest: bytes | memoryview = stream[start : start + PIECE]
            while rest and not machine.eof and size <= member.size:
                piece = machine.decompress(rest, PIECE)
                rest, size, crc = machine.unconsumed_tail, size + len(piece), zlib.crc32(piece, crc)
                yield piece
            if rest or machine.unused_data:
                break
        if size < member.size and not machine.eof:  # a copy that began before a piece was full
            piece = machine.flush()
            size, crc = size + len(piece), zlib.crc32(piece, crc)
            yield piece
    except zlib.error as problem:
        raise Foreign(f"{member.name}: damaged ({problem})") from None
    if (size, crc) != (member.size, member.crc) or not machine.eof or machine.unused_data:
        raise Foreign(f"{member.name}: damaged, or of another size than is said")


def packed(members: Sequence[Member]) -> bytes:
    """The archive.

    Raises:
      Foreign: it would be larger than a plain zip can be.
    """
    return b"".join(_pieces(members))


def _pieces(members: Sequence[Member]) -> Iterator[bytes | memoryview]:
    """What an archive is made of, from its start to its end."""
    directory, offset = [], 0
    for m in members:
        name = m.name.encode()
        flags = 0 if name.isascii() else UTF8
        facts = (flags, DEFLATED, *EARLIEST, m.crc, len(m.stream), m.size, len(name), 0)
        if max(offset, m.size, len(m.stream)) >= MOST or len(members) >= MOST_MEMBERS:
            raise Foreign("more than 4 GiB or 65,534 files")
        head = struct.pack(LOCAL, b"PK\3\4", VERSION, *facts) + name
        entry = struct.pack(CENTRAL, b"PK\1\2", VERSION, UNIX, VERSION, 0, *facts, 0, 0, 0, MODE, offset)
        directory.append(entry + name)
        yield head
        yield m.stream
        offset += len(head) + len(m.stream)
    yield from directory
    yield struct.pack(END, b"PK\5\6", 0, 0, len(members), len(members), sum(map(len, directory)), offset, 0)


def members(content: bytes | memoryview) -> list[Member]:
    """The members of an archive; nothing is decompressed, and of a view nothing is copied.

    Raises:
      Foreign: it is not of the form that `packed` gives.
    """
    end = struct.calcsize(END)
    if content[-end:][:4] != b"PK\5\6":
        raise Foreign("its end is not that of a zip without comment: something was added, or cut off")
    *_, count, size, place, _ = struct.unpack(END, content[-end:])
    if place + size + end != len(content):
        raise Foreign("something was added before, between or after its members")
    found: list[Member] = []
    for _ in range(count):
        member, place = _member(content, place)
        found.append(member)
    _distinct([m.name for m in found])
    place = 0
    for piece in _pieces(found):
        if content[place : place + len(piece)] != piece:
            raise Foreign("its members are not as its directory says")
        place += len(piece)
    return found


def _distinct(names: list[str]) -> None:
    """Refuses names that are one file, or a file and a folder, on some system."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.casefold(), name)
        if other is not name:
            same = "is there twice" if other == name else f"and {name!r} are one file where case does not count"
            raise Foreign(f"{other!r} {same}")
    for name in names:
        folder = name.casefold()
        while folder := folder.rpartition("/")[0]:
            if folder in seen:
                raise Foreign(f"{seen[folder]!r} is a file and a folder")


def _member(content: bytes | memoryview, place: int) -> tuple[Member, int]:
    """The member that the directory names at a place, and the next place."""
    head = struct.calcsize(CENTRAL)
    if content[place : place + 4] != b"PK\1\2" or place + head > len(content):
        raise Foreign("its directory is damaged")
    facts = struct.unpack(CENTRAL, content[place : place + head])
    flags, method, crc, stream, size, length, mode, offset = *facts[5:7], *facts[9:13], *facts[17:19]
    try:
        text = bytes(content[place + head : place + head + length])
        name = text.decode()
    except UnicodeDecodeError:
        raise Foreign(f"{text!r} is no name in UTF-8") from None
    if not is_inside(name):
        raise Foreign(f"{name!r} is no path of a file inside a folder")
    if flags & 1:
        raise Foreign(f"{name!r} is encrypted")
    if mode != MODE:
        raise Foreign(f"{name!r} is not a plain file")
    if method != DEFLATED:
        raise Foreign(f"{name!r} is not deflated")
    start = offset + struct.calcsize(LOCAL) + length
    return Member(name, crc, size, content[start : start + stream]), place + head + length
