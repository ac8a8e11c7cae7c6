"""Recipes beyond the default, and the commands that choose between them, as a user runs them."""

import json
import shutil
import sys

import numpy as np
import pytest
from command_line import ROOT, edgekit, run, statuses, typed, verbose_build
from refusal import assert_refused

from edgekit.config import read_table
from edgekit.errors import RecipeError
from edgekit.firmware.run import missing

BENCHMARKS = {"PYTHONPATH": str(ROOT / "benchmarks")}


def report(project):
    return json.loads((project / "build/phone/digits/report.json").read_text())


def build(project, recipe, *options):
    (project / "own.toml").write_text(recipe)
    return verbose_build(project, "--target=phone", "--recipe=own.toml", *options)


@pytest.fixture
def small(built):
    """The project with a quarter of the samples, for what takes training or scoring but no close figures."""
    with np.load(built / "assets/digits.npz") as file:
        arrays = {name: array[: len(array) // 4] for name, array in file.items()}
    np.savez(built / "assets/digits.npz", **arrays)
    return built


def test_each_technique_leaves_its_figures_in_the_report(small):
    recipe = """
        [recipe.channels]
        sparsity = 0.5
        protect = ["last"]
        epochs = 1
        [recipe.prune]
        sparsity = 0.5
        epochs = 1
        [recipe.cluster]
        clusters = 16
        epochs = 1
    """
    assert build(small, recipe).returncode == 0
    rows = {row["name"]: row for row in report(small)["stages"]}
    before, channels, prune, cluster, int8 = (rows[n] for n in ("load", "channels", "prune", "cluster", "shrink"))
    assert before["macs"] > 3 * channels["macs"] and before["parameters"] > 2 * channels["parameters"]
    assert channels["parameters"] == prune["parameters"] and channels["nonzero"] > 1.8 * prune["nonzero"]
    assert prune["download_size"] > 1.5 * cluster["download_size"]
    assert cluster["model_size"] > 2 * int8["model_size"]
    for row in (before, channels, prune, cluster, int8):
        assert row["accuracy_low"] < row["accuracy"] < row["accuracy_high"], row
        assert row["latency_ratio"] > 0
    assert before["latency_ratio"] == 1
    found = {m["artifact"] for m in report(small)["measurements"]}
    assert found == {"original", "float", "channels", "prune", "cluster", "quantize", "model"}
    said = (small / "build/phone/digits/report.md").read_text()
    assert "not zero" in said and f"{channels['macs']:,}" in said


@pytest.mark.slow
def test_training_aware_quantization_keeps_the_zeros(small):
    assert build(small, "[recipe.qat]\n[recipe.prune]\nsparsity = 0.5\nepochs = 1").returncode == 0
    rows = {row["name"]: row for row in report(small)["stages"]}
    assert "quantize" not in rows
    assert any("kept zeros" in remark for remark in report(small)["remarks"])
    found = {(m["name"], m["artifact"]): m["value"] for m in report(small)["measurements"]}
    assert found["nonzero", "model"] < 0.55 * found["parameters", "model"]
    assert found["accuracy_drop", "model"] < 1


@pytest.mark.slow
def test_a_student_takes_the_model_s_place(small):
    recipe = "[recipe.distil]\nstudent = { width = 0.5 }\nepochs = 2\n[recipe]\nprune = false"
    done = build(small, recipe)
    assert done.returncode in (0, 1), done.stderr
    rows = {row["name"]: row for row in report(small)["stages"]}
    assert rows["distil"]["parameters"] < 0.5 * rows["load"]["parameters"]
    again = build(small, recipe.replace("epochs = 2", "epochs = 1"))
    assert "teach                  cached" in again.stdout


def test_what_the_last_technique_cannot_do_is_found_before_the_first_trains(fresh):
    settings = ("--set=recipe.prune.sparsity=0.7", '--set=recipe.cluster.layers={ "conv99" = 4 }')
    done = typed(fresh, "build", "--verbose", "--target=phone", *settings)
    assert_refused(done, fresh, "recipe.cluster.layers", 'no layer with weights matches "conv99"')
    assert "reference" in statuses(done.stdout) and "prune" not in statuses(done.stdout)


def test_a_teacher_of_another_kind_is_refused(built):
    teacher = ROOT / "tests/model/files/keras-3.6.0/cnn.keras"
    (built / "own.toml").write_text(f'[recipe.distil]\nteacher = "{teacher}"')
    refused = typed(built, "build", "--target=phone", "--recipe=own.toml")
    assert refused.returncode == 2
    assert "recipe.distil.teacher takes 12x12x2 and 12x12x2, the model 28x28x1" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.fixture
def hard(built):
    """The project with a model whose channels are scaled apart by 1,000, its function unchanged."""
    made = run([sys.executable, "-c", "import compression; compression.hard_model('hard.keras')"], built, **BENCHMARKS)
    assert made.returncode == 0, made.stderr
    file = built / "pyproject.toml"
    table = '[tool.edgekit.models.hard]\nmodel = "hard.keras"\ndata = "assets/digits.npz"\n'
    file.write_text(f"{file.read_text()}\n{table}preprocessing = {{ scale = 0.00392156862745098 }}\n")
    return built


@pytest.mark.slow
def test_the_ladder_climbs_until_the_budget_holds(hard):
    options = ("build", "--target=phone", "--model=hard", "--set=recipe.prune=false", "--json")
    lost = json.loads(edgekit(hard, *options).stdout)
    before = _drop(lost)
    assert before > 10 and lost["rungs"] == []
    found = json.loads(edgekit(hard, *options, "--set=recipe.quantize.rescue=true").stdout)
    assert _drop(found) < 0.05 * before
    assert [r["name"] for r in found["rungs"] if r["kept"]] == ["as the recipe says", "equalization"]
    assert any("stopped at equalization" in remark for remark in found["remarks"])
    assert "equalize = True" in (hard / "build/phone/hard/report.md").read_text()


@pytest.mark.slow
def test_a_remedy_is_judged_by_what_was_lost_since_the_model_was_given(built):
    recipe = "[recipe.prune]\nsparsity = 0.93\nepochs = 0\n[recipe.quantize]\nrescue = true"
    found = json.loads(build(built, recipe, "--set=budget.accuracy_drop=90 %", "--json").stdout)
    [attempt] = found["rungs"]  # int8 costs nothing of what pruning has left
    assert _drop(found) > 10 and abs(attempt["lost"] - _drop(found)) < 5
    assert any("training samples are held out to choose by" in remark for remark in found["remarks"])


def _drop(report):
    """That of what ships, in LiteRT."""
    [found] = [
        m["value"]
        for m in report["measurements"]
        if (m["name"], m["artifact"]) == ("accuracy_drop", "model") and m["runtime"].startswith("litert ")
    ]
    return found


@pytest.mark.parametrize(
    ("target", "override", "words"),
    [
        ("microcontroller", 'scheme="int4"', ["tflm", "does not execute int4", "litert would"]),
        ("microcontroller", 'scheme="dynamic"', ["tflm", "does not execute dynamic"]),
        ("camera", 'int16_layers=["conv2"]', ["tflite-runtime", "does not execute int16_layers"]),
    ],
)
def test_what_the_runtime_lacks_is_refused_at_once(fresh, target, override, words):
    refused = typed(fresh, "build", f"--target={target}", f"--set=recipe.quantize.{override}")
    assert_refused(refused, fresh, "recipe.quantize", *words)


@pytest.mark.slow
def test_evaluation_samples_do_not_set_ranges(fresh):
    with np.load(fresh / "assets/digits.npz") as file:
        arrays = {name: array[:500] for name, array in file.items()}
    arrays["x_test"][0] = arrays["x_train"][7]
    np.savez(fresh / "assets/digits.npz", **arrays)
    settings = ["--target=phone", "--set=recipe.prune=false", "--set=recipe.quantize.calibration_samples=500"]
    done = edgekit(fresh, "build", *settings)
    assert done.returncode == 1, done.stderr  # unpruned it is too large to download
    notes, remarks = (" ".join(report(fresh)[said]) for said in ("notes", "remarks"))
    assert "1 of 500 evaluation samples are also training samples" in notes
    assert "1 calibration samples are evaluation samples too: others were drawn" in remarks
    assert "499 calibration samples instead of 500" in notes

    shutil.rmtree(fresh / "build")
    arrays["x_train"], arrays["y_train"] = arrays["x_test"], arrays["y_test"]
    np.savez(fresh / "assets/digits.npz", **arrays)
    refused = typed(fresh, "build", *settings[:2], "--set=recipe.quantize.calibration_samples=200")
    assert_refused(refused, fresh, "digits.npz: all 500 training samples are evaluation samples too", "take them out")


class TestSensitivity:
    @pytest.mark.slow
    def test_its_recipe_builds(self, small):
        done = edgekit(small, "sensitivity", "--target=phone", "--samples=300", "--levels=0.5,0.9", "--out=s")
        assert done.returncode == 0, done.stderr
        found = json.loads((small / "s/sensitivity.json").read_text())
        assert {curve["layer"] for curve in found["measured"]["curves"]} == {"conv1", "conv2", "digit"}
        recipe = read_table(small / "s/recipe.toml", RecipeError)["recipe"]["prune"]
        assert recipe["layers"]["conv2"] == 0.5
        assert (small / "s/sensitivity.svg").read_text().startswith("<?xml")
        again = edgekit(small, "sensitivity", "--target=phone", "--samples=300", "--levels=0.5,0.9", "--out=s")
        assert again.stdout.startswith("nothing to do: ")
        assert edgekit(small, "build", "--target=phone", "--recipe=s/recipe.toml").returncode == 0

    @pytest.mark.parametrize(
        ("option", "words"),
        [
            ("--method=prunes", ["prunes", 'did you mean "prune"']),
            ("--levels=1.5", ["between 0 and 1", "1.5"]),
            ("--levels=half", ["not numbers"]),
            ("--samples=0", ["outside 1 to 2000"]),
            ("--data=random", ["random data says nothing about accuracy"]),
        ],
    )
    def test_refuses_wrong_settings(self, fresh, option, words):
        assert_refused(typed(fresh, "sensitivity", "--target=phone", option), fresh, *words)


def test_explain_tells_tensors_and_advice(built):
    done = edgekit(built, "explain", "--target=phone", "--samples=32", "--out=e")
    assert done.returncode == 0, done.stderr
    assert "conv2" in done.stdout and "accumulated" in done.stdout and "advice" in done.stdout
    found = json.loads((built / "e/phone/digits/explain.json").read_text())
    assert found["schema"] == "edgekit.explanation/1"
    assert [t["operator"] for t in found["tensors"]][:2] == ["input", "CONV_2D"]


class TestStudy:
    RECIPES = """
        [[variant]]
        name = "quantize"
        [[variant]]
        name = "prune ▶ cluster"
        recipe = { order = ["prune", "cluster"], prune = { sparsity = 0.5, epochs = 1 }, cluster = { epochs = 1 } }
        [[variant]]
        name = "of another model"
        recipe.prune = { sparsity = 0.5, layers = { conv99 = 0.5 } }
        [[variant]]
        name = "cluster ▶ prune"
        recipe = { order = ["cluster", "prune"], prune = { sparsity = 0.5, epochs = 1 }, cluster = { epochs = 1 } }
    """

    @pytest.mark.slow
    def test_lays_out_what_each_recipe_bought_and_goes_on_where_it_stopped(self, small):
        (small / "own.toml").write_text(self.RECIPES)
        done = edgekit(small, "study", "--target=phone", "--recipes=own.toml", "--out=study")
        assert done.returncode == 0, done.stderr
        found = json.loads((small / "study/study.json").read_text())
        assert [o["techniques"] for o in found["outcomes"]] == [[], ["prune", "cluster"], ["cluster", "prune"]]
        assert found["outcomes"][0]["download_size"] > 1.5 * found["outcomes"][1]["download_size"]
        assert any(o["pareto"] for o in found["outcomes"])
        [failure] = found["failures"]
        assert failure["name"] == "of another model" and "conv99" in failure["reason"]
        assert 'recipe.prune.layers: no layer with weights matches "conv99"' in done.stdout
        assert "conv99" in (small / "study/study.md").read_text()
        [said] = found["orders"]
        assert "Of 2 orders" in said
        assert "★" in (small / "study/study.md").read_text() and (small / "study/study.svg").exists()
        again = edgekit(small, "study", "--target=phone", "--recipes=own.toml", "--out=study")
        parts = again.stdout.partition("\n\n")[0].splitlines()
        assert parts[0] == "phone: digits: recipe 3 of 4, of another model", "that it fails is found each time"
        assert all("cached" in line for line in parts[1:]), again.stdout

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ('[[variant]]\nname = "a"\n[[variant]]\nname = "a"', ["two variants", "'a'"]),
            ('[[variant]]\nname = "a"\nrecipe.prun = {}', ["own.toml: a", "prun", 'did you mean "prune"']),
            ('[[variant]]\nname = "a"\nrecipe.prune = { sparsity = 2 }', ["own.toml: a", "prune.sparsity"]),
            ('[[variant]]\nname = "a"\nrecipe = { order = ["cluster"], prune = { sparsity = 0.5 } }', ["leaves out"]),
        ],
    )
    def test_refuses_wrong_recipes(self, fresh, text, words):
        (fresh / "own.toml").write_text(text)
        refused = typed(fresh, "study", "--target=phone", "--recipes=own.toml", "--out=study")
        assert_refused(refused, fresh, "own.toml", *words)


@pytest.mark.slow
def test_clustered_weights_become_lookup_tables_down_to_a_goal_where_tflm_ships(small):
    sets = ["recipe.prune=false", "recipe.cluster.clusters=32", "recipe.cluster.epochs=0"]
    sets += ["budget.arena=40 KiB", "recipe.cluster.goal=24 KiB", "recipe.shrink.lookup_tables=true"]
    done = edgekit(small, "build", "--target=microcontroller", "--json", *(f"--set={s}" for s in sets))
    report = json.loads(done.stdout)
    sizes = {row["name"]: row["bytes"] for row in report["stages"]}
    assert report["artifacts"][0]["bytes"] <= min(24 * 1024, 0.62 * sizes["quantize"])
    assert any("16 values" in remark for remark in report["remarks"])
    agreements = {a["runtime"].split(" ")[0]: a for a in report["conformance"]}
    assert agreements["litert-reference"]["identical"] == 100, "the clustered model's outputs, without tables"
    said = (small / "build/microcontroller/digits/report.md").read_text()
    assert "| lookup tables |" in said
    folder = small / "build/microcontroller/digits"
    assert "AddDecode" in (folder / "c/digits_resolver.h").read_text()
    found = {}
    for option in ([], ["--tables"]):
        done = edgekit(small, "ccode", str(folder / "model.tflite"), "--kernels=dsp", *option, "--out=own", "--json")
        found[bool(option)] = json.loads(done.stdout)
    assert found[True]["saved"] == found[False]["constants"] - found[True]["constants"] > 15_000
    assert "palette_conv" in (folder / "c/digits.c").read_text(), "standalone C has tables where the file has them"
    assert any("other runtimes ran its twin without tables" in remark for remark in report["remarks"])
    assert "by way of its twin without lookup tables" in edgekit(small, "compat", str(folder / "model.tflite")).stdout
    done = edgekit(small, "diverge", str(folder / "model.tflite"), "--runtimes=tflm,litert-reference")
    assert done.returncode == 0, done.stderr
    if not missing():  # the build has compared every output of the simulated core
        flash = next(m["value"] for m in report["measurements"] if m["name"] == "flash")
        assert flash < found[True]["constants"] + 12 * 1024


def test_a_goal_without_lookup_tables_is_refused(cold):
    done = typed(cold, "build", "--target=phone", "--set=recipe.cluster.goal=24 KiB")
    assert done.returncode == 2 and "recipe.cluster.goal" in done.stderr and len(done.stderr.splitlines()) == 1
