"""Whatever a person can mistype is refused in one line that says what they meant, and nothing is made."""

import shlex
import shutil
from pathlib import Path

import pytest

from edgekit.config import MOST_NAMED, closest, nearest
from edgekit.tasks import namespace
from edgekit.tasks.program import CommandLine

ASSETS = Path(__file__).parents[2] / "assets"
MISTYPED = {
    "a command": ("biuld --target=phone", "build"),
    "a command after another": ("targets --json chek", "check"),
    "a command to be explained": ("--help inspct", "inspect"),
    "an option": ("build --taget=phone", "--target"),
    "an option of a file's command": ("bench x.tflite --runtmie=tflm", "--runtime"),
    "an option of edgekit itself": ("--versoin", "--version"),
    "a target": ("build --target=phnoe", "phone"),
    "a target of another case": ("build --target=Phone", "phone"),
    "a target to check": ("check --target=microcontroler", "microcontroller"),
    "a target to clean": ("clean --target=phnoe", "phone"),
    "a target of the record": ("history --target=phnoe", "phone"),
    "a target to release": ("release --out=r.zip --target=phnoe", "phone"),
    "a target that a profile extends": ("build --target=extends", "phone"),
    "a model of the project": ("build --target=phone --model=digit", "digits"),
    "a model of the record": ("history --model=digit", "digits"),
    "a model's file": ("build --target=phone --data=random --model=dgits.keras", "digits.keras"),
    "a model's file to look into": ("inspect digitz.keras", "digits.keras"),
    "a dataset": ("build --target=phone --data=digit.npz", "digits.npz"),
    "a .tflite": ("bench modle.tflite", "model.tflite"),
    "a baseline": ("build --target=phone --baseline=v12", "v1.2"),
    "a baseline to compare": ("compare v1.3 build/phone/digits", "v1.2"),
    "a runtime to ship": ("build --target=phone --set runtimes.ship=litrt", "litert"),
    "a runtime to compare": ("build --target=phone --set 'runtimes.compare=[\"tfml\"]'", "tflm"),
    "a runtime to bench": ("bench model.tflite --runtime=tflite_runtime", "tflite-runtime"),
    "a simulator to bench": ("bench model.tflite --runtime=qmeu", "qemu"),
    "a runtime to diverge": ("diverge model.tflite --runtimes=litert,tfml", "tflm"),
    "a core to bench": ("bench model.tflite --runtime=qemu --cpu=Cortex-M4", "cortex-m4f"),
    "a core by its last letters": ("bench model.tflite --runtime=qemu --cpu=m55", "cortex-m55"),
    "a core of a target": ("build --target=core", "cortex-m33"),
    "an NPU": ("bench model.tflite --runtime=vela --npu=ethos-u55-127", "ethos-u55-128"),
    "a limit": ("build --target=phone --set budget.latancy=5ms", "latency"),
    "a limit in a profile": ("build --target=limit", "model_size"),
    "a limit's level": ("build --target=phone --set budget.levels.accuracy=wran", "warn"),
    "a table": ("build --target=phone --set recip.prune.sparsity=0.5", "recipe"),
    "a setting": ("build --target=phone --set recipe.prune.sparsty=0.5", "sparsity"),
    "a setting in a profile": ("build --target=setting", "c_array"),
    "a setting's value": ("build --target=phone --set recipe.quantize.scheme=itn8", "int8"),
    "one of a setting's values": ("build --target=phone --set 'recipe.prune.protect=[\"lats\"]'", "last"),
    "a technique": ("build --target=phone --set 'recipe.order=[\"prun\"]'", "prune"),
    "a method": ("sensitivity --target=phone --method=pruned", "prune"),
    "kernels": ("ccode model.tflite --kernels=dps", "dsp"),
    "a layer to leave out": ("build --target=phone --set 'recipe.prune.exclude=[\"cnov1\"]'", "conv1"),
    "a layer to keep in floats": (
        "build --target=phone --set recipe.prune=false --set 'recipe.quantize.float_layers=[\"digits\"]'",
        "digit",
    ),
}
PROFILES = {
    "extends": 'extends = "phoen"\n',
    "limit": 'extends = "phone"\n[budget]\nmodel_sise = "9 MiB"\n',
    "setting": 'extends = "phone"\n[outputs]\nc_aray = true\n',
    "core": 'extends = "microcontroller"\n[hardware]\ncpu = "cortex-m3"\n[budget]\ninstructions = 1000000\n',
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with a model, and what seems to be a build and a baseline."""
    for name in ("digits.keras", "digits.npz"):
        shutil.copy(ASSETS / name, tmp_path)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.edgekit.models.digits]\nmodel = "digits.keras"\ndata = "digits.npz"\n'
    )
    for file in ("model.tflite", "build/phone/digits/model.tflite", "baselines/v1.2.json"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGEKIT_STORE", raising=False)
    return tmp_path


@pytest.mark.parametrize("kind", MISTYPED)
def test_what_was_meant_is_named(project, capsys, kind):
    line, meant = MISTYPED[kind]
    (project / "targets").mkdir()
    for name in PROFILES.keys() & {line.partition("--target=")[2]}:
        (project / "targets" / f"{name}.toml").write_text(PROFILES[name])
    before = {file for file in project.rglob("*") if ".edgekit" not in file.parts}
    with pytest.raises(SystemExit) as ended:
        CommandLine(name="edgekit", namespace=namespace).run(["edgekit", *shlex.split(line)])
    *progress, said = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2 and said.startswith("edgekit: ") and not progress, said
    assert f"did you mean {meant if meant.startswith('--') else chr(34) + meant + chr(34)}?" in said
    assert {file for file in project.rglob("*") if ".edgekit" not in file.parts} == before


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("qqq", 'there is no command "qqq"; edgekit --help lists them'),
        ("build --qqq", "build: there is no option --qqq; edgekit build --help lists them"),
        ("build --echo --target=phone", "build: there is no option --echo; edgekit build --help lists them"),
        ("bench", "bench: FILE is missing; usage: edgekit bench FILE [options]"),
        (
            "verify",
            "verify: FOLDER and --outputs=FILE are missing; usage: edgekit verify FOLDER --outputs=FILE [options]",
        ),
        ("compare v1", "compare: AFTER is missing; usage: edgekit compare BEFORE AFTER [options]"),
        ("build phone", 'build: "phone" is one word too many; usage: edgekit build --target=NAME [options]'),
        ("bench x.tflite --threads=two", '--threads takes a whole number, not "two"'),
        ("verify a --outputs=b --max-lsb=one", '--max-lsb takes a number, not "one"'),
        ("bench x.tflite --threads", "bench: --threads needs a value; usage: edgekit bench FILE [options]"),
        ("baseline sav v2", "baseline sav: write `baseline save NAME`; `baselines` lists what was saved"),
        ("baseline list v2", "baseline list: write edgekit baselines, which lists what was saved"),
        ("build bearing.keras --target=phone", 'build: "bearing.keras" is a file; write --model=bearing.keras'),
        ("build -model bearing.keras", 'build: "bearing.keras" is a file; write --model=bearing.keras'),
        ("build --target=phone a.npz", 'build: "a.npz" is a file; write --data=a.npz'),
        ("init digits.keras", "digits.keras is a file, not a folder: write --model=digits.keras"),
        (
            "build --target=phone --model=digits.npz --data=digits.keras",
            "model and data look swapped; write --model=digits.keras --data=digits.npz",
        ),
        (
            "build --target=phone --set recipe.prune.sparsity=50%",
            "recipe.prune.sparsity: must be a number, not '50%'; write 0.5",
        ),
        ("build --target=phone --set recipe.prune.sparsity=1.5", "must be a number less than 1.0, not 1.5"),
        ("check", "the project has no target of its own; make one with edgekit init --target=NAME"),
        ("build --target=phone --model=qqq", "no such model file or model of the project; choose from digits"),
    ],
)
def test_what_else_is_typed_wrong(project, capsys, line, says):
    with pytest.raises(SystemExit) as ended:
        CommandLine(name="edgekit", namespace=namespace).run(["edgekit", *shlex.split(line)])
    [said] = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2 and said.startswith("edgekit: ") and says in said


def test_where_nothing_is_near_the_words_are_listed_up_to_a_limit():
    assert nearest("qqq", []) == "there is none"
    assert nearest("qqq", ["b", "a"]) == "choose from a, b"
    many = [f"layer{n:03}" for n in range(500)]
    assert nearest("qqq", many) == f"choose from {', '.join(many[:MOST_NAMED])} …"
    assert closest("", ["a"]) is None and closest("A", ["a"]) == "a"
