"""What to type to get a figure again is what the command takes."""

import re

from full_report import full_report, plain
from msgspec.structs import replace

from edgekit.report.console import print_commands
from edgekit.runtimes import RUNTIMES, SIMULATORS
from edgekit.types import Measurement


def test_only_runtimes_that_can_be_asked_are_named(capsys, tmp_path):
    report, _ = full_report(3, plain)
    others = [Measurement("accuracy", 98.0, "%", runtime=r) for r in ("tensorflow 2.21.0", "tflm 2026", "vela 4.0")]
    print_commands([replace(report, measurements=[*report.measurements, *others])], tmp_path, "")
    [line] = [line for line in capsys.readouterr().out.splitlines() if "edgekit bench" in line]
    named = re.findall(r"--runtime=(\S+)", line)
    assert {"tflm", "vela"} <= {*named} <= {*RUNTIMES, *SIMULATORS}
