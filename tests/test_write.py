import pytest

from edgekit.files import sha256
from edgekit.records.outputs import intact
from edgekit.types import Artifact


@pytest.mark.parametrize(
    ("content", "expected"), [(None, False), (b"other", False), (b"weightz", False), (b"weights", True)]
)
def test_an_output_is_intact_while_it_holds_the_same_bytes(content, expected, tmp_path):
    (tmp_path / "weights").write_bytes(b"weights")
    output = Artifact("keras", "out", 7, sha256(tmp_path / "weights"))
    if content is not None:
        (tmp_path / "out").write_bytes(content)
    assert intact(tmp_path, output) is expected
