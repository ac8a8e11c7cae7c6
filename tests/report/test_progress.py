"""What a build says while it works."""

import io
import sys

import pytest
from rich.cells import cell_len
from rich.console import Console

from edgekit.report import progress
from edgekit.report.progress import Progress, TimeLeft
from edgekit.types import StageRow


def built(name, seconds=1.0, size=0):
    return StageRow(name, "built", seconds, size, reason="first build")


def cached(name):
    return StageRow(name, "cached", 9.0, 0)


def test_a_part_is_one_line_with_the_time_of_its_steps_its_bytes_and_its_accuracy(capsys):
    with Progress() as told:
        told.headline("phone: digits")
        for name, seconds in (("prune", 2.0), ("convert", 0.5)):
            told.begin(name)
            told.end(built(name, seconds))
        told.end(cached("describe"))
        told.done("pruned to 50 %", 2048, 98.85)
    headline, part = capsys.readouterr().out.splitlines()
    assert headline == "phone: digits"
    assert part.split() == ["pruned", "to", "50", "%", "2.5", "s", "2.0", "KiB", "98.85", "%"]


def test_a_part_whose_steps_were_all_found_says_cached(capsys):
    with Progress() as told:
        told.headline("phone: digits")
        told.end(cached("load"))
        told.done("loaded", 10)
        told.begin("prune")
        told.end(built("prune"))
        told.done("pruned")
    _, loaded, pruned = capsys.readouterr().out.splitlines()
    assert loaded.split() == ["loaded", "cached", "10", "B"] and pruned.split() == ["pruned", "1.0", "s"]


def test_a_build_with_nothing_to_do_is_one_line(capsys):
    with Progress() as told:
        for name in ("phone: digits", "camera: digits", "phone: digits"):
            told.headline(name)
            told.end(cached("load"))
            told.done("loaded")
    assert capsys.readouterr().out == "nothing to do: all 3 steps were done before\n"


def test_of_several_builds_those_with_nothing_to_do_are_left_out(capsys):
    with Progress() as told:
        for name in ("camera: digits", "phone: digits", "watch: digits"):
            told.headline(name)
            told.end(cached("load"))
            told.done("loaded")
            if name.startswith("phone"):
                told.begin("prune")
                told.end(built("prune"))
                told.done("pruned")
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said] == ["phone:", "loaded", "pruned"]


def test_a_build_that_fails_does_not_say_that_there_was_nothing_to_do(capsys):
    with pytest.raises(ZeroDivisionError), Progress() as told:
        told.headline("phone: digits")
        told.end(cached("load"))
        raise ZeroDivisionError
    assert capsys.readouterr().out == ""


def test_verbose_says_each_step_when_it_is_done_and_the_parts_too(capsys):
    with Progress(verbose=True) as told:
        told.headline("phone: digits")
        assert capsys.readouterr().out == "phone: digits\n"
        told.end(cached("load"))
        assert capsys.readouterr().out.split() == ["load", "cached", "9.00", "s"]
        told.done("loaded")
        assert capsys.readouterr().out.split() == ["loaded", "cached"]


def test_quiet_says_nothing_but_notes(capsys):
    with Progress(quiet=True) as told:
        told.headline("phone: digits")
        told.begin("prune")
        told.end(built("prune"))
        told.done("pruned")
        for _ in range(2):
            told.note("the history is full")
    out, err = capsys.readouterr()
    assert out == "" and err == "note: the history is full\n"


@pytest.mark.parametrize("words", ["pruned", "x" * 300, "loaded " + "🦆" * 60])
def test_a_part_fits_into_80_columns(capsys, words):
    with Progress() as told:
        told.headline("phone: digits")
        told.end(built("load", 12345.6))
        told.done(words, 2**40 - 1, 100.0)
    assert all(cell_len(line) < 80 for line in capsys.readouterr().out.splitlines())


def drawn(bar, width=80):
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None, _environ={})
    console.print(bar._drawn())
    return console.file.getvalue()


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_the_bar_fits_its_terminal_and_comes_after_a_second(monkeypatch, width):
    now = [100.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    monkeypatch.setenv("TERM", "dumb")  # it is drawn here, not by a thread
    bar = progress._Bar("record litert-reference for tflite-runtime", 0.0)
    now[0] = 100.9
    assert drawn(bar).strip() == ""
    for now[0], share in ((110.0, 0.0), (120.0, 0.5)):
        bar.update("epoch 1/2, loss 0.0663", share)
    text = drawn(bar, width)
    assert len(text.splitlines()) == 1 and len(text.rstrip()) <= width
    assert width < 80 or ("epoch 1/2" in text and "20 s, 10 s left" in text)


@pytest.mark.parametrize("say", [lambda told: told.done("pruned"), lambda told: told.note("mend it")])
def test_a_line_takes_the_bar_away(capsys, monkeypatch, say):
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    told = Progress()
    told.begin("prune")
    assert told._bar is not None
    say(told)
    assert told._bar is None


def test_the_time_left_follows_the_pace_and_not_the_start():
    left = TimeLeft(0.0, 0.0)
    assert left.said(5.0) == "5 s" and left.done(5.0) == 0.0
    left.update(60.0, 0.1)  # a library was imported before
    assert left.said(60.0) == "60 s"
    left.update(61.0, 0.2)
    assert left.said(61.0) == "61 s, 8 s left"
    left.update(2000.0, 0.21)
    assert left.said(2000.0).endswith("h left")
    left.update(2001.0, 1.0)
    assert left.said(2001.0) == "2001 s"


def test_the_time_left_of_a_step_that_tells_no_share_is_that_of_last_time():
    left = TimeLeft(0.0, 10.0)
    assert left.said(4.0) == "4 s, 6 s left" and left.done(4.0) == pytest.approx(0.4)
    assert left.said(14.0) == "14 s" and left.done(14.0) == 0.99
