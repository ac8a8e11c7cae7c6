"""`invoke features`: the arrays that a model with a front-end is trained with."""

from __future__ import annotations

from pathlib import Path

from edgekit.data.feature_file import FEATURES, FeatureFacts, features_file
from edgekit.data.locate import locate
from edgekit.data.spec import RANDOM
from edgekit.engine.libraries import OWN
from edgekit.engine.make import Listener, Maker, Scope
from edgekit.errors import DataError, ProjectError
from edgekit.files import check_writable, write
from edgekit.profile.project import ModelSpec, Project, is_function
from edgekit.report.console import print_folded, print_table
from edgekit.report.text import shown


def features(project: Project, spec: ModelSpec, samples: int, out: Path, ui: Listener) -> FeatureFacts:
    """Writes the features of the model's data to a file.

    Args:
      samples: length of recordings of sound; 0 for their usual one.

    Raises:
      ProjectError: the model has no front-end, or its settings do not fit the data.
      DataError: the data cannot be read.
      OutputError: the file cannot be written.
    """
    if spec.frontend is None:
        raise ProjectError(
            f"tool.edgekit.models.{spec.name}: has no front-end; add [tool.edgekit.models.{spec.name}.frontend] "
            'with its kind, such as kind = "log-mel"'
        )
    if spec.data == RANDOM:
        raise DataError("random data have no features; give a dataset of recordings")
    if samples < 0:
        raise DataError(f"--samples={samples}: is less than 0; give the length of recordings")
    check_writable(out.parent)
    with Maker(project.open_store(), ui) as maker:
        data = locate("data", spec.data, maker.fingerprints.file, DataError)
        scope, call = Scope(maker, f"features.{spec.name}"), features_file(data, spec.frontend, spec.group, samples)
        try:
            made = scope.make(call.within(OWN) if is_function(spec.data) else call)
        except ProjectError as problem:  # of the front-end, which knows no name of a model
            raise ProjectError(f"tool.edgekit.models.{spec.name}.{problem}") from None
        scope.done(f"made the features of {spec.name}", made.artifacts[FEATURES].bytes)
        with maker.store.writing():
            write(out, Path(made.artifacts[FEATURES].path).read_bytes())
    return made.value


@shown
def print_features(found: FeatureFacts, out: Path) -> None:
    """What was done, a row for each array, and where they are."""
    for note in found.notes:
        print_folded(f"note: {note}")
    for remark in found.remarks:
        print_folded(remark)
    print_table(["array", "shape"], [[name, "x".join(map(str, shape))] for name, shape in found.arrays.items()])
    print_folded(f"settings {found.settings}, SHA-256 {found.sha256[:12]}")
    print_folded(f"{out}: features before preprocessing, in steps of {found.step:g}")
