"""The container of a release: what is packed comes out, here and in every other program."""

import io
import struct
import zipfile

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edgekit.records.archive import CENTRAL, END, Foreign, members, packed, stored

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\\:\0"), min_size=1, max_size=20).filter(
    lambda name: name.isprintable() and name not in (".", "..")
)
FILES = st.dictionaries(NAMES, st.binary(max_size=2000), max_size=6).filter(
    lambda files: len({name.casefold() for name in files}) == len(files)
)
SMALL = {
    "nothing": {},
    "an empty file": {"a": b""},
    "zeros": {"0¡¡": b"\0\0"},
    "a zip": {"a.zip": packed([stored("b", b"c")])},
    "several": {"a/b": b"ab" * 9, "a/c": b"", "é": b"\xff"},
}


def archive(files):
    return packed([stored(name, content) for name, content in files.items()])


def unpacked(content):
    return {member.name: bytes(member.content) for member in members(content)}


@given(FILES)
@settings(deadline=None)
def test_what_is_packed_comes_out_here_and_elsewhere(files):
    content = archive(files)
    assert unpacked(content) == unpacked(memoryview(content)) == files
    with zipfile.ZipFile(io.BytesIO(content)) as found:
        assert found.testzip() is None
        assert {name: found.read(name) for name in found.namelist()} == files


def test_contents_are_views_of_the_archive():
    content = archive({"a": b"some", "b": b"thing"})
    assert all(member.content.obj is content for member in members(content))


@given(FILES, st.integers(0), st.integers(1, 255))
@example(SMALL["zeros"], 38, 4)  # a padding bit, when members were deflated
@settings(deadline=None)
def test_no_byte_can_change_unseen(files, place, change):
    content = bytearray(archive(files))
    content[place % len(content)] ^= change
    with pytest.raises(Foreign):
        members(content)


@pytest.mark.parametrize("files", SMALL.values(), ids=SMALL)
def test_no_bit_of_a_small_archive_can_change_unseen(files):
    content = bytearray(archive(files))
    for bit in range(8 * len(content)):
        content[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Foreign):
            members(content)
        content[bit // 8] ^= 1 << bit % 8
    assert unpacked(content) == files


@given(st.binary(max_size=500), st.binary(min_size=1, max_size=100))
@settings(deadline=None)
def test_nothing_can_be_added_or_cut_off(file, more):
    content = archive({"file": file})
    for other in (content + more, more + content, content[: -len(more)], content[len(more) :]):
        with pytest.raises(Foreign):
            members(other)


@pytest.mark.parametrize("files", SMALL.values(), ids=SMALL)
def test_a_part_of_an_archive_is_none(files):
    content = archive(files)
    for place in range(1, len(content) + 1):
        for part in (content[place:], content[:-place]):
            with pytest.raises(Foreign):
                members(part)


@given(FILES, st.binary(max_size=100))
@settings(deadline=None)
def test_nothing_can_be_added_as_a_part_of_the_directory(files, more):
    """A whole archive, and a second end that counts the first, and what follows it, as the directory."""
    content = archive(files)
    *facts, size, place, comment = struct.unpack(END, content[-struct.calcsize(END) :])
    second = struct.pack(END, *facts, size + struct.calcsize(END) + len(more), place, comment)
    with pytest.raises(Foreign, match="after its directory"):
        members(content + more + second)


def test_members_that_are_the_same_bytes_are_refused_at_the_second():
    """65,534 entries for one file of 64 MiB, which would be 4 TiB to look at."""
    one = archive({"00000": bytes(64 << 20)})
    *_, place, _ = struct.unpack(END, one[-struct.calcsize(END) :])
    head = one[place : place + struct.calcsize(CENTRAL)]
    directory = b"".join(head + b"%05d" % number for number in range(65534))
    end = struct.pack(END, b"PK\5\6", 0, 0, 65534, 65534, len(directory), place, 0)
    with pytest.raises(Foreign, match="'00001' is not where the member before it ends"):
        members(one[:place] + directory + end)
