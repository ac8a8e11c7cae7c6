"""What becomes of public models of many makers and Keras versions; writes docs/measured/models.md.

python benchmarks/models.py [FOLDER]      models of FOLDER/keras and FOLDER/tflite (beside the repository by default)
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from commands import ROOT

from edgekit.report.markdown import table
from edgekit.units import show

FOLDER = ROOT.parent / "shared" / "data" / "models"


def build(model: Path, work: Path) -> list[str]:
    """One row: the model, what happened, and the words for it."""
    command = [sys.executable, "-m", "edgekit", "build", "--target=phone", "--data=random", "--json"]
    command += [f"--model={model}", f"--out={work / 'out'}"]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"EDGEKIT_STORE": str(work)}, capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr, done.stderr
    if done.returncode in (0, 1):
        report = json.loads(done.stdout)
        size = next(m["value"] for m in report["measurements"] if m["name"] == "model_size")
        notes = [note for note in report["notes"] + report["remarks"] if not note.startswith("random data")]
        return [model.name, report["model"]["format"], "built", show(size, "B"), "; ".join(notes)]
    words = done.stderr.strip().removeprefix("edgekit: ").replace(str(model), "").lstrip(": ")
    return [model.name, "", "refused", "", words.replace(str(work), "the store")]


def main() -> None:
    """Builds every model and writes the page."""
    folder = Path(sys.argv[1]).absolute() if len(sys.argv) > 1 else FOLDER
    models = sorted(p for p in folder.glob("*/*") if p.parent.name in ("keras", "tflite"))
    with tempfile.TemporaryDirectory() as work:
        rows = []
        for model in models:
            rows.append(build(model, Path(work)))
            print(*rows[-1], sep=" | ", file=sys.stderr, flush=True)
    page = f"""# Public models

Models of many makers (MLCommons Tiny, Silicon Labs MLTK, STMicroelectronics, TensorFlow and others), built with
`edgekit build --target=phone --data=random` by `python benchmarks/models.py`. The profile prunes and quantizes;
the size is that of the full-integer file.

{table(["model", "written by", "outcome", "size", "message"], rows)}
"""
    (ROOT / "docs/measured/models.md").write_text(page)
    print(table(["model", "outcome", "size"], [[row[0], row[2], row[3]] for row in rows]))


if __name__ == "__main__":
    main()
