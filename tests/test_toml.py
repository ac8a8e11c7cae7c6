"""What is written as TOML is read back as it was."""

from hypothesis import given
from hypothesis import strategies as st

from edgekit.config import tomllib
from edgekit.toml import header, key, noted, written

TEXTS = st.text()
VALUES = st.recursive(
    st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=8,
)


@given(VALUES)
def test_any_value_is_read_back(value):
    assert tomllib.loads(f"x = {written(value)}")["x"] == value


@given(TEXTS, TEXTS, TEXTS)
def test_any_name_is_a_key_and_no_text_ends_its_comment(table, name, note):
    lines = [header("a", table), *noted([(f"{key(name)} = 1", note), ("b" * 90 + " = 2", "why")])]
    found = tomllib.loads("\n".join(lines))["a"][table]
    assert found == {name: 1, "b" * 90: 2}
    assert all(line.isprintable() for line in lines)


def test_comments_begin_in_one_column():
    assert noted([("a = 1", "one"), ("longer = 1", "two"), ("b = 1", "")], 8) == [
        "a = 1       # one",
        "longer = 1  # two",
        "b = 1",
    ]
