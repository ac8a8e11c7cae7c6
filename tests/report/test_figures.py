"""Which figures of what ships are shown."""

from edgekit.measure.fidelity import NO_CLASSES
from edgekit.measure.limits import Budget
from edgekit.report.figures import ORDER, figures
from edgekit.types import Measurement

HOST, QEMU, VELA = "tflm 0.1", "qemu 7.2", "vela 5.2"


def test_those_of_the_device_come_before_those_of_the_build_host():
    found = figures(
        [
            Measurement("latency_p90", 1, "ns", runtime=HOST),
            Measurement("arena", 2, "B", runtime=HOST),
            Measurement("latency_p90", 3, "ns", runtime="litert 2.3"),
            Measurement("model_size", 4, "B"),
            Measurement("instructions of CONV_2D", 5, "1", runtime=QEMU, artifact="operator"),
            Measurement("latency_p90", 6, "ns", runtime=QEMU),
            Measurement("latency_p90_change", 7, "%", runtime=QEMU),
            Measurement("flash", 8, "B", runtime=QEMU),
            Measurement("ram", None, "B", runtime=QEMU, reason="not measured"),
            Measurement("model_size", 9, "B", artifact="float"),
            Measurement("vela_sram", 10, "B", runtime=VELA),
        ],
        "tflm",
    )
    shown = {name: (m.value, m.runtime) for name, m in found.items()}
    assert shown == {
        "model_size": (4, ""),
        "arena": (2, HOST),
        "flash": (8, QEMU),
        "latency_p90": (6, QEMU),
        "vela_sram": (10, VELA),
    }
    assert list(found) == list(shown)


def test_values_that_are_no_classes_have_no_agreement_of_classes():
    found = figures([Measurement("fidelity", 99, "%", runtime=HOST, reason=NO_CLASSES)], "tflm")
    assert found == {}


def test_every_limit_has_its_figure_in_the_order():
    named = {"latency": "latency_p90", "metric_min": "metric", "metric_max": "metric"}
    limits = {name for name, kind in Budget.__annotations__.items() if "None" in str(kind)}
    assert {named.get(name, name) for name in limits} <= {*ORDER}
