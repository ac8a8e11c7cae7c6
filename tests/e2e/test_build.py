"""`edgekit build`: what it makes, and what it does not make again."""

import hashlib
import json
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from command_line import contents, edgekit, rebuilt, run, statuses, steps, verbose_build

from edgekit.engine import worker
from edgekit.measure.limits import HOSTED
from edgekit.report.schema import FILE, schema

OUT = Path("build/phone/digits")


@pytest.fixture(scope="module")
def report(cold):
    return json.loads((cold / OUT / "report.json").read_bytes())


@pytest.fixture(scope="module")
def manifest(cold):
    return json.loads((cold / OUT / "manifest.json").read_bytes())


class TestFirstBuild:
    def test_every_step_is_built_and_says_why(self, cold):
        said = steps((cold / "stdout").read_text())
        stages = ["load", "data", "reference", "rehearse", "prune", "convert", "check calibration", "quantize"]
        assert [name for name in said if name != "score original"][:8] == stages
        assert {step.status for step in said.values()} == {"built"}
        assert {step.reason for step in said.values()} == {"first build"}

    def test_the_documented_files_are_there_and_nothing_else(self, cold):
        documented = {
            "model.tflite",
            "model.names.json",
            "golden.npz",
            "report.json",
            "report.md",
            "report.html",
            "report.sarif",
            "junit.xml",
            "bom.cdx.json",
            "manifest.json",
            "build.log",
        }
        assert documented <= set(contents(cold / OUT)) <= documented | {"report.html"}
        assert {p.name for p in (cold / "build").iterdir()} == {"phone", "index.html"}

    def test_the_terminal_stays_clean(self, cold):
        printed = (cold / "stdout").read_text()
        assert "TensorFlow" not in printed and "WARNING" not in printed and "\x1b" not in printed
        assert (cold / OUT / "build.log").stat().st_size > 0

    def test_the_report_follows_the_published_schema(self, report):
        jsonschema.validate(report, json.loads(FILE.read_bytes()))

    def test_the_published_schema_is_that_of_the_type(self):
        assert FILE.read_bytes() == schema()

    def test_the_schema_refuses_a_renamed_key(self, report):
        broken = {("verdicts" if k == "verdict" else k): v for k, v in report.items()}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, json.loads(FILE.read_bytes()))

    def test_the_report_names_stages_budget_and_verdict(self, report):
        assert report["schema"] == "edgekit.report/1"
        assert report["verdict"] == "pass"
        assert {stage["name"] for stage in report["stages"]} >= {"load", "prune", "convert", "quantize"}
        for line in report["budget"]:
            assert {"name", "limit", "value", "unit", "headroom", "verdict", "source"} <= line.keys()
            assert line["verdict"] == "pass" and "measured" in line["source"]

    def test_accuracy_is_that_of_the_evaluation_set_with_an_interval_around_it(self, report):
        found = [m for m in report["measurements"] if m["name"] == "accuracy"]
        assert {m["artifact"] for m in found} == {"original", "float", "prune", "model"}
        for m in found:
            assert m["samples"] == 2000 and m["unit"] == "%"
            assert m["low"] < m["value"] < m["high"] and m["value"] > 97.5

    def test_the_manifest_has_the_hash_of_every_file(self, cold, manifest):
        outputs = {entry["path"]: entry for entry in manifest["outputs"]}
        files = contents(cold / OUT)
        del files["manifest.json"]
        assert outputs.keys() == files.keys()
        for path, content in files.items():
            assert outputs[path]["sha256"] == hashlib.sha256(content).hexdigest()
            assert outputs[path]["bytes"] == len(content)

    def test_the_manifest_has_the_hash_of_model_and_data(self, cold, manifest):
        for entry in manifest["inputs"]:
            path = Path(entry["path"])
            content = (cold / path if not path.is_absolute() else cold / "assets" / path.name).read_bytes()
            assert entry["sha256"] == hashlib.sha256(content).hexdigest()

    def test_no_file_names_this_machine_s_folders(self, cold):
        for path, content in contents(cold / OUT).items():
            if path != "build.log":
                assert str(cold.parent).encode() not in content, path

    def test_the_model_is_int8_in_and_out(self, cold):
        model = str(cold / OUT / "model.tflite")
        found = worker.call("edgekit.commands.inspect:inspect_file", model, returns=dict)
        ends = [*found["inputs"], *found["outputs"]]
        assert [(e["dtype"], e["shape"]) for e in ends] == [("int8", [1, 28, 28, 1]), ("int8", [1, 10])]
        assert all(e["scale"] > 0 for e in ends)


class TestSecondBuild:
    def test_everything_is_cached_and_the_model_stays(self, built):
        before = (built / OUT / "model.tflite").read_bytes()
        again = verbose_build(built, "--target=phone")
        assert again.returncode == 0
        assert set(statuses(again.stdout).values()) == {"cached"}
        assert statuses(again.stdout).keys() == statuses((built / "stdout").read_text()).keys()
        assert (built / OUT / "model.tflite").read_bytes() == before

    def test_no_file_is_even_written(self, built):
        edgekit(built, "build", "--target=phone")  # whose report says `cached` where the first says `built`
        before = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in sorted((built / OUT).rglob("*"))}
        assert edgekit(built, "build", "--target=phone").returncode == 0
        assert {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in sorted((built / OUT).rglob("*"))} == before

    def test_neither_tensorflow_nor_numpy_is_imported(self, built):
        program = (
            "import sys\n"
            "from edgekit.__main__ import main\n"
            "sys.argv = ['edgekit', 'build', '--target=phone']\n"
            "try: main()\n"
            "except SystemExit as end: assert not end.code, end.code\n"
            "print('heavy', [m for m in ('tensorflow', 'numpy', 'keras', 'ai_edge_litert') if m in sys.modules])"
        )
        done = run([sys.executable, "-c", program], built)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == "heavy []"

    def test_deleted_outputs_come_back_from_the_store(self, built):
        before = (built / OUT / "model.tflite").read_bytes()
        (built / OUT / "model.tflite").unlink()
        again = verbose_build(built, "--target=phone")
        assert rebuilt(again.stdout) == []
        assert (built / OUT / "model.tflite").read_bytes() == before

    def test_a_damaged_output_is_replaced(self, built):
        before = (built / OUT / "model.tflite").read_bytes()
        (built / OUT / "model.tflite").write_bytes(b"?" * len(before))
        edgekit(built, "build", "--target=phone")
        assert (built / OUT / "model.tflite").read_bytes() == before


class TestBudget:
    def test_a_broken_budget_gives_1_with_everything_written_and_no_step_made(self, built):
        done = verbose_build(built, "--target=phone", "--set=budget.model_size=1 KiB", "--out=trial")
        assert done.returncode == 1
        assert rebuilt(done.stdout) == []
        assert contents(built / "trial/phone/digits").keys() == contents(built / OUT).keys()
        report = json.loads((built / "trial/phone/digits/report.json").read_bytes())
        assert report["verdict"] == "fail"
        lines = {line["name"]: line for line in report["budget"]}
        assert (lines["model_size"]["verdict"], lines["model_size"]["limit"]) == ("fail", 1024)
        assert lines["model_size"]["headroom"] < 0
        assert {line["verdict"] for name, line in lines.items() if name != "model_size"} == {"pass"}
        assert report["target"]["overrides"] == ["budget.model_size=1 KiB"]

    @pytest.mark.parametrize(
        "limit",
        [
            "download_size=1 KiB",
            "latency=1 ns",
            pytest.param("latency_p50=1 ns", marks=pytest.mark.slow),
            pytest.param("latency_p99=1 ns", marks=pytest.mark.slow),
            pytest.param("load_time=1 ns", marks=pytest.mark.slow),
            "resident_memory=1 B",
            pytest.param("macs=1 k", marks=pytest.mark.slow),
            "speedup=1000 x",
            pytest.param("accuracy=100 %", marks=pytest.mark.slow),
            pytest.param("churn=0 %", marks=pytest.mark.slow),
        ],
    )
    def test_each_budget_can_be_broken(self, built, limit):
        name = limit.split("=")[0]
        on_host = json.dumps(["latency", *([name] if name in HOSTED else [])])
        sets = (f"--set=budget.{limit}", f"--set=budget.on_host={on_host}")
        done = edgekit(built, "build", "--target=phone", *sets, "--json")
        assert done.returncode == 1
        failed = [line["name"] for line in json.loads(done.stdout)["budget"] if line["verdict"] == "fail"]
        assert failed == [name]

    def test_json_prints_json_only(self, built):
        done = edgekit(built, "build", "--target=phone", "--json")
        assert done.returncode == 0 and done.stderr == ""
        jsonschema.validate(json.loads(done.stdout), json.loads(FILE.read_bytes()))


class TestWhatIsMadeAgain:
    def test_calibration_samples_change_quantization_and_what_follows(self, built):
        done = verbose_build(built, "--target=phone", "--set=recipe.quantize.calibration_samples=100")
        said = steps(done.stdout)
        assert done.returncode == 0
        assert said["quantize"].status == "built"
        assert "calibration_samples 256 → 100" in said["quantize"].reason
        made = rebuilt(done.stdout)
        assert made[:2] == ["check calibration", "quantize"] and {"describe", "score litert", "time"} <= set(made)
        for name in ("load", "data", "reference", "prune", "convert", "score float", "score prune"):
            assert said[name].status == "cached", name
        assert "model changed" in said["score litert"].reason

    @pytest.mark.slow
    def test_a_build_is_said_in_fewer_than_20_lines(self, built):
        done = edgekit(built, "build", "--target=phone", "--set=recipe.quantize.calibration_samples=128")
        lines = done.stdout.splitlines()
        assert done.returncode == 0 and len(lines) < 20
        parts = [line for line in lines if line.startswith("  ")]
        assert [line.split()[0] for line in parts] == ["loaded", "pruned", "quantized", "shrunk,", "measured"]
        assert ["cached" in line for line in parts] == [True, True, False, False, False]
        assert all(len(line) < 80 for line in parts)
        assert "98." in parts[0].split("cached")[1] and parts[-1].endswith(" %")

    def test_a_reworded_comment_changes_nothing(self, built):
        for file in (built / "targets/phone.toml", built / "pyproject.toml"):
            file.write_text("# reworded\n" + file.read_text().replace("# ", "# In other words: "))
        assert rebuilt(verbose_build(built, "--target=phone").stdout) == []

    def test_a_default_written_out_changes_nothing(self, built):
        done = verbose_build(built, "--target=phone", "--set=recipe.prune.schedule=polynomial")
        assert done.returncode == 0 and rebuilt(done.stdout) == []

    def test_touched_inputs_with_the_same_bytes_change_nothing(self, built):
        for file in ("digits.keras", "digits.npz"):
            (built / "assets" / file).touch()
        assert rebuilt(verbose_build(built, "--target=phone").stdout) == []

    def test_a_moved_project_keeps_its_results(self, built, tmp_path):
        moved = built.rename(tmp_path / "elsewhere")
        assert rebuilt(verbose_build(moved, "--target=phone").stdout) == []

    @pytest.mark.slow
    def test_other_data_change_what_reads_them(self, built):
        data = built / "assets/digits.npz"
        with np.load(data) as file:
            arrays = dict(file)
        np.savez(data, **arrays | {"x_test": arrays["x_test"][:500], "y_test": arrays["y_test"][:500]})
        said = steps(verbose_build(built, "--target=phone", "--set=recipe.prune=false").stdout)
        assert "sha256" in said["data"].reason
        assert "sha256" in said["quantize"].reason
        assert {said["load"].status, said["reference"].status} == {"cached"}
        assert "prune" not in said and "score prune" not in said

    def test_a_damaged_result_is_found_and_made_again(self, built):
        model = (built / OUT / "model.tflite").read_bytes()
        digest = hashlib.sha256(model).hexdigest()
        stored = built / ".edgekit/files" / digest[:2] / digest
        stored.write_bytes(model[:-1] + b"?")
        done = verbose_build(built, "--target=phone")
        assert done.returncode == 0
        assert rebuilt(done.stdout) == ["shrink"]
        assert "damaged" in steps(done.stdout)["shrink"].reason
        assert (built / OUT / "model.tflite").read_bytes() == model == stored.read_bytes()

    @pytest.mark.parametrize("damage", ["", "{", '{"artifacts": 3}'], ids=["empty", "cut short", "of another form"])
    def test_a_damaged_record_is_found_and_made_again(self, built, damage):
        for record in (built / ".edgekit/results").rglob("*.json"):
            if "download_size" in record.read_text():
                record.write_text(damage)
        done = verbose_build(built, "--target=phone")
        assert done.returncode == 0
        assert rebuilt(done.stdout) == ["describe", "describe quantize", "describe float", "describe prune"]
        assert "damaged" in steps(done.stdout)["describe"].reason
