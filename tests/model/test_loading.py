import model_probe as probe
import numpy as np
import pytest

from edgekit.errors import ModelError
from edgekit.types import ModelFacts

KINDS = ("functional", "sequential", "shared_layers", "nested")
FILES = ("keras2.h5", "keras2.keras", "keras3.keras", "keras3.h5")
ENDS = {"functional": (12, 12, 2, 4), "sequential": (10, 10, 1, 3), "shared_layers": (8, 16), "nested": (6, 6, 3, 2)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("file", FILES)
def test_a_model_answers_as_in_the_library_that_made_it(process, models, tmp_path, kind, file):
    model = models / f"{kind}_{file}"
    facts = process.call(probe.load, str(model), str(tmp_path), returns=ModelFacts)
    with np.load(f"{model}.npz") as wanted:
        np.testing.assert_allclose(np.load(tmp_path / "answers.npy"), wanted["y"], rtol=1e-5, atol=1e-5)
    *image, classes = ENDS[kind]
    assert [spec.shape for spec in facts.inputs] == [(1, *image)]
    assert [spec.shape for spec in facts.outputs] == [(1, classes)]
    assert facts.form == "keras" and facts.format.split(" ")[1][0] == file[5]
    assert {spec.dtype for spec in (*facts.inputs, *facts.outputs)} == {"float32"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_has_as_many_parameters_whatever_file_it_comes_from(process, models, tmp_path, kind):
    found = set()
    for file in FILES:
        (tmp_path / file).mkdir()
        model = str(models / f"{kind}_{file}")
        found.add(process.call(probe.load, model, str(tmp_path / file), returns=ModelFacts).parameters)
    assert len(found) == 1 and found.pop() > 50


@pytest.mark.parametrize("file", ["keras2.h5", "keras3.keras"])
def test_loading_again_gives_the_same_bytes(process, models, tmp_path, file):
    assert process.call(probe.load_twice, str(models / f"functional_{file}"), str(tmp_path), returns=bool)


@pytest.mark.parametrize("file", ["custom_keras3.keras", "custom_keras2.h5", "lambda_keras3.keras", "lambda_keras2.h5"])
def test_what_is_refused_leaves_nothing(process, models, tmp_path, file):
    with pytest.raises(ModelError, match=file):
        process.call(probe.load, str(models / file), str(tmp_path), returns=ModelFacts)
    assert list(tmp_path.iterdir()) == []
