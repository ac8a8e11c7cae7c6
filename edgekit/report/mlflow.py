"""Builds as runs of MLflow, beside the training that made their models."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgekit.errors import OutputError, SetupError
from edgekit.report.types import Report


def log_to_mlflow(reports: Sequence[Report], out: Path, address: str) -> None:
    """One run for each report, in the experiment `edgekit`: figures, settings, the report and what ships.

    Args:
      out: `DIR`, where the builds lie.
      address: of a tracking server, or a folder.

    Raises:
      SetupError: MLflow is not installed.
      OutputError: it does not take the address or the runs.
    """
    try:
        import mlflow
    except ImportError:
        raise SetupError("--mlflow needs MLflow: pip install mlflow-skinny") from None
    # A folder is what a laptop has; MLflow itself recommends a database.
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    try:
        mlflow.set_tracking_uri(address if "://" in address else Path(address).absolute().as_uri())
        mlflow.set_experiment("edgekit")
        _log(mlflow, reports, out)
    except (mlflow.exceptions.MlflowException, OSError) as problem:
        said = " ".join(str(problem).split())[:200]
        raise OutputError(f"--mlflow={address}: MLflow does not take it: {said}") from problem


def _log(mlflow: Any, reports: Sequence[Report], out: Path) -> None:
    for report in reports:
        with mlflow.start_run(run_name=f"{report.target.name}.{report.model.name}"):
            mlflow.set_tags({"verdict": report.verdict, "target": report.target.sha256, "model": report.model.sha256})
            mlflow.log_params({"target": report.target.name, "model": report.model.name})
            shipped = {m.name: m.value for m in reversed(report.measurements) if m.artifact == "model"}
            mlflow.log_metrics({name: float(value) for name, value in shipped.items() if value is not None})
            folder = out / report.target.name / report.model.name
            for name in ("model.tflite", "report.html", "report.json", "manifest.json"):
                mlflow.log_artifact(str(folder / name))
