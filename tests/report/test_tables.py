"""Tables of any command, in terminals of any width, in pipes and files."""

import pytest
from rich.cells import cell_len

from edgekit.report.console import print_table

HEAD = ["when", "layer", "model_size", "model_size", "why"]
ROWS = [
    ["2026-11-29", "block_1/expand/conv2d_with_a_long_name", "37.6 KiB", "1,234,567", "it was " + "narrowed " * 12],
    ["2026-11-30", "", "1 B", "", "接続 " * 20],
]


@pytest.fixture
def terminal(monkeypatch, capsys):
    """`terminal(width, head, rows)` prints a table on a terminal and gives its lines."""

    def lines(width, head=HEAD, rows=ROWS):
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("NO_COLOR", "1")
        print_table(head, rows, right=(2, 3))
        return capsys.readouterr().out.replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines()

    return lines


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120, 300])
def test_nothing_is_cut_and_nothing_is_wider_than_the_terminal(terminal, width):
    lines = terminal(width)
    assert all(cell_len(line.rstrip()) <= width or " " not in line.strip() for line in lines), lines
    shown = "".join("".join(lines).split())
    assert "…" not in shown and "37.6KiB" in shown and "1,234,567" in shown
    assert shown.count("narrowed") + "".join(lines).count("接続") > 0
    assert sum(line.count("2026-11-29") for line in lines) == 1


def test_a_row_is_a_paragraph_where_its_numbers_do_not_fit(terminal):
    lines = terminal(40)
    assert lines[0] == "2026-11-29" and lines[1:3] == ["  layer", "    block_1/expand/conv2d_with_a_long_name,"]
    assert all(line.startswith("  ") for line in lines if not line.startswith("2026"))


def test_a_wide_terminal_has_a_line_for_each_row(terminal):
    assert len(terminal(300)) == 3


def test_a_pipe_has_a_line_for_each_row(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    print_table(HEAD, ROWS, right=(2, 3))
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_a_table_without_rows_is_its_head(terminal):
    assert terminal(80, rows=[])[0].split() == HEAD
