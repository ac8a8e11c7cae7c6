"""Every kind of model, through every technique and pair of techniques: it works, or is refused before any training."""

from itertools import permutations

import pytest
import zoo
import zoo_probe as probe
from slow_part import all_but

TOLD = {
    ("3-D", ""): "MaxPool3D",
    ("first norm", "channels"): "conv: LayerNormalization is not taken apart",
    ("single", "channels"): "no channel can be removed",
    ("LSTM", "channels"): "no channel can be removed",
    ("GRU", "channels"): "no channel can be removed",
    ("Conv1D and LSTM", "channels"): "conv: LSTM is not taken apart",
    ("embedding", "channels"): "no channel can be removed",
    ("functions", "channels"): "conv: TFOpLambda is not taken apart",
}
"""By model and technique, what a refusal says; a technique of "" stands for all."""
LEFT = {
    "first norm": "layer_norm (LayerNormalization)",
    "LSTM": "lstm (LSTM)",
    "GRU": "both_ways (Bidirectional)",
    "Conv1D and LSTM": "lstm (LSTM)",
    "attention": "attention (MultiHeadAttention), norm (LayerNormalization)",
    "embedding": "words_in (Embedding)",
    "functions": "tf.nn.relu6 (TFOpLambda)",
}
"""By model, what trains without rounding."""
SOME = ("1-D", "1-D depthwise", "3-D", "two inputs", "first norm", "convolutions", "attention", "functions")
"""Models that each show something that the others do not."""
WHOLE = ("1-D", "1-D sequential", "residual", "nested", "two inputs")
"""Models all whose weights can be pruned and clustered."""
LOOKED_INTO = ("1-D", "1-D depthwise", "two inputs", "convolutions", "attention", "embedding")
PAIRS = [("cluster", "distil"), ("prune 2:4", "distil"), ("cluster", "prune"), ("prune", "cluster"), ("cluster", "qat")]
"""Techniques of which the second once undid the first, or must not."""


def carry_out(process, tmp_path, model, techniques):
    """What a recipe made of a model, its refusal checked."""
    found = process.call(probe.carried_out, model, list(techniques), str(tmp_path), returns=dict)
    known = [said for (name, technique), said in TOLD.items() if name == model and technique in ("", *techniques)]
    if "refused" in found:
        assert known and any(said in found["refused"] for said in known), found["refused"]
        assert not found["trained"], "time was spent before the refusal"
        return None
    assert not known, f"was to be refused: {known}"
    if techniques[-1] == "qat" and model in LEFT:
        assert any(note.startswith("trained without rounding") and LEFT[model] in note for note in found["notes"])
    return found


def check_kept(found, techniques):
    """That the int8 file has what each technique made of the weights."""
    narrowed = "channels" in techniques[techniques.index("prune") :] if "prune" in techniques else False
    if "prune" in techniques:  # of what channels are left, fewer weights may be zero
        assert found["zeros"] >= (0.3 if narrowed else 0.49)
    if "prune 2:4" in techniques:
        assert found["least"] >= 2
    if "cluster" in techniques:
        assert found["values"] <= probe.CLUSTERS


def look_into(process, tmp_path, model):
    """Equalization, explain and sensitivity, which take a model apart."""
    found = process.call(probe.examined, model, str(tmp_path), returns=dict)
    assert found["apart"] < 1e-5 and found["explained"] and found["layers"]


@pytest.mark.parametrize("model", all_but(("1-D", "attention"), SOME))
def test_three_techniques_one_after_the_other(process, tmp_path, model):
    techniques = ("prune", "cluster", "qat")
    found = carry_out(process, tmp_path, model, techniques)
    if found and model in WHOLE:
        check_kept(found, techniques)


@pytest.mark.parametrize("model", all_but(["1-D"], ["1-D", "residual"]))
@pytest.mark.parametrize("techniques", PAIRS, ids=" ▶ ".join)
def test_a_technique_keeps_what_the_one_before_made(process, tmp_path, model, techniques):
    found = carry_out(process, tmp_path, model, techniques)
    assert found
    check_kept(found, techniques)


@pytest.mark.parametrize("model", all_but(("two inputs", "embedding"), LOOKED_INTO))
def test_what_looks_into_a_model(process, tmp_path, model):
    look_into(process, tmp_path, model)


def test_a_layer_without_rounding_is_an_error_where_all_are_required(process):
    said = process.call(probe.required, "LSTM", returns=str)
    assert said.startswith("recipe.qat.required: lstm (LSTM) cannot be trained with rounding") and "\n" not in said


def test_a_model_of_which_nothing_can_be_trained_with_rounding_is_refused(process):
    said = process.call(probe.required, "LSTM alone", returns=str)
    assert "no layer with weights can be trained with rounding: not lstm (LSTM)" in said


@pytest.mark.campaign
class TestCampaign:
    @pytest.mark.parametrize("model", zoo.ZOO)
    @pytest.mark.parametrize("technique", probe.TECHNIQUES)
    def test_each_technique_alone(self, process, tmp_path, model, technique):
        if found := carry_out(process, tmp_path, model, (technique,)):
            assert found["values"]

    @pytest.mark.parametrize("model", zoo.ZOO)
    @pytest.mark.parametrize("techniques", list(permutations(probe.TECHNIQUES, 2)), ids=" ▶ ".join)
    def test_each_pair(self, process, tmp_path, model, techniques):
        if techniques in (("prune", "prune 2:4"), ("prune 2:4", "prune"), ("prune 2:4", "channels")):
            pytest.skip("no recipe can say that")
        if (found := carry_out(process, tmp_path, model, techniques)) and model in WHOLE:
            check_kept(found, techniques)

    @pytest.mark.parametrize("model", [name for name in zoo.ZOO if name != "3-D"])
    def test_what_looks_into_a_model(self, process, tmp_path, model):
        look_into(process, tmp_path, model)
