"""Models that Keras of six years wrote (`make_files.py`): each is read, and answers as the Keras that wrote it."""

from pathlib import Path

import files_probe as probe
import pytest
from slow_part import all_but

FILES = Path(__file__).parent / "files"
MODELS = sorted(f.relative_to(FILES).as_posix() for f in FILES.glob("*/*") if f.suffix in (".h5", ".keras"))

QUICK = [name for name in MODELS if name.startswith(("keras-2.5/", "keras-2.15/", "keras-3.0.5/", "keras-3.15/"))]
"""Those of the first and the last release of both kinds."""


def test_there_are_files_of_old_and_new_versions():
    assert len({name.split("/")[0] for name in MODELS}) >= 8


@pytest.mark.parametrize("name", all_but(QUICK, MODELS))
def test_a_file_answers_as_the_keras_that_wrote_it(process, tmp_path, name):
    version = name.split("/")[0].removeprefix("keras-")
    found = process.call(probe.read, str(FILES / name), str(tmp_path), returns=dict)
    assert found["error"] <= 1e-4 * found["signal"] + 1e-5
    assert found["form"] == "keras"
    # Keras 2.12 writes HDF5 under any name; edgekit goes by the content.
    wanted = "hdf5" if (FILES / name).read_bytes()[1:4] == b"HDF" else "keras"
    assert found["format"].startswith(f"{wanted} {version}")
