"""What `edgekit shrink` makes of files from elsewhere and of our own; writes docs/shrink.md.

python benchmarks/shrink.py [FOLDER]      files of FOLDER (beside the repository by default), and the builds in build/
"""

import sys
import tempfile
from pathlib import Path

from commands import ROOT

from edgekit.report.markdown import table
from edgekit.shrink import shrink

FOLDER = ROOT.parent / "shared" / "data" / "models" / "tflite"


def main() -> None:
    """Shrinks every file and writes the page."""
    folder = Path(sys.argv[1]).absolute() if len(sys.argv) > 1 else FOLDER
    files = [*sorted(folder.glob("*.tflite")), *sorted((ROOT / "build").glob("*/*/model.tflite"))]
    rows = []
    with tempfile.TemporaryDirectory() as out:
        for file in files:
            found = shrink(file, Path(out), keep_names=False)
            name = file.name if file.is_relative_to(folder) else f"{file.parent.name} for {file.parent.parent.name}"
            less = f"{100 * (1 - found.after / found.before):.1f} %"
            same = ", ".join(n for n, said in found.proven.items() if said.startswith("identical"))
            rows.append([name, f"{found.before:,}", f"{found.after:,}", less, same])
            print(*rows[-1], sep=" | ", flush=True)
    head = ["file", "bytes", "shrunk", "less", "identical on 64 random inputs in"]
    page = f"""# Smaller, with the same outputs

`invoke shrink FILE.tflite --out=DIR` writes a smaller file with the same name. It leaves out what no output depends
on: names of inner tensors (inputs, outputs and signatures keep theirs; `--keep-names` keeps all), statistics of
calibration, descriptions, metadata that no runtime reads, operator codes, buffers and tensors that nothing refers to,
and reshapes that do nothing. Equal vectors, quantizations, options and tensors are stored once, and every buffer lies
at a multiple of 16 bytes. Data that lies behind the FlatBuffer, as in large models, moves inside, where TFLM finds it.

Before the smaller file is written, every runtime that is installed runs both on 64 random inputs, in processes of its
own; if one output differs in one bit, or a runtime refuses what it took before, the original is written and the reason
is said.

Made by `python benchmarks/shrink.py`:

{table(head, rows)}
"""
    (ROOT / "docs" / "shrink.md").write_text(page)


if __name__ == "__main__":
    main()
