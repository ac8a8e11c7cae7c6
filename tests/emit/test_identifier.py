import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edgekit.emit.identifier import KEYWORDS, c_identifier


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("digits", "digits"),
        ("wake word (v2).final", "wake_word_v2_final"),
        ("3d-gesture", "model_3d_gesture"),
        ("class", "model_class"),
        ("string", "model_string"),
        ("Math", "model_Math"),
        ("Geräusch", "Gerausch"),
        ("模型", "model"),
        ("", "model"),
        ("__init__", "init"),
        ("a__b", "a_b"),
        ("../../etc/passwd", "etc_passwd"),
    ],
)
def test_resembles_the_name(name: str, identifier: str) -> None:
    assert c_identifier(name).rstrip("_") == c_identifier(name) == identifier


@given(st.one_of(st.text(), st.text("_ab1 é模*/"), st.sampled_from(sorted(KEYWORDS))))
@example("a" * 62 + "_b")
@example("_" * 500)
@example("9" * 500)
def test_any_text_gives_an_identifier_that_is_not_reserved(name: str) -> None:
    identifier = c_identifier(name)
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,62}", identifier)
    assert "__" not in identifier and not identifier.endswith("_")
    assert identifier not in KEYWORDS
    assert c_identifier(identifier) == identifier
