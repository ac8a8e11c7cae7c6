"""`edgekit check`: the gate before a release."""

import json

import numpy as np
import pytest
from command_line import contents, rebuilt, typed, verbose_build


def check(folder, *arguments):
    return typed(folder, "check", *arguments)


def test_all_targets_are_built_and_share_what_they_have_in_common(everything):
    compressing = (everything / "stdout").read_text().split("camera: digits\n")[1]
    of_camera, rest = compressing.split("camera-u55: digits\n")
    assert rebuilt(of_camera) == [
        *("check calibration", "quantize", "check operators"),
        *("shrink", "prove tflite-runtime", "prove litert"),
    ]  # whose calibration set is another
    of_small, rest = rest.split("microcontroller: digits\n")
    of_microcontroller, of_phone = rest.split("phone: digits\n")
    assert rebuilt(of_small) == ["check operators", "prove tflm"]  # for another runtime
    assert rebuilt(of_microcontroller) == []
    assert rebuilt(of_phone) == []
    assert {p.name for p in (everything / "build").iterdir()} == {
        "camera",
        "camera-u55",
        "microcontroller",
        "phone",
        "index.html",
    }


def test_the_microcontroller_gets_c_sources_and_a_measured_arena(everything):
    folder = everything / "build/microcontroller/digits"
    assert {"c/digits_model.h", "c/digits_model.c"} <= contents(folder).keys()
    report = json.loads((folder / "report.json").read_bytes())
    [arena] = [line for line in report["budget"] if line["name"] == "arena"]
    assert arena["verdict"] == "pass" and arena["source"].startswith("measured tflm")
    assert f"MEASURED_BYTES {int(arena['value'])}\n" in (folder / "c/digits_config.h").read_text()
    shipped = {a["path"] for a in report["artifacts"]}
    assert shipped == {
        "model.tflite",
        "model.names.json",
        "golden.npz",
        *(path for path in contents(folder) if path.startswith("c/")),
    }


def test_the_gate_passes_what_was_built(everything):
    done = check(everything)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines() == [
        f"{name}: digits: pass" for name in ("camera", "camera-u55", "microcontroller", "phone")
    ]


def test_json_prints_json_only(everything):
    done = check(everything, "--json")
    assert done.returncode == 0 and done.stderr == ""
    assert [(found["target"], found["problems"]) for found in json.loads(done.stdout)] == [
        ("camera", []),
        ("camera-u55", []),
        ("microcontroller", []),
        ("phone", []),
    ]


def tamper_with_the_model(project):
    file = project / "build/phone/digits/model.tflite"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def tamper_with_the_report(project):
    file = project / "build/phone/digits/report.json"
    file.write_text(file.read_text().replace('"verdict": "pass"', '"verdict": "pass" '))


def edit_the_profile(project):
    file = project / "targets/phone.toml"
    file.write_text(file.read_text().replace("sparsity = 0.5", "sparsity = 0.6"))


def loosen_the_budget(project):
    file = project / "targets/phone.toml"
    file.write_text(file.read_text().replace('"1 %"', '"2 %"'))


def loosen_the_budget_of_the_model(project):
    file = project / "pyproject.toml"
    file.write_text(file.read_text().replace("44 KiB", "45 KiB"))


def change_the_data(project):
    file = project / "assets/digits.npz"
    with np.load(file) as arrays:
        np.savez(file, **dict(arrays) | {"y_test": arrays["y_test"][::-1]})


def change_the_model(project):
    with (project / "assets/digits.keras").open("ab") as file:
        file.write(b"\0")


def remove(name):
    def do(project):
        (project / "build/phone/digits" / name).unlink()

    do.__name__ = f"remove_{name}"
    return do


def cut_the_manifest_short(project):
    file = project / "build/phone/digits/manifest.json"
    file.write_text(file.read_text()[:-100])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (tamper_with_the_model, "model.tflite: changed since it was built"),
        (tamper_with_the_report, "report.json: changed since it was built"),
        (edit_the_profile, "the profile"),
        (loosen_the_budget, "the profile"),
        (loosen_the_budget_of_the_model, "or the limits of digits in pyproject.toml"),
        (change_the_data, "the dataset has changed"),
        (change_the_model, "the model has changed"),
        (remove("report.json"), "report.json"),
        (remove("report.md"), "report.md: missing"),
        (remove("manifest.json"), "manifest.json is missing"),
        (remove("model.tflite"), "model.tflite: missing"),
        (cut_the_manifest_short, "cannot be read"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_gate_fails_after(change, says, released):
    change(released)
    done = check(released)
    assert done.returncode == 1
    assert "phone: digits: fail" in done.stdout
    assert says in done.stdout
    assert "run edgekit build --target=phone" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["digits_model.c", "digits_model.h"])
def test_the_gate_fails_after_the_c_sources_were_edited(name, released):
    with (released / "build/microcontroller/digits/c" / name).open("a") as file:
        file.write("/* faster */\n")
    done = check(released, "--target=microcontroller")
    assert done.returncode == 1 and f"{name}: changed since it was built" in done.stdout


def test_the_gate_fails_where_nothing_was_built(fresh):
    done = check(fresh, "--target=phone")
    assert done.returncode == 1 and "run edgekit build --target=phone" in done.stdout


def test_the_gate_fails_after_a_trial_and_passes_after_a_build(built):
    assert typed(built, "build", "--target=phone", "--set=budget.model_size=50 KiB").returncode == 0
    done = check(built, "--target=phone")
    assert done.returncode == 1 and "budget.model_size=50 KiB" in done.stdout
    assert typed(built, "build", "--target=phone").returncode == 0
    assert check(built, "--target=phone").returncode == 0


def test_the_gate_fails_over_budget(built):
    project = built / "pyproject.toml"
    project.write_text(project.read_text().replace('model_size = "44 KiB"', 'model_size = "4 KiB"'))
    build = verbose_build(built, "--target=phone")
    assert build.returncode == 1 and rebuilt(build.stdout) == []
    done = check(built, "--target=phone")
    assert done.returncode == 1 and "budget model_size: fail" in done.stdout


def test_the_gate_passes_after_a_comment_was_reworded(released):
    for profile in (released / "targets").glob("*.toml"):
        profile.write_text("# reworded\n" + profile.read_text())
    assert check(released).returncode == 0


def test_every_limit_has_an_answer_and_build_and_gate_have_the_same(released):
    """Times of the build host, of TFLM, which runs no float model: nothing of them passes on a microcontroller."""
    assert typed(released, "baseline", "save", "v1", "--target=microcontroller").returncode == 0
    project = released / "pyproject.toml"
    times = {
        "latency_p50": "1 s",
        "latency_p99": "1 s",
        "load_time": "1 s",
        "resident_memory": "1 GiB",
        "speedup": "0 x",
    }
    limits = {**times, "metric_min": "0", "churn": "50 %", "max_lsb": "255"}
    lines = "".join(f'{name} = "{limit}"\n' for name, limit in limits.items())
    text = project.read_text().replace('latency = "80 ms"', 'latency = "+0 %"')
    text = text.replace('accuracy = "97.5 %"', 'accuracy = "98.8 %"')  # inside the interval of what it is
    project.write_text(text.replace("budgets.microcontroller]\n", f"budgets.microcontroller]\n{lines}"))
    build = ("build", "--target=microcontroller", "--baseline=v1", "--json")
    done = typed(released, *build)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    found = {line["name"]: line for line in report["budget"]}
    assert report["verdict"] == "inconclusive"
    undecided = {name for name, line in found.items() if line["verdict"] != "pass"}
    assert undecided == {*times, "metric_min", "accuracy"}
    for name in times:
        assert (found[name]["verdict"], found[name]["value"]) == ("inconclusive", None)
        needs = "measure on the device" if name == "resident_memory" else "limit `latency`"
        assert f"the build host's, not the cortex-m4f's; {needs}" in found[name]["reason"]
    assert found["latency"]["verdict"] == "pass" and "instructions: " in found["latency"]["reason"]
    assert typed(released, *build, "--strict").returncode == 1
    done = check(released, "--target=microcontroller", "--baseline=v1")
    assert done.returncode == 0 and "microcontroller: digits: inconclusive" in done.stdout
    assert all(f"budget {name}: inconclusive" in done.stdout for name in undecided)
    done = check(released, "--target=microcontroller", "--baseline=v1", "--strict")
    assert done.returncode == 1 and "microcontroller: digits: fail" in done.stdout
    done = typed(released, "baseline", "save", "v2", "--target=microcontroller", "--strict")
    assert done.returncode == 1 and "--allow-broken" in done.stderr
    done = typed(released, "baseline", "save", "v2", "--target=microcontroller")
    assert done.returncode == 0 and "note: " in done.stderr and "speedup: inconclusive" in done.stderr
    of_device = {"flash", "ram", "instructions", "latency_p90"}
    folder = "build/microcontroller/digits"
    compared = json.loads(typed(released, "compare", "v1/microcontroller/digits", folder, "--json").stdout)["figures"]
    assert {f["name"] for f in compared if f["runtime"].startswith("qemu")} == of_device
    assert all(f["effect"] == "same" and not f["note"] for f in compared if f["name"] in of_device)
    last = json.loads(typed(released, "history", "--target=microcontroller", "--json").stdout)[-1]["figures"]
    assert {name for name, figure in last.items() if figure["runtime"].startswith("qemu")} == of_device
    assert {"churn", "max_lsb"} < last.keys()


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ('budget.on_host=["model_size"]', "the same on every machine"),
        ('budget.on_host=["load_time"]', 'no limit "load_time" is set'),
        ("hardware.cpu=", "hardware.cpu: missing"),
    ],
)
def test_what_may_be_of_the_build_host_is_checked(built, setting, words):
    done = typed(built, "build", "--target=phone", f"--set={setting}")
    assert done.returncode == 2 and words in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


def test_tflm_of_the_build_host_is_no_device_s(built):
    done = typed(built, "build", "--target=microcontroller", '--set=budget.on_host=["latency"]')
    assert done.returncode == 2 and "says nothing of a cortex-m4f" in done.stderr


def test_a_profile_without_hardware_is_of_this_machine(built):
    profile, project = built / "targets/phone.toml", built / "pyproject.toml"
    text = profile.read_text()
    start, end = text.index("[hardware]"), text.index("[recipe.prune]")
    profile.write_text(text[:start] + text[end:])
    project.write_text(project.read_text().replace('on_host = ["latency"]', ""))
    done = typed(built, "build", "--target=phone", "--json")
    [line] = [line for line in json.loads(done.stdout)["budget"] if line["name"] == "latency"]
    assert (line["verdict"], line["source"].split()[:2]) == ("pass", ["measured", "litert"])
    assert "build host" not in line["source"]
    profile.write_text(text)
    done = typed(built, "build", "--target=phone", "--json")
    [line] = [line for line in json.loads(done.stdout)["budget"] if line["name"] == "latency"]
    assert (line["verdict"], line["value"]) == ("inconclusive", None) and "not the cortex-a76's" in line["reason"]
