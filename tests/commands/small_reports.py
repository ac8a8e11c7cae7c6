"""Reports as builds write them, with two figures and a limit."""

from edgekit.report.types import ModelEntry, Report, TargetEntry
from edgekit.types import Artifact, BudgetLine, Machine, Measurement


def report(target="phone", model="digits", size=40_000, shipped="2", **more):
    verdict = "pass" if size <= 41_000 else "fail"
    return Report(
        schema="edgekit.report/1",
        model=ModelEntry(model, "m.keras", "0" * 64, 1, 1),
        target=TargetEntry(target, "1" * 64),
        artifacts=[Artifact("tflite", "model.tflite", size, shipped * 64)],
        stages=[],
        measurements=[Measurement("model_size", size, "B"), Measurement("accuracy", 98, "%", low=97, high=99)],
        budget=[BudgetLine("model_size", 41_000, size, "B", 0.0, verdict, "measured")],
        verdict=verdict,
        notes=[],
        threads=1,
        rungs=[],
        machine=Machine("cpu", 2, "Linux", "CPython"),
        **more,
    )
