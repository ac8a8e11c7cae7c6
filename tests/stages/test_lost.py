"""What a remedy is judged by: the output that loses most, in what its limits count."""

import pytest

from edgekit.measure.fidelity import EQUAL, NO_CLASSES
from edgekit.stages.rescue import _lost
from edgekit.types import Measurement


def output(name="", sqnr=30.0, reason="", **figures):
    """The measurements of an output; fidelity as of one without labels."""
    of_values = figures.pop("values", False)
    found = [Measurement("sqnr", sqnr, "dB", reason=reason)]
    for figure, value in figures.items():
        found.append(Measurement(figure, value, "%", reason=NO_CLASSES if of_values and figure == "fidelity" else ""))
    return [Measurement(f"{m.name}{name}", m.value, m.unit, reason=m.reason) for m in found]


@pytest.mark.parametrize(
    ("measured", "lost"),
    [
        (output(accuracy_drop=2.0), (2, 30)),
        (output(accuracy_drop=-1.0), (-1, 30)),
        (output(accuracy_drop=0.0) + output(".boxes", 12.0, fidelity=99.0, lost_outputs=4.0, values=True), (4, 12)),
        (output(accuracy_drop=2.0) + output(".second", accuracy_drop=7.0), (7, 30)),
        (output(fidelity=97.0, lost_outputs=0.0), (3, 30)),
        (output(fidelity=56.0, lost_outputs=0.0, values=True), (0, 30)),
        (output(sqnr=6.0, fidelity=100.0, lost_outputs=0.0, values=True), (100, 6)),
        (output(sqnr=None, reason=EQUAL, accuracy_drop=0.0), (0, 200)),
        (output(sqnr=None, reason="values that are not finite", accuracy_drop=0.0), (0, -200)),
    ],
)
def test_the_output_that_loses_most_judges(measured, lost):
    assert _lost(measured) == lost
