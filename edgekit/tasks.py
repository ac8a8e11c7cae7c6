"""The invoke tasks: parse, call one function, render, exit code."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invoke import Collection, Context, Exit
from invoke import task as plain_task

from edgekit.help import HelpfulTask, print_help
from edgekit.outcome import fill_streams, flush, outcome, stopping

if TYPE_CHECKING:
    from edgekit.commands.check import Kind
    from edgekit.records.taken import Taken


task = functools.partial(plain_task, klass=HelpfulTask)


def command(body: Callable[..., int | None]) -> Callable[..., None]:
    """Makes an error one plain line with its exit status, and the result of a task its exit status."""

    @functools.wraps(body)
    def run(*args: Any, help: bool = False, **kwargs: Any) -> None:
        if help:
            return print_help(body.__name__, namespace)
        # Invoke forbids bytecode files, for the sake of tasks.py. Ours are compiled once, not in every run.
        sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
        try:
            fill_streams()
            with stopping():
                code = body(*args, **kwargs)
            flush()
        except (Exception, KeyboardInterrupt) as error:
            if isinstance(error, Exit):
                raise
            line, status = outcome(error)
            with contextlib.suppress(OSError):
                flush()
            raise Exit(f"edgekit: {line}", status) from None
        if code:
            raise Exit(code=code)

    return run


HELP = {
    "target": "device profile, a name from `targets`; may be given several times, or `all`",
    "model": "a model of the project by name, the path of a Keras file, a SavedModel or a .tflite, or module:function "
    "of a builder; all models of the project by default",
    "data": "dataset: .npz, a folder of class folders with images, module:function, or `random` (size and speed only)",
    "out": "folder of the results, DIR/TARGET/MODEL",
    "set": "change a key of the profile for this build, as in --set=recipe.prune.sparsity=0.7; may be repeated",
    "input_shape": "sizes that the model leaves open: 96x96x3, or left=96x96x3,right=10",
    "custom_objects": "module that defines the model's own layers",
    "trust_model": "let code in the model file run (Lambda layers): only if you made the file",
    "baseline": "release that limits with + are against: a name from `baselines/`; that of pyproject.toml by default",
    "json": "print the result as JSON, and nothing else",
    "runtime": "litert, tflite-runtime or tflm; may be given several times",
}


TAKES = {
    "allow_stale": "take builds whose model, data, profile or baseline is another by now",
    "allow_trial": "take builds that were made with --set",
    "allow_broken": "take builds that are over budget",
    "replace": "overwrite what is there under that name",
    "strict": "take nothing that stayed inconclusive",
}
"""What softens the gate of a release."""


def _help(*names: str, **more: str) -> dict[str, str]:
    return {name: HELP[name] for name in names} | more


@task(
    iterable=["target", "set"],
    help=_help(
        "target",
        "model",
        "data",
        "out",
        "set",
        "input_shape",
        "custom_objects",
        "trust_model",
        "json",
        "baseline",
        recipe="TOML file whose [recipe] goes over that of the profile, such as sensitivity proposes",
        remeasure="measure time and memory again, also where nothing has changed",
        strict="what stays inconclusive fails too",
        verbose="say the commands that give each figure again",
        mlflow="also log figures and files to MLflow: a folder, or the address of a server",
    ),
)
@command
def build(
    c: Context,
    target: list[str],
    model: str | None = None,
    data: str | None = None,
    out: str = "build",
    set: list[str] | None = None,
    json: bool = False,
    recipe: str | None = None,
    input_shape: str = "",
    custom_objects: str = "",
    trust_model: bool = False,
    baseline: str | None = None,
    remeasure: bool = False,
    strict: bool = False,
    verbose: bool = False,
    mlflow: str = "",
) -> int:
    """Compress, quantize, measure and judge a model: DIR/TARGET/MODEL gets the .tflite, the reports and C sources.

    Exit status: 0 all budgets hold, 1 one is broken, 2 the input is wrong, 3 something is not installed.
    """
    from edgekit.build import build
    from edgekit.measure.judge import fails
    from edgekit.profile.profiles import load_targets
    from edgekit.profile.project import find_project, select_models
    from edgekit.report.console import Progress, print_commands, print_json, print_reports
    from edgekit.report.markdown import append_summaries
    from edgekit.report.mlflow import log_to_mlflow
    from edgekit.types import Reading

    project = find_project(Path.cwd())
    specs = select_models(project, model, data, Reading(input_shape, custom_objects, trust_model))
    overrides, said = tuple(set or ()), [f"recipe {recipe}"] if recipe else []
    targets = load_targets(target, project.target_folders, overrides, recipe)
    progress = Progress(quiet=json)
    try:
        held = project.baseline if baseline is None else baseline
        reports = build(project, specs, targets, Path(out), (*said, *overrides), progress, held, remeasure)
    finally:
        progress.close()
    print_json(reports) if json else print_reports(reports, Path(out))
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        append_summaries(Path(summary), reports)
    if mlflow:
        log_to_mlflow(reports, Path(out), mlflow)
    if verbose and not json:
        print_commands(reports, Path(out), held)
    return int(any(fails(report.verdict, strict) for report in reports))


def _taken(
    model: str | None,
    data: str | None,
    out: str,
    targets: list[str],
    strict: bool,
    allowed: dict[Kind, bool],
) -> list[Taken]:
    """The builds that a release takes, and on the terminal what has to be known of them."""
    from edgekit.commands.check import Gate
    from edgekit.profile.project import find_project, select_models
    from edgekit.records.taken import take
    from edgekit.report.text import one_line

    project = find_project(Path.cwd())
    specs = select_models(project, model, data) if model or project.models else []
    kinds = {kind for kind, given in allowed.items() if given}
    builds = take(project, specs, Path(out), targets, Gate(project.baseline, strict), kinds)
    for note in dict.fromkeys(note for build in builds for note in build.notes):
        print(f"note: {one_line(note)}", file=sys.stderr)
    return builds


@task(
    iterable=["target"],
    help=_help(
        "json",
        "model",
        "data",
        **TAKES,
        target="a target that the archive holds, repeatable; all that are built by default",
        out="the archive, such as release.zip; with --verify, the one to look at",
        builds="folder of the builds",
        key="private key in PEM that signs; with --verify, the public one of whoever signed",
        verify="look at an archive instead of making one",
    ),
)
@command
def release(
    c: Context,
    target: list[str],
    out: str,
    builds: str = "build",
    key: str | None = None,
    verify: bool = False,
    model: str | None = None,
    data: str | None = None,
    allow_stale: bool = False,
    allow_trial: bool = False,
    allow_broken: bool = False,
    replace: bool = False,
    strict: bool = False,
    json: bool = False,
) -> int:
    """Pack what ships, the reports and the evidence into an archive that is the same each time; or verify one."""
    from edgekit.commands import release as archives
    from edgekit.report.console import print_json, print_verified_release

    path = Path(key) if key else None
    if not verify:
        allowed: dict[Kind, bool] = {"stale": allow_stale, "trial": allow_trial, "broken": allow_broken}
        taken = _taken(model, data, builds, target, strict, allowed)
        members = archives.release(taken, Path(out), path, replace)
        print_json(members) if json else print("\n".join(members))
        return 0
    found = archives.verify(Path(out), path)
    print_json(found) if json else print_verified_release(out, found)
    return int(bool(found.problems))


@task(
    iterable=["target"],
    help=_help(
        "target",
        "model",
        "data",
        "out",
        "json",
        "baseline",
        rebuild="build again in an empty place, and say what differs",
        strict="what stayed inconclusive fails too",
    ),
)
@command
def check(
    c: Context,
    target: list[str],
    model: str | None = None,
    data: str | None = None,
    out: str = "build",
    json: bool = False,
    baseline: str | None = None,
    rebuild: bool = False,
    strict: bool = False,
) -> int:
    """The release gate: every report is there, its files and inputs are unchanged, and all budgets hold."""
    from edgekit.commands.check import Gate, check_all
    from edgekit.profile.profiles import load_targets
    from edgekit.profile.project import find_project, select_models
    from edgekit.report.console import print_checks, print_json

    project = find_project(Path.cwd())
    targets = load_targets(target or ["all"], project.target_folders, ())
    gate = Gate(project.baseline if baseline is None else baseline, strict, rebuild)
    checks = check_all(project, targets, select_models(project, model, data), Path(out), gate)
    print_json(checks) if json else print_checks(checks)
    return int(any(found.problems for found in checks))


@task(
    positional=["action", "name"],
    iterable=["target"],
    help=_help("target", "model", "data", "out", "json", **TAKES, action="save", name="of the baseline, such as v1.2"),
)
@command
def baseline(
    c: Context,
    action: str,
    name: str,
    target: list[str],
    out: str = "build",
    model: str | None = None,
    data: str | None = None,
    allow_stale: bool = False,
    allow_trial: bool = False,
    allow_broken: bool = False,
    replace: bool = False,
    strict: bool = False,
    json: bool = False,
) -> None:
    """Store the figures and files of the builds in a folder as a release, for later builds to be held against."""
    from edgekit.errors import ProjectError
    from edgekit.profile.project import find_project
    from edgekit.records.baseline import save
    from edgekit.report.console import print_json

    if action != "save":
        raise ProjectError(f"baseline {action}: there is only `baseline save NAME`; `baselines` lists what was saved")
    allowed: dict[Kind, bool] = {"stale": allow_stale, "trial": allow_trial, "broken": allow_broken}
    builds = _taken(model, data, out, target, strict, allowed)
    files = [str(file) for file in save(find_project(Path.cwd()), name, builds, replace)]
    print_json(files) if json else print("\n".join(files))


@task(help=_help("json"))
@command
def baselines(c: Context, json: bool = False) -> None:
    """List the releases that builds can be held against."""
    from edgekit.profile.project import find_project
    from edgekit.records.baseline import listed
    from edgekit.report.console import print_json, print_table

    rows = listed(find_project(Path.cwd()))
    print_json(rows) if json else print_table(["baseline", "target", "model", "verdict", "SHA-256"], rows)


@task(
    iterable=["target"],
    help=_help("target", "json", model="a model of the project", count="how many builds, the last ones"),
)
@command
def history(c: Context, target: list[str], model: str | None = None, count: int = 20, json: bool = False) -> None:
    """The record of builds: when, what was judged, size, accuracy, latency and memory."""
    from edgekit.profile.project import find_project
    from edgekit.records.history import read
    from edgekit.report.console import print_history, print_json

    entries = read(find_project(Path.cwd()), target[0] if target else None, model, count)
    print_json(entries) if json else print_history(entries)


@task(
    positional=["before", "after"],
    help=_help("json", before="a build's folder, a baseline (NAME/TARGET/MODEL) or a .tflite", after="the same"),
)
@command
def compare(c: Context, before: str, after: str, json: bool = False) -> None:
    """What changed between two builds, a baseline and a build, or two .tflite, and what explains it."""
    from edgekit.commands.compare import compare
    from edgekit.profile.project import find_project
    from edgekit.report.console import print_comparison, print_json

    found = compare(find_project(Path.cwd()), before, after)
    print_json(found) if json else print_comparison(found)


@task(
    positional=["path"],
    iterable=["runtime"],
    help=_help(
        "json",
        path="a .tflite file",
        runtime="repeatable: litert, tflite-runtime or tflm here; or qemu or vela, on simulated hardware",
        threads="threads that the runtime may use",
        cpu="for qemu: cortex-m4f, cortex-m7, cortex-m33 or cortex-m55",
        clock='for qemu, to estimate the time: the clock, such as "80 MHz"',
        npu="for vela, such as ethos-u55-128",
    ),
)
@command
def bench(
    c: Context,
    path: str,
    runtime: list[str],
    threads: int = 1,
    cpu: str = "cortex-m4f",
    clock: str = "",
    npu: str = "ethos-u55-128",
    json: bool = False,
) -> int:
    """Measure any .tflite: size, load time, latency and memory under each runtime here, or on simulated hardware."""
    from edgekit.commands.bench import Device, bench
    from edgekit.report.console import print_json, print_measurements

    measurements = bench(Path(path), runtime, threads, Device(cpu, clock, npu))
    print_json(measurements) if json else print_measurements(measurements)
    return 2 if all(m.value is None for m in measurements if m.runtime) else 0


@task(
    positional=["path"],
    help=_help(
        "json",
        path="a .tflite file",
        out="folder of the smaller file, which has the same name",
        keep_names="leave the names of inner tensors, for debugging",
    ),
)
@command
def shrink(c: Context, path: str, out: str = "shrunk", keep_names: bool = False, json: bool = False) -> None:
    """Write a smaller .tflite whose outputs are the same bit for bit, proven in every runtime that is installed."""
    from edgekit.commands.shrink import shrink
    from edgekit.report.console import print_json, print_shrunk

    found = shrink(Path(path), Path(out), keep_names)
    print_json(found) if json else print_shrunk(found)


@task(
    positional=["path"],
    help=_help(
        "json",
        path="an int8 .tflite file",
        name="of the C symbols; the file's name by default",
        out="folder of NAME.h and NAME.c",
        kernels="portable, dsp for the instructions of Cortex-M4, M7, M33 and M55, or cmsis-nn",
        cmsis_nn="folder of CMSIS-NN, with its Include and Source",
        arena='the most RAM that its tensors may need, such as "20 KiB"',
        tables="weights with few values, as after clustering, as indexes into tables: less flash, more time",
    ),
)
@command
def ccode(
    c: Context,
    path: str,
    name: str | None = None,
    out: str = ".",
    kernels: str = "portable",
    cmsis_nn: str = "",
    arena: str = "",
    tables: bool = False,
    json: bool = False,
) -> None:
    """Write an int8 .tflite as C11 that needs no interpreter, with the outputs of TFLM byte for byte."""
    from edgekit.commands.ccode import write_ccode
    from edgekit.report.console import print_ccode, print_json

    found = write_ccode(Path(path), name or Path(path).stem, kernels, cmsis_nn, Path(out), arena, tables)
    print_json(found) if json else print_ccode(found)


@task(
    positional=["path"],
    iterable=["runtimes"],
    help=_help(
        "json",
        path="a .tflite file",
        runtimes="two of litert, tflite-runtime, tflm and litert-reference, as in a,b",
        inputs=".npz with input_0 and so on; by default golden.npz beside the file, else random inputs",
    ),
)
@command
def diverge(c: Context, path: str, runtimes: list[str], inputs: str = "", json: bool = False) -> None:
    """Find the first operator at which two runtimes part, by every tensor of a .tflite in both."""
    from edgekit.commands.diverge import diverge, two
    from edgekit.report.conformance import print_divergence
    from edgekit.report.console import print_json

    found = diverge(Path(path), two(runtimes), inputs)
    print_json(found) if json else print_divergence(found)


@task(positional=["path"], help=_help("json", path="a .tflite file"))
@command
def compat(c: Context, path: str, json: bool = False) -> None:
    """List which releases of the runtimes take a .tflite, and what the others lack."""
    from edgekit.commands.compat import compat
    from edgekit.report.conformance import print_compatibility
    from edgekit.report.console import print_json

    found = compat(Path(path))
    print_json(found) if json else print_compatibility(found)


@task(
    positional=["folder"],
    help=_help(
        "json",
        folder="of a build, DIR/TARGET/MODEL, with its golden vectors",
        outputs="what the device made of golden.npz: .npz with output_0 and so on, .npy, or plain bytes",
        max_lsb="how far a value may be off",
    ),
)
@command
def verify(c: Context, folder: str, outputs: str, max_lsb: float = 0, json: bool = False) -> int:
    """Compare outputs that came back from a device with the golden vectors of a build."""
    from edgekit.commands.verify import verify
    from edgekit.report.conformance import print_verified
    from edgekit.report.console import print_json

    found = verify(Path(folder), Path(outputs))
    print_json(found) if json else print_verified(found)
    return 0 if all(output.largest <= max_lsb for output in found) else 1


@task(
    positional=["path"],
    help=_help(
        "json",
        path="a .tflite file",
        name="identifier of the C symbols; the file's name by default",
        out="folder of the C sources",
        section='linker section of the array, such as ".rodata.models"',
        attribute="a macro that the array's declaration gets, such as PROGMEM for the flash of AVR boards",
        include="header that defines another attribute than PROGMEM",
    ),
)
@command
def carray(
    c: Context,
    path: str,
    name: str | None = None,
    out: str = ".",
    section: str | None = None,
    attribute: str | None = None,
    include: str | None = None,
    json: bool = False,
) -> None:
    """Write C and C++ sources that hold any .tflite: the array, its shapes and scales, and the operators it needs."""
    from edgekit.emit.c_array import CArray
    from edgekit.emit.kit import write_kit
    from edgekit.report.console import print_json

    settings = CArray(name or Path(path).stem, section or "", attribute or "", include or "")
    files = [str(file) for file in write_kit(Path(path), settings, Path(out))]
    print_json(files) if json else print("\n".join(files))


@task(
    positional=["path"],
    help=_help(
        "input_shape",
        "custom_objects",
        "trust_model",
        "json",
        path="a Keras file, a SavedModel or a .tflite",
    ),
)
@command
def inspect(
    c: Context,
    path: str,
    json: bool = False,
    input_shape: str = "",
    custom_objects: str = "",
    trust_model: bool = False,
) -> None:
    """Look inside a model: inputs, outputs, layers or operators, parameters, and what each target makes of it."""
    from edgekit.commands.inspect import inspect
    from edgekit.profile.profiles import load_targets
    from edgekit.profile.project import find_project
    from edgekit.report.console import print_inspection, print_json
    from edgekit.types import Reading

    targets = load_targets(["all"], find_project(Path.cwd()).target_folders, ())
    found = inspect(path, Reading(input_shape, custom_objects, trust_model), targets)
    print_json(found) if json else print_inspection(found)


@task(help=_help("json"))
@command
def targets(c: Context, json: bool = False) -> None:
    """List the device profiles that build takes."""
    from edgekit.profile.profiles import load_targets
    from edgekit.profile.project import find_project
    from edgekit.report.console import print_json, print_table

    project = find_project(Path.cwd())
    found = load_targets(["all"], project.target_folders, ())
    rows = [[t.name, t.runtimes.ship, t.description] for t in found]
    print_json(found) if json else print_table(["target", "runtime", "device"], rows)


@task(help=_help("json"))
@command
def doctor(c: Context, json: bool = False) -> int:
    """Check the environment: Python, libraries, runtimes and compilers, and what to install where one is missing."""
    from edgekit.commands.doctor import examine
    from edgekit.report.console import print_json, print_table

    findings = examine()
    rows = [[f.name, f.version, "ok" if f.works else "missing" if f.needed else "absent", f.advice] for f in findings]
    print_json(findings) if json else print_table(["what", "version", "state", "advice"], rows)
    return 3 if any(f.needed and not f.works for f in findings) else 0


@task(
    iterable=["target"],
    help=_help("target", "out", "json", cache="the stored results of stages too, so that the next build starts anew"),
)
@command
def clean(c: Context, target: list[str], out: str = "build", cache: bool = False, json: bool = False) -> None:
    """Remove the outputs of builds: those of --target, or all; with --cache the stored results of stages too."""
    from edgekit.commands.clean import clean
    from edgekit.profile.project import find_project
    from edgekit.report.console import print_json

    lines = clean(find_project(Path.cwd()), Path(out), target, cache)
    print_json(lines) if json else print("\n".join(lines))


@task(
    iterable=["target", "set"],
    help=_help(
        "target",
        "model",
        "data",
        "set",
        "json",
        out="folder of sensitivity.json, sensitivity.svg and recipe.toml; build/sensitivity/METHOD by default",
        method="prune (weights), quantize (bits) or channels",
        levels='sparsities or bit widths to try, as in "0.5,0.8"',
        samples="training samples that errors are measured on",
    ),
)
@command
def sensitivity(
    c: Context,
    target: list[str],
    model: str | None = None,
    data: str | None = None,
    method: str = "prune",
    levels: str = "",
    samples: int = 1000,
    out: str | None = None,
    set: list[str] | None = None,
    json: bool = False,
    input_shape: str = "",
    custom_objects: str = "",
    trust_model: bool = False,
) -> None:
    """What each layer bears: the error with a layer pruned, rounded or narrowed, and a recipe that follows from it."""
    from edgekit.commands.sensitivity import sensitivity, sweep
    from edgekit.profile.profiles import load_single
    from edgekit.profile.project import find_project, select_model
    from edgekit.report.analysis import print_sensitivity
    from edgekit.report.console import Progress, print_json
    from edgekit.types import Reading

    project = find_project(Path.cwd())
    spec = select_model(project, model, data, Reading(input_shape, custom_objects, trust_model))
    profile = load_single(target, project.target_folders, tuple(set or ()))
    settings = sweep(method, levels, samples, profile)
    folder = Path(out) if out else Path("build", "sensitivity", method)
    progress = Progress(quiet=json)
    try:
        found = sensitivity(project, spec, profile, settings, folder, progress)
    finally:
        progress.close()
    print_json(found) if json else print_sensitivity(found, folder)


@task(
    iterable=["target", "set"],
    help=_help(
        "target",
        "model",
        "data",
        "set",
        "json",
        samples="training samples that are run",
        out="also write DIR/TARGET/MODEL/explain.json and explain.svg",
    ),
)
@command
def explain(
    c: Context,
    target: list[str],
    model: str | None = None,
    data: str | None = None,
    set: list[str] | None = None,
    samples: int = 128,
    out: str | None = None,
    json: bool = False,
) -> None:
    """Explain where accuracy goes: every tensor of the quantized model against the float one, and what to change."""
    from edgekit.commands.explain import explain_build
    from edgekit.profile.profiles import load_single
    from edgekit.profile.project import find_project, select_model
    from edgekit.report.console import Progress, print_json
    from edgekit.report.explanation import print_explanation
    from edgekit.types import Reading

    project = find_project(Path.cwd())
    spec = select_model(project, model, data, Reading())
    profile = load_single(target, project.target_folders, tuple(set or ()))
    progress = Progress(quiet=json)
    try:
        found = explain_build(project, spec, profile, samples, Path(out) if out else None, progress)
    finally:
        progress.close()
    print_json(found) if json else print_explanation(found)


@task(
    iterable=["target"],
    help=_help(
        "target",
        "model",
        "data",
        "json",
        out="folder of study.json, study.md and study.svg",
        recipes="TOML file of the recipes",
    ),
)
@command
def study(
    c: Context,
    target: list[str],
    model: str | None = None,
    data: str | None = None,
    recipes: str | None = None,
    out: str = "build/study",
    json: bool = False,
) -> None:
    """Build a model with many recipes and lay out what each bought: a table, a figure, the Pareto front."""
    import msgspec

    from edgekit.commands.study import RECIPES, study
    from edgekit.files import write
    from edgekit.profile.profiles import load_single
    from edgekit.profile.project import find_project, select_model
    from edgekit.report.console import Progress, print_json
    from edgekit.report.study import markdown_study, plot_study, print_study
    from edgekit.types import Reading

    project = find_project(Path.cwd())
    spec = select_model(project, model, data, Reading())
    profile = load_single(target, project.target_folders)
    progress = Progress(quiet=json)
    try:
        found = study(project, spec, profile, Path(recipes) if recipes else RECIPES, progress)
    finally:
        progress.close()
    folder = Path(out)
    write(folder / "study.json", msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    write(folder / "study.md", markdown_study(found, "study.svg").encode())
    plot_study(found, folder / "study.svg")
    print_json(found) if json else print_study(found)


namespace = Collection(
    build,
    check,
    baseline,
    baselines,
    compare,
    history,
    release,
    bench,
    carray,
    ccode,
    shrink,
    compat,
    diverge,
    verify,
    inspect,
    targets,
    doctor,
    clean,
    sensitivity,
    explain,
    study,
)
