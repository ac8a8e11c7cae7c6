"""The container of a release: a zip of one form only, so that every reader sees the same files in it.

A zip says everything twice, in front of each member and in the directory at its end, and readers differ in what they
believe. This one has nothing but regular files, each once, in order, as they are (stored, not compressed), without
comment, extra field, gap or second meaning. What is read is written again and has to be the same bytes. A compressed
stream would have bits that no reader looks at, and its bytes would depend on the library that made it.

Source: PKWARE, "APPNOTE.TXT - .ZIP File Format Specification", version 6.3.10.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence

from msgspec import Struct

from edgekit.report.types import is_inside

MODE = 0o100644 << 16
"""A regular file that everybody may read."""
VERSION, UNIX, UTF8, STORED = 20, 3, 0x800, 0
EARLIEST = (0, 1 << 5 | 1)
"""The time of every member: the first that a zip can say, 1 January 1980."""
LOCAL, CENTRAL, END = "<4s5H3L2H", "<4s4B4H3L5H2L", "<4s4H2LH"
MOST = 0xFFFFFFFF
"""Bytes of an archive, and"""
MOST_MEMBERS = 0xFFFF
"""members."""


class Foreign(ValueError):
    """The bytes are not those of an archive that `packed` makes; says why."""


class Member(Struct, frozen=True):
    """A file in an archive."""

    name: str
    content: memoryview
    crc: int
    """CRC-32 of the content."""


def stored(name: str, content: bytes | memoryview) -> Member:
    """A file as a member; nothing is copied."""
    return Member(name, memoryview(content), zlib.crc32(content))


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
        size = len(m.content)
        facts = (flags, STORED, *EARLIEST, m.crc, size, size, len(name), 0)
        if max(offset, size) >= MOST or len(members) >= MOST_MEMBERS:
            raise Foreign("more than 4 GiB or 65,534 files")
        head = struct.pack(LOCAL, b"PK\3\4", VERSION, *facts) + name
        entry = struct.pack(CENTRAL, b"PK\1\2", VERSION, UNIX, VERSION, 0, *facts, 0, 0, 0, MODE, offset)
        directory.append(entry + name)
        yield head
        yield m.content
        offset += len(head) + size
    yield from directory
    yield struct.pack(END, b"PK\5\6", 0, 0, len(members), len(members), sum(map(len, directory)), offset, 0)


def members(archive: bytes | memoryview) -> list[Member]:
    """The members of an archive, with views of it as their contents.

    Raises:
      Foreign: it is not, to the bit, what `packed` makes of these members.
    """
    content, end = memoryview(archive), struct.calcsize(END)
    if len(content) < end or content[-end:][:4] != b"PK\5\6":
        raise Foreign("its end is not that of a zip without comment: something was added, or cut off")
    *_, count, size, place, _ = struct.unpack(END, content[-end:])
    if place + size + end != len(content):
        raise Foreign("something was added before, between or after its members")
    found: list[Member] = []
    start = 0
    for _ in range(count):
        member, start, place = _member(content, start, place)
        found.append(member)
    _distinct([m.name for m in found])
    place = 0
    for piece in _pieces(found):
        if content[place : place + len(piece)] != piece:
            raise Foreign("its members are not as its directory says")
        place += len(piece)
    if place != len(content):
        raise Foreign("something was added after its directory")
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


def _member(content: memoryview, start: int, place: int) -> tuple[Member, int, int]:
    """The member that starts at one place and that the directory names at another, and both places of the next."""
    head = struct.calcsize(CENTRAL)
    if content[place : place + 4] != b"PK\1\2" or place + head > len(content):
        raise Foreign("its directory is damaged")
    facts = struct.unpack(CENTRAL, content[place : place + head])
    flags, method, crc, packed_size, size, length, mode, offset = *facts[5:7], *facts[9:13], *facts[17:19]
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
    if method != STORED:
        raise Foreign(f"{name!r} is compressed, as in archives of an earlier edgekit: release the builds anew")
    if offset != start:  # else 65,534 members could be the same bytes, each looked at anew
        raise Foreign(f"{name!r} is not where the member before it ends")
    start += struct.calcsize(LOCAL) + length
    member = stored(name, content[start : start + size])
    if not len(member.content) == size == packed_size:
        raise Foreign(f"{name!r} is not of the size that is said")
    if member.crc != crc:
        raise Foreign(f"{name!r} is damaged")
    return member, start + size, place + head + length
