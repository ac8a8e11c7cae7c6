from edgekit.analyze.findings import (
    EXPLANATION,
    Advice,
    ChannelStatistics,
    Error,
    ErrorModel,
    Evidence,
    Explanation,
    TensorError,
)
from edgekit.commands.explain import ROWS, plot_explanation, print_explanation


def tensor(position, db, layer="conv"):
    error = Error(db, 0.1, 0.2, 0.3, 0.05)
    model = ErrorModel("laplace", True, 0.0, 1.0, 0.1, 20.0, 0.5, 0.04, -1.0)
    return TensorError(
        position=position,
        name=f"model/{layer}/Conv2D",
        layer=layer,
        operator="CONV_2D",
        dtype="int8",
        shape=(1, 4, 4, 2),
        low=0.0,
        high=3.0,
        zeros=50.0,
        scale=0.01,
        zero_point=-128,
        range_low=0.0,
        range_high=2.55,
        clipped=1.5,
        alone=error,
        operator_alone=None,
        weights_alone=None,
        accumulated=error,
        models=(model,),
        channels=ChannelStatistics(2, 1.5, 0, 10.0),
    )


def explanation(tensors, advice=()):
    return Explanation(
        schema=EXPLANATION,
        samples=7,
        runtime="tensorflow 2.21.0",
        float_sha256="",
        model_sha256="",
        outputs=("out",),
        tensors=tuple(tensors),
        weights=(),
        unmatched=("strange",),
        advice=advice,
    )


def test_the_worst_come_first_and_an_exact_one_last(capsys):
    print_explanation(explanation([tensor(0, 30.0, "good"), tensor(1, None, "exact"), tensor(2, 10.0, "bad")]))
    shown = capsys.readouterr().out
    assert shown.index("2 bad") < shown.index("0 good") < shown.index("1 exact")
    assert "1.5 %" in shown and "laplace (KS 0.04)" in shown
    assert "strange has no match in the float model" in shown
    assert "no advice" in shown


def test_many_tensors_are_counted(capsys):
    print_explanation(explanation([tensor(i, float(i), f"layer{i}") for i in range(ROWS + 4)]))
    shown = capsys.readouterr().out
    assert "… and 4 more" in shown and f"layer{ROWS} " not in shown


def test_advice_is_what_set_takes_with_its_evidence(capsys):
    evidence = Evidence("t", "conv", "0.4 % of the activations hold 61 % of the range", 4.1, "predicted")
    advice = Advice(("recipe.quantize.calibration=percentile", "recipe.quantize.percentile=99.9"), "why", (evidence,))
    print_explanation(explanation([tensor(0, 1.0)], (advice,)))
    shown = capsys.readouterr().out
    assert "1. --set=recipe.quantize.calibration=percentile --set=recipe.quantize.percentile=99.9\n   why\n" in shown
    assert "   conv: 0.4 % of the activations hold 61 % of the range (predicted)\n" in shown


def test_names_from_a_file_cannot_obey_the_terminal(capsys):
    print_explanation(explanation([tensor(0, 1.0, "\x1b[2Jevil")]))
    assert "\x1b" not in capsys.readouterr().out


def test_the_plot_is_the_same_for_the_same_figures(tmp_path):
    found = explanation([tensor(0, 30.0, "a$b"), tensor(1, None), tensor(2, 10.0)])
    for name in ("one.svg", "two.svg"):
        plot_explanation(found, tmp_path / name)
    one, two = ((tmp_path / name).read_text() for name in ("one.svg", "two.svg"))
    assert one == two and "accumulated" in one and "a$b conv_2d" in one
