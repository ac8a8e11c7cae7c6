"""Every limit in every runtime on every kind of hardware, with its figure and without: always an answer."""

import itertools
from typing import get_args, get_type_hints

import msgspec
import pytest

from edgekit.firmware.hardware import Hardware
from edgekit.measure.judge import UNITS, fails, judge, verdict
from edgekit.measure.limits import AT_LEAST, DEVICES, HOSTED, NAMED, TIMED, Budget
from edgekit.measure.timing import LATENCIES, Candidate, Comparison
from edgekit.profile.recipe import Recipe
from edgekit.profile.target import Target
from edgekit.runtimes import RUNTIMES
from edgekit.runtimes.settings import Runtimes
from edgekit.stages.measure import questions_of
from edgekit.types import Measurement
from edgekit.units import Quantity

BUDGETS = {
    field.name: next(kind for kind in get_args(get_type_hints(Budget)[field.name]) if issubclass(kind, Quantity))
    for field in msgspec.structs.fields(Budget)
    if field.default is None
}
HARDWARE = {
    "none": Hardware(),
    "simulated core": Hardware(cpu="cortex-m4f"),
    "another core": Hardware(cpu="cortex-a76"),
    "NPU": Hardware(cpu="cortex-m55", npu="ethos-u55-128"),
}
LIMITS = {"generous": 1e12, "tight": 1e-3, "relative": "+5 %"}


def limit(name, kind):
    kept = LIMITS[kind]
    if name in AT_LEAST and not isinstance(kept, str):
        kept = 1 / kept
    return BUDGETS[name].parse(kept) if isinstance(kept, str) else BUDGETS[name](kept)


def figures(name, runtime):
    measured, unit = NAMED.get(name, name), UNITS[BUDGETS[name]]
    change = Measurement(f"{measured}_change", 1.0, "%", runtime=runtime)
    return [Measurement(measured, 10.0, unit, runtime=runtime), *([change] if name in TIMED else [])]


def target(budget, hardware, runtime):
    return Target(
        name="t", description="d", recipe=Recipe(), runtimes=Runtimes(ship=runtime), hardware=hardware, budget=budget
    )


def test_all_limits_are_here():
    assert len(BUDGETS) >= 21 and {"speedup", "churn", "metric_loss", "npu_coverage"} < BUDGETS.keys()


@pytest.mark.parametrize("hardware", HARDWARE)
@pytest.mark.parametrize("shipped", RUNTIMES)
def test_each_has_a_verdict_and_a_reason_and_nothing_passes_that_was_not_measured(shipped, hardware):
    host, device = f"{shipped} 1.0", "vela 5.2" if HARDWARE[hardware].npu else "qemu 7.2"
    for name, kind, on_host in itertools.product(BUDGETS, LIMITS, (False, True)):
        if kind == "relative" and name in AT_LEAST:
            continue
        budget = Budget(**{name: limit(name, kind)}, on_host=(name,) if on_host and name in HOSTED else ())
        for runtime, before in itertools.product((None, host, device), (False, True)):
            found = figures(name, runtime) if runtime else []
            [line] = judge(budget, found, shipped, figures(name, host) if before else (), HARDWARE[hardware])
            said = (name, kind, runtime, before, line)
            known = runtime == device or (
                runtime == host and (name not in HOSTED or hardware == "none" or name in budget.on_host)
            )
            if kind == "relative" and not before:
                assert line.verdict == "skipped", said
            elif not known:
                assert (line.verdict, line.value) == ("inconclusive", None), said
            elif kind != "relative":
                assert line.verdict == ("pass" if kind == "generous" else "fail"), said
            else:
                assert line.verdict in ("pass", "fail", "inconclusive"), said
            assert line.value is not None or line.reason, said
            word = verdict([line], found, shipped)
            assert (word == "pass") == (line.verdict == "pass") and fails(word, True) == (word != "pass"), said


@pytest.mark.parametrize("name", HOSTED)
def test_a_time_of_the_build_host_is_none_of_another_machine_and_says_what_would_be(name):
    budget = Budget(**{name: limit(name, "generous")})
    for hardware in HARDWARE.values():
        [line] = judge(budget, figures(name, "litert 2.3"), "litert", (), hardware)
        assert line.verdict == ("pass" if hardware.is_host else "inconclusive")
        assert hardware.is_host or (hardware.cpu in line.reason and f'budget.on_host = ["{name}"]' in line.reason)
    declared = Budget(**{name: limit(name, "generous")}, on_host=(name,))
    [line] = judge(declared, figures(name, "litert 2.3"), "litert", (), HARDWARE["another core"])
    assert (line.verdict, line.source) == ("pass", "measured litert 2.3, build host")


@pytest.mark.parametrize("level", ["error", "warn", "off"])
def test_a_limit_that_nothing_measures_leaves_the_build_inconclusive_unless_it_is_off(level):
    lines = judge(Budget(flash=limit("flash", "generous"), levels={"flash": level}), [], "tflm")
    assert [line.verdict for line in lines] == ([] if level == "off" else ["inconclusive"])
    assert verdict(lines, [], "tflm") == ("inconclusive" if level == "error" else "pass")


@pytest.mark.parametrize("hardware", HARDWARE)
@pytest.mark.parametrize("shipped", RUNTIMES)
def test_only_what_the_rounds_can_decide_is_asked_of_them(shipped, hardware):
    ships, then = Candidate("model", shipped), Candidate("baseline", shipped)
    compared = [] if shipped == "tflm" else [Comparison("speedup", Candidate("float", shipped), ships)]
    changes = [Comparison(f"{n}_change", ships, then, n, True) for n in (*LATENCIES, "load_time")]
    for name, kind, before in itertools.product(BUDGETS, LIMITS, (False, True)):
        if kind == "relative" and name in AT_LEAST:
            continue
        profile = target(Budget(**{name: limit(name, kind)}), HARDWARE[hardware], shipped)
        asked = questions_of(profile, ships, [*compared, *(changes if before else [])], device=False)
        assert bool(asked) == (
            name in TIMED
            and hardware == "none"
            and (kind != "relative" or before)
            and not (name == "speedup" and shipped == "tflm")
        ), (name, kind, before)


def test_devices_come_before_the_build_host():
    assert DEVICES == ("vela", "qemu")
