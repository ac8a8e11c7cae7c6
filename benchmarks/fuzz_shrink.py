"""Feeds damaged `.tflite` files to `edgekit shrink`, guided by what of its code they reach (atheris, extra `fuzz`).

python benchmarks/fuzz_shrink.py [-max_total_time=600] [FOLDER]      FOLDER: where what was found is kept; see `-help=1`

Anything but a model or one plain line is a finding and ends the run: another exception, a hang, too much memory.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["edgekit.flatbuffer", "edgekit.shrink.file", "flatbuffers"]):
    from edgekit.errors import ModelError
    from edgekit.shrink.file import shrink_file
    from edgekit.shrink.settings import Shrink

FOLDER = Path(tempfile.mkdtemp())


def one(content: bytes) -> None:
    """One file."""
    file = FOLDER / "m.tflite"
    file.write_bytes(content)
    try:
        shrink_file.run(str(FOLDER), str(file), Shrink())
    except ModelError as refusal:
        assert "\n" not in str(refusal) and str(file) in str(refusal)


def main() -> None:
    """Starts from small models of the tests' maker."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
    import numpy as np
    from make_graph import Graph

    corpus = FOLDER / "corpus"
    corpus.mkdir()
    graph = Graph()
    x = graph.input([1, 4, 4, 2])
    x = graph.conv(x, np.ones((2, 1, 1, 2), np.int8), np.zeros(2))
    x = graph.pool(x)
    x = graph.dense(graph.reshape(x, [1, 8]), np.ones((3, 8), np.int8), np.zeros(3))
    (corpus / "small.tflite").write_bytes(graph.finish(x))
    limits = ["-timeout=10", "-rss_limit_mb=2048", "-max_len=8192"]
    atheris.Setup([sys.argv[0], *limits, *sys.argv[1:], str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
