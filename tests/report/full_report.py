"""Reports in which everything is there that a page shows, of a model with as many layers and such names as wanted."""

from __future__ import annotations

import numpy as np

from edgekit.flatbuffer.anatomy import Anatomy, Layer
from edgekit.measure.confusion import confusion
from edgekit.measure.differences import ChangedSample, Differences
from edgekit.measure.drawing import drawn
from edgekit.npu.vela import Layer as NpuLayer
from edgekit.npu.vela import NpuModel
from edgekit.report.extras import Extras
from edgekit.report.types import (
    BaselineEntry,
    Commit,
    Distribution,
    Figure,
    HistoryEntry,
    ModelEntry,
    Report,
    TargetEntry,
)
from edgekit.types import (
    Agreement,
    Artifact,
    Attempt,
    BudgetLine,
    Divergence,
    Machine,
    Measurement,
    StageRow,
)

TFLM, VELA, QEMU = "tflm 0.dev20261023182759", "vela 5.2.0", "qemu 7.2.22"
EVIL = "<img src=x onerror=alert(1)>\"'&\x1b[31m\u202e"
LONG = "residual_block_of_the_backbone/depthwise_separable_convolution_" * 4
UNBROKEN = "W" * 250


def plain(number: int) -> str:
    """As people name layers."""
    return ("stem", "conv2d_1", "block_12_expand", "head")[number % 4]


def hostile(number: int) -> str:
    """As nobody should."""
    return (EVIL, LONG, UNBROKEN, "卷积层" * 40, " ")[number % 5]


def full_report(layers: int, named, classes: int = 7) -> tuple[Report, Extras]:
    """A report and what is shown beside it.

    Args:
      named: of a layer's or class's number its name.
      classes: of the model.
    """
    rng = np.random.default_rng(layers)
    name = named(1)
    measured = [
        Measurement("accuracy", 90.12, "%", runtime=TFLM, samples=2000, low=88.7, high=91.4, artifact="model"),
        Measurement("accuracy", 91.0, "%", runtime=TFLM, samples=2000, low=89.7, high=92.2, artifact="original"),
        Measurement("accuracy", 91.0, "%", runtime=TFLM, samples=2000, low=89.7, high=92.2, artifact="float"),
        Measurement("accuracy", 90.5, "%", runtime=TFLM, samples=2000, low=89.1, high=91.7, artifact="prune"),
        Measurement("metric", 0.87, "", runtime=TFLM, samples=2000, low=0.81, high=0.9),
        Measurement("accuracy.second", 77.0, "%", runtime=TFLM, samples=2000, low=75.0, high=79.0),
        Measurement("sqnr", 21.4, "dB", runtime=TFLM),
        Measurement("latency_p50", 1.2e6, "ns", runtime="litert 2.3.0", low=1.1e6, high=1.3e6),
        Measurement("latency_p50", None, "ns", runtime=TFLM, reason="failed: " + UNBROKEN),
        Measurement("model_size", 38000, "B"),
        Measurement("model_size", 140000, "B", artifact="float"),
        Measurement("model_size", 140000, "B", artifact="prune"),
        Measurement("parameters", 34000, "1", artifact="prune"),
        Measurement("nonzero", 17000, "1", artifact="prune"),
        Measurement("latency_p90", 63e6, "ns", "estimated", QEMU, low=58e6, high=70e6, reason="of " + LONG),
        Measurement("instructions", 3_700_000, "1", "simulated", QEMU, 7),
        *(
            Measurement(
                f"instructions of CONV_2D {named(n)}", 10.0 ** (n % 7), "1", "simulated", QEMU, artifact="operator"
            )
            for n in range(layers)
        ),
    ]
    baseline = [
        Measurement("model_size", 37000, "B"),
        Measurement("accuracy", 93.5, "%", runtime=TFLM, samples=2000, low=92.5, high=94.5),
        Measurement("instructions", 3_600_000, "1", "simulated", QEMU, 7),
    ]
    budget = [
        BudgetLine("model_size", 44 * 1024, 38000, "B", 15.7, "pass", "measured"),
        BudgetLine("accuracy", 95, 90.12, "%", -5.1, "fail", "measured", low=88.7, high=91.4),
        BudgetLine("latency", 62e6, 63e6, "ns", -1.6, "inconclusive", "estimated", low=58e6, high=70e6),
        BudgetLine("accuracy_drop", 1, -0.05, "points", 105, "pass", "measured", low=-1, high=0.4),
        BudgetLine("macs", 3e6, 9e9, "1", -300000, "fail", "measured", waived="until 2027-01-01: " + LONG),
        BudgetLine("resident_memory", 3e6, None, "B", None, "skipped", "", "not measured: " + UNBROKEN, level="warn"),
    ]
    stage = StageRow("quantize", "built", 1.5, 9, 90.1, "", 88.7, 91.4, 38000, 24000, 34000, 17000, 2_400_000, 0.51)
    agreement = Agreement("litert 2.3.0", 2000, 99.5, "LSB", 7, 0.0014, 0.1, 0.0, 0.2, (1,))
    parted = Divergence(3, "CONV_2D", name, 15, 0.04, 1, "LSB")
    report = Report(
        schema="edgekit.report/1",
        model=ModelEntry(name, name, "0" * 64, 34826, 2440960, "keras 3.12.4", "2026-11-24 01:45:09"),
        target=TargetEntry("watch", "1" * 64, name, ("recipe.prune.sparsity=0.5", name)),
        artifacts=[Artifact("tflite", "model.tflite", 38000, "2" * 64), Artifact("c", "c/model.c", 1, "3" * 64)],
        stages=[stage] * 4,
        measurements=measured,
        budget=budget,
        verdict="fail",
        notes=[name, "the machine was busy: other processes used 1.5 cores while times were taken", UNBROKEN, "4", "5"],
        threads=1,
        rungs=[Attempt("equalize", name, 0.5, 20.0, 38000, 1.0, False, name)],
        machine=Machine("AMD EPYC", 2, "Linux 6.18 x86_64", "CPython 3.11.7", "0,1", "glibc 2.36"),
        baseline=BaselineEntry(name, "4" * 64, baseline),
        shipped="tflm",
        npu=NpuModel(
            "ethos-u55-128",
            "Ethos_U55_High_End_Embedded",
            "Shared_Sram",
            [],
            [],
            [NpuLayer("Conv2D", named(n), "NPU", 10 ** (n % 6), "SRAM", 5, 12.5) for n in range(layers)],
        ),
        conformance=[agreement, Agreement(**{**_fields(agreement), "first": parted, "note": ""})],
        distributions=[
            Distribution(name, TFLM, [[10**6 + 10**4 * k + n for k in range(11)] for n in range(5)]),
            Distribution("float", "litert 2.3.0", [[10**4 + 10**3 * k + n for k in range(11)] for n in range(5)]),
        ],
        commit=Commit("a" * 40, "2026-11-29 15:35 +0000", False),
        recipe="prune (sparsity 0.5), quantize (scheme int8, float layers " + name + ")",
    )
    parts = [
        Layer(named(n), "CONV_2D", int(rng.integers(1, 5000)), 64, 10**6, int(rng.integers(1, 90_000)), "")
        for n in range(layers)
    ]
    weights = sum(layer.weights for layer in parts)
    anatomy = Anatomy(weights + 64 * layers + 2100, weights, 64 * layers, 1000, 100, 1000, parts)
    labels, before, after = (rng.integers(0, classes, 900) for _ in range(3))
    shapes = [(28, 28), (60, 40, 3), (100, 6), (4,), (30, 2, 2, 2)]
    samples = [(rng.random(shape) * 90).astype(np.float32) for shape in shapes] + [rng.normal(size=(49, 40))]
    shown = [
        ChangedSample(n, n % classes, (n + 1) % classes, n % classes, (0.9, 0.1), **drawn([sample]))
        for n, sample in enumerate(samples)
    ]
    figures = [{"model_size": Figure("model_size", size, "B", None, None, "")} for size in (4e4, 3.9e4, 3.8e4)]
    trend = [HistoryEntry(n, "watch", name, "pass", "5" * 64, "", "", one) for n, one in enumerate(figures)]
    differences = Differences(12, 900, shown, confusion(labels, before, after, classes))
    names = tuple(map(named, range(classes)))
    return report, Extras(anatomy, differences, trend, labels=names, outputs=(named(0), "second"))


def _fields(value) -> dict:
    return {name: getattr(value, name) for name in value.__struct_fields__}
