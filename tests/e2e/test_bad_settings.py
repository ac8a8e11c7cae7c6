"""Wrong profiles, projects and options."""

import shutil

import pytest
from command_line import contents, edgekit, typed
from refusal import assert_refused


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("sparsity = 0.5", "sparsity = = 0.5", ["not valid TOML", "line 10"]),
        ("sparsity = 0.5", "sparsitty = 0.5", ["recipe.prune.sparsitty", "unknown key", 'did you mean "sparsity"']),
        ("[recipe.prune]", "[recipe.prunes]", ["recipe.prunes", "unknown key", 'did you mean "prune"']),
        ("sparsity = 0.5", 'sparsity = "half"', ["recipe.prune.sparsity", "must be a number", "'half'"]),
        ("sparsity = 0.5", "sparsity = 1.0", ["recipe.prune.sparsity", "less than 1", "1.0"]),
        ("sparsity = 0.5", "sparsity = nan", ["recipe.prune.sparsity", "nan"]),
        ("sparsity = 0.5\n", "", ["recipe.prune.sparsity", "missing"]),
        ("epochs = 2", "epochs = -1", ["recipe.prune.epochs", "at least 0", "-1"]),
        ("sparsity = 0.5", "sparsity = 1.2", ["recipe.prune.sparsity", "less than 1", "1.2"]),
        ("[recipe.prune]", "[recipe.channels]\nsparsity = 1.2\n[recipe.prune]", ["recipe.channels.sparsity", "1.2"]),
        (
            "[recipe.prune]",
            '[recipe.channels]\nsparsity = 0.5\nby = "l3"\n[recipe.prune]',
            ["recipe.channels.by", "l3"],
        ),
        ("[recipe.prune]", "[recipe.cluster]\nclusters = 1\n[recipe.prune]", ["recipe.cluster.clusters", "at least 2"]),
        (
            "[recipe.prune]",
            "[recipe.distil]\ntemperature = 0\n[recipe.prune]",
            ["recipe.distil.temperature", "more than 0.0"],
        ),
        (
            "[recipe.prune]",
            "[recipe.distil]\nsoft = 0\nhard = 0\n[recipe.prune]",
            ["recipe.distil", "all weights", "0"],
        ),
        ("[recipe.prune]", '[recipe]\norder = ["cluster"]\n[recipe.prune]', ["recipe.order", "leaves out prune"]),
        ("[recipe.prune]", '[recipe]\norder = ["prune", "prune"]\n[recipe.prune]', ["recipe.order", "twice"]),
        ("sparsity = 0.5", 'sparsity = 0.6\npattern = "2:4"', ["recipe.prune", "2:4", "sparsity = 0.5"]),
        ('scheme = "int8"', 'scheme = "int9"', ["recipe.quantize.scheme", 'no "int9"; did you mean "int8"?']),
        ('scheme = "int8"', "percentile = 101", ["recipe.quantize.percentile", "at most 100"]),
        (
            '[recipe.quantize]\nscheme = "int8"',
            '[recipe.qat]\n[recipe.quantize]\nscheme = "float16"',
            ["recipe.qat", "int8"],
        ),
        ("[runtimes]", '[runtimes]\noldest = "litert 0.1"', ["runtimes.oldest", '"litert 0.1"', "known of litert are"]),
        ("[budget]", '[budget]\nresident_memory = "+5 ms"', ["budget.resident_memory", "+5 ms", "no unit of size"]),
        ("[budget]", '[budget]\nload_time = "+5 ms"', ["budget.load_time", "same run", '"+5 %"']),
        ("[budget]", '[budget]\nnpu_coverage = "+1 %"', ["budget.npu_coverage", "accuracy_drop"]),
        ('ram = "4 GiB"', 'ram = "+4 GiB"', ["hardware.ram", "starts with +"]),
        ("[budget]", '[budget]\nlevels = { macs = "warn" }', ["budget.levels", '"macs"', "is set"]),
        ("[budget]", '[budget]\nlevels = { latency = "loud" }', ["budget.levels", 'no "loud"; choose from error, off']),
        (
            "[budget]",
            '[budget]\nwaivers = [{ name = "latency", reason = "new driver", until = 2026-01-31 }]',
            ["budget.waivers", "latency", "ended on 2026-01-31", "new driver"],
        ),
        (
            "[budget]",
            "[budget]\nresident_memory = 44",
            ["budget.resident_memory", "44", "no unit of size", '"300 KiB"'],
        ),
        ("[budget]", '[budget]\nresident_memory = "44"', ["budget.resident_memory", "44", "no unit of size"]),
        ("[budget]", '[budget]\nload_time = "300 m"', ["budget.load_time", "300 m", "no unit of time", '"5 ms"']),
        ("[budget]", '[budget]\nload_time = "44 KiB"', ["budget.load_time", "44 KiB", "no unit of time", '"5 ms"']),
        ("[budget]", '[budget]\nresident_memory = "-44 KiB"', ["budget.resident_memory", "-44 KiB", "negative"]),
        ('"1 %"', '"-1 %"', ["budget.accuracy_drop", "-1 %", "negative"]),
        ("[budget]", '[budget]\nmodel_sice = "1 B"', ["budget.model_sice", "unknown key", 'did you mean "model_size"']),
        ('ship = "litert"', 'ship = "lite-rt"', ["runtimes.ship", "lite-rt", 'did you mean "litert"']),
        ("[hardware]\n", '[hardware]\nram = "4 cows"\n', ["targets/phone.toml"]),
        ("description", 'name = "telephone"\ndescription', ["name", "named by its file", "remove"]),
        ("description", 'extends = "fone"\ndescription', ["extends", "fone", 'did you mean "phone"']),
        ("[budget]", '[budget]\narena = "1 KiB"', ["budget.arena", "litert", "no arena", "tflm"]),
    ],
)
def test_profile(fresh, old, new, words):
    profile = fresh / "targets/phone.toml"
    assert old in profile.read_text()
    profile.write_text(profile.read_text().replace(old, new, 1))
    assert_refused(typed(fresh, "build", "--target=phone"), fresh, "targets/phone.toml", *words)


def test_a_rescue_needs_a_budget_that_ends_it(fresh):
    profile = fresh / "targets/phone.toml"
    profile.write_text(profile.read_text().replace('accuracy_drop = "1 %"', "").replace("int8", "int8"))
    refused = edgekit(fresh, "build", "--target=phone", "--set=recipe.quantize.rescue=true")
    assert_refused(refused, fresh, "targets/phone.toml", "recipe.quantize.rescue", "budget.accuracy_drop")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[budget]\nmacs = 1", ["budget", "only [recipe]"]),
        ("[recipe.prune]\nsparsitty = 0.5", ["recipe.prune.sparsitty", 'did you mean "sparsity"']),
        ("[recipe", ["not valid TOML"]),
        (None, ["cannot be read"]),
    ],
)
def test_recipe_file(fresh, text, words):
    if text is not None:
        (fresh / "own.toml").write_text(text)
    assert_refused(typed(fresh, "build", "--target=phone", "--recipe=own.toml"), fresh, "own.toml", *words)


def test_a_layer_that_is_not_there_is_named(fresh):
    refused = edgekit(fresh, "build", "--target=phone", '--set=recipe.prune.exclude=["conv3"]')
    assert_refused(refused, fresh, "recipe.prune.exclude", "conv3", 'did you mean "conv')


def test_profile_that_is_not_text(fresh):
    (fresh / "targets/phone.toml").write_bytes(b"\xff\xfe\0")
    assert_refused(typed(fresh, "build", "--target=phone"), fresh, "targets/phone.toml", "UTF-8")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[tool.edgekit.models.digits]", "[tool.edgekit.models.digits", ["not valid TOML", "line "]),
        ('model = "assets', 'modell = "assets', ["tool.edgekit", "models.digits: modell", 'did you mean "model"']),
        ('"assets/digits.npz"', "7", ["tool.edgekit", "models.digits: data", "expected `str", "7"]),
        ("models.digits]", 'models."../digits"]', ["tool.edgekit", "../digits", "folder"]),
        ("budgets.phone]", "budgets.fone]", ["models.digits.budgets.fone", 'did you mean "phone"']),
        ("model_size", "modl_size", ["models.digits.budgets.phone: modl_size", 'did you mean "model_size"']),
        ('"300 us"', '"300 m"', ["models.digits.budgets.phone: latency", "no unit of time"]),
        (
            'accuracy = "97.5 %"',
            'accuracy = "+1 %"',
            ["models.digits.budgets.phone: budget.accuracy:", "accuracy_drop"],
        ),
        ("{ scale", "{ scales", ["models.digits: preprocessing.scales", 'did you mean "scale"']),
    ],
)
def test_project(fresh, old, new, words):
    file = fresh / "pyproject.toml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))
    assert_refused(typed(fresh, "build", "--target=phone"), fresh, "pyproject.toml", *words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--target=phon"], ['unknown target "phon"', 'did you mean "phone"']),
        (["--target=../phone"], ['unknown target "../phone"']),
        ([], ["no target", "--target=NAME", "android-new, android-old, camera, camera-u55,", "phone, raspberry-pi-4"]),
        (["--target=phone", "--set=recipe.prune.sparsity"], ["--set recipe.prune.sparsity", "key=value"]),
        (["--target=phone", "--set=recipe.prone.sparsity=0.1"], ["recipe.prone", "unknown key", '"prune"']),
        (
            ["--target=phone", "--set=recipe.quantize.rescue=true", '--set=budget.accuracy_drop="+1 %"'],
            ["recipe.quantize.rescue", "budget.accuracy_drop", '"1 %"'],
        ),
        (["--target=phone", "--set=budget.latency=5"], ["budget.latency", "no unit of time", "--set budget.latency=5"]),
        (["--target=phone", "--set=description.x=5"], ["description", "not a table"]),
        (["--target=phone", "--model=digit"], ["no such model", 'did you mean "digits"']),
        (["--target=phone", "--model=assets/digits.keras"], ["no dataset", "--data=PATH", "--data=random"]),
    ],
)
def test_options(fresh, arguments, words):
    assert_refused(typed(fresh, "build", *arguments), fresh, *words)


def test_a_folder_without_a_project_says_how_to_name_a_model(tmp_path):
    done = edgekit(tmp_path, "build", "--target=phone")
    assert_refused(done, tmp_path, "no model", "[tool.edgekit.models.NAME]", "--model=PATH")


class TestOutputFolder:
    @pytest.mark.parametrize("out", ["assets/digits.npz", "assets/digits.npz/below/a/file"])
    def test_in_the_way_of_a_file(self, built, out):
        shutil.rmtree(built / "build")
        before = contents(built)
        done = edgekit(built, "build", "--target=phone", f"--out={out}")
        assert_refused(done, built, f"{out}: cannot be written", "digits.npz is not a folder", "--out=DIR")
        assert contents(built) == before

    def test_where_nobody_may_write(self, built):
        shutil.rmtree(built / "build")
        done = edgekit(built, "build", "--target=phone", "--out=/proc/edgekit")
        assert_refused(done, built, "/proc/edgekit", "cannot be written", "choose another")

    def test_a_store_that_cannot_be_written(self, fresh):
        done = edgekit(fresh, "build", "--target=phone", EDGEKIT_STORE=str(fresh / "pyproject.toml/store"))
        assert_refused(done, fresh, "pyproject.toml/store", "cannot be written", "EDGEKIT_STORE")
