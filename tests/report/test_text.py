"""What an author put into names does not reach a terminal, a page or a table."""

import pytest
from msgspec import Struct, convert, to_builtins

from edgekit.commands.bench import print_measurements
from edgekit.commands.inspect import Inspection, print_inspection
from edgekit.report.console import print_json, print_table
from edgekit.report.progress import Progress
from edgekit.report.text import cleaned, one_line
from edgekit.types import Measurement, Part, StageRow, TensorSpec

HOSTILE = "a\x1b[2J\x1b]0;owned\x07\nedgekit: pass\r\u202eb\u2066\u200bc\x9b31m\udcffd\x00"
FORBIDDEN = {c for c in HOSTILE if not c.isprintable()} - {"\n"}


class Inner(Struct, frozen=True):
    name: str
    more: dict[str, list[str]] = {}


class Outer(Struct, frozen=True):
    inner: tuple[Inner, ...]
    number: float = 1.5
    nothing: None = None


def test_every_text_of_a_value_is_cleaned_and_nothing_else_changes():
    plain = Outer((Inner("conv2d/Relu", {"é": ["ü…"]}),))
    assert cleaned(plain) == plain
    found = cleaned([Outer((Inner(HOSTILE, {HOSTILE: [HOSTILE, "b"]}),))])
    assert not FORBIDDEN & set(str(to_builtins(found))) and "\n" not in found[0].inner[0].name
    assert convert(to_builtins(found), list[Outer]) == found
    assert found[0].inner[0].more[cleaned(HOSTILE)][1] == "b" and found[0].number == 1.5


def test_a_message_is_one_line():
    assert one_line("a\n\n b\tc") == "a b c"
    assert one_line(HOSTILE).isprintable()


INSPECTED = Inspection(
    HOSTILE,
    "hdf5 2.1",
    10,
    "ab",
    (TensorSpec(HOSTILE, (1, 2), "float32"),),
    (TensorSpec(HOSTILE, (1, 2), "float32"),),
    3,
    (Part(HOSTILE, HOSTILE, HOSTILE, 1),),
    notes=(HOSTILE,),
)


@pytest.mark.parametrize(
    "show",
    [
        lambda: print_inspection(INSPECTED),
        lambda: print_json(INSPECTED),
        lambda: print_measurements([Measurement("x", None, "B", runtime=HOSTILE, reason=HOSTILE)]),
        lambda: print_table(["a"], [[HOSTILE]]),
        lambda: Progress(verbose=True).headline(HOSTILE),
        lambda: Progress(verbose=True).end(StageRow("load", "built", 1.0, 1, reason=HOSTILE)),
        lambda: Progress().done(HOSTILE),
    ],
)
def test_what_is_printed_holds_nothing_that_a_terminal_obeys(capsys, show):
    show()
    printed = capsys.readouterr().out
    assert printed and not FORBIDDEN & set(printed)
    assert not any(line.startswith("edgekit: pass") for line in printed.splitlines())
