"""The reference model, built for every profile that edgekit brings."""

import json

import pytest
from command_line import ROOT, edgekit

from edgekit.firmware.cores import CORES
from edgekit.profile.known import built_in, known_targets
from edgekit.profile.profiles import load_target

MODEL = ROOT / "assets/digits"
NAMES = sorted(known_targets([built_in()]))


@pytest.mark.campaign
def test_the_reference_model_is_built_for_all_and_no_figure_of_the_build_host_stands_for_a_device(tmp_path):
    of_core = ("instructions", "latency", "latency_p50", "load_time", "speedup")
    sets = ["--set=budget.instructions=1 G", *(f"--set=budget.{name}=10 s" for name in of_core[1:4])]
    for name in NAMES:
        target = load_target(name, [built_in()])
        standalone = target.outputs.c_standalone
        chosen = sets if standalone else sets[1:]
        project = tmp_path / name
        project.mkdir()
        model = (f"--model={ROOT / 'assets/digits.keras'}", f"--data={ROOT / 'assets/digits.npz'}")
        done = edgekit(
            project, "build", f"--target={name}", *model, *chosen, "--json", EDGEKIT_STORE=str(tmp_path / "s")
        )
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        lines = {line["name"]: line for line in report["budget"]}
        for limit in ("latency", "latency_p50", "load_time"):
            line = lines[limit]
            simulated = (standalone and name not in ("esp32-c3", "cortex-m0plus")) or target.hardware.npu
            if limit == "latency" and simulated:
                assert line["verdict"] == "pass" and line["source"].split()[0] in ("estimated", "simulated")
            else:
                assert (line["verdict"], line["value"]) == ("inconclusive", None)
                assert "measure" in line["reason"] and "device" in line["reason"], line
        if standalone:
            known = target.hardware.cpu in CORES
            assert lines["instructions"]["verdict"] == ("pass" if known else "inconclusive")
        rest = {limit for limit, line in lines.items() if limit not in of_core and line["verdict"] != "pass"}
        assert not rest and report["verdict"] == "inconclusive"
