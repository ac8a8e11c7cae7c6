"""A recipe in words says what was chosen, and nothing that was not."""

import pytest

from edgekit.config import decode
from edgekit.errors import TargetError
from edgekit.profile.recipe import Recipe
from edgekit.report.recipe import recipe_in_words


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"shrink": None}, "as it is"),
        ({"quantize": {"scheme": "int8"}}, "quantize (scheme int8), shrink"),
        (
            {"cluster": {"clusters": 16}, "prune": {"sparsity": 0.5, "epochs": 5, "layers": {"conv*": 0.25}}},
            "prune (epochs 5, sparsity 0.5, layers conv* 0.25), cluster (clusters 16), shrink",
        ),
        (
            {"order": ["cluster", "prune"], "prune": {"sparsity": 0.5}, "cluster": {"clusters": 8}},
            "cluster (clusters 8), prune (sparsity 0.5), shrink",
        ),
        (
            {"quantize": {"scheme": "int4", "float_layers": ["head", "stem*"], "equalize": True}},
            "quantize (scheme int4, equalize yes, float layers head stem*), shrink",
        ),
    ],
)
def test_a_recipe_in_words(table, words):
    assert recipe_in_words(decode(table, Recipe, "recipe", TargetError)) == words
