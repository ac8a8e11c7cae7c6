"""The container of a release: what is packed comes out, here and in every other program."""

import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.records.archive import PIECE, Foreign, deflated, inflated, members, packed

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\\:\0"), min_size=1, max_size=20).filter(
    lambda name: name.isprintable() and name not in (".", "..")
)
FILES = st.dictionaries(NAMES, st.binary(max_size=2000), max_size=6).filter(
    lambda files: len({name.casefold() for name in files}) == len(files)
)


def unpacked(content):
    return {member.name: b"".join(inflated(member)) for member in members(content)}


@given(FILES)
@settings(deadline=None)
def test_what_is_packed_comes_out_here_and_elsewhere(files):
    content = packed([deflated(name, file) for name, file in files.items()])
    assert unpacked(content) == unpacked(memoryview(content)) == files
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == files


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 257])
@pytest.mark.parametrize("fill", ["zeros", "pairs", "noise"])
def test_so_do_large_files(size, fill):
    import random

    makers = {"zeros": bytes, "pairs": lambda n: (b"ab" * n)[:n], "noise": random.Random(0).randbytes}
    content = makers[fill](size)
    assert unpacked(packed([deflated("file", content)])) == {"file": content}


@given(FILES.filter(bool), st.data())
@settings(deadline=None)
def test_no_byte_can_change_unseen(files, data):
    content = bytearray(packed([deflated(name, file) for name, file in files.items()]))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    try:
        assert unpacked(bytes(content)) != files
    except Foreign as problem:
        assert str(problem)


@given(st.binary(max_size=500), st.binary(min_size=1, max_size=100))
@settings(deadline=None)
def test_nothing_can_be_added_or_cut_off(file, more):
    content = packed([deflated("file", file)])
    for other in (content + more, more + content, content[: -len(more)], content[len(more) :]):
        with pytest.raises(Foreign):
            unpacked(other)
