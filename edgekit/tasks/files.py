"""The tasks for a model file that came from anywhere."""

from __future__ import annotations

from pathlib import Path

from invoke import Context

from edgekit.tasks.common import command, options, task


@task(
    positional=["path"],
    iterable=["runtime"],
    help=options(
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
    from edgekit.commands.bench import Device, bench, print_measurements
    from edgekit.report.console import print_json

    measurements = bench(Path(path), runtime, threads, Device(cpu, clock, npu))
    print_json(measurements) if json else print_measurements(measurements)
    return 2 if all(m.value is None for m in measurements if m.runtime) else 0


@task(
    positional=["path"],
    help=options(
        "json",
        path="a .tflite file",
        out="folder of the smaller file, which has the same name",
        keep_names="leave the names of inner tensors, for debugging",
    ),
)
@command
def shrink(c: Context, path: str, out: str = "shrunk", keep_names: bool = False, json: bool = False) -> None:
    """Write a smaller .tflite whose outputs are the same bit for bit, proven in every runtime that is installed."""
    from edgekit.commands.shrink import print_shrunk, shrink
    from edgekit.report.console import print_json

    found = shrink(Path(path), Path(out), keep_names)
    print_json(found) if json else print_shrunk(found)


@task(
    positional=["path"],
    help=options(
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
    from edgekit.commands.ccode import print_ccode, write_ccode
    from edgekit.report.console import print_json

    found = write_ccode(Path(path), name or Path(path).stem, kernels, cmsis_nn, Path(out), arena, tables)
    print_json(found) if json else print_ccode(found)


@task(
    positional=["path"],
    iterable=["runtimes"],
    help=options(
        "json",
        path="a .tflite file",
        runtimes="two of litert, tflite-runtime, tflm and litert-reference, as in a,b",
        inputs=".npz with input_0 and so on; by default golden.npz beside the file, else random inputs",
    ),
)
@command
def diverge(c: Context, path: str, runtimes: list[str], inputs: str = "", json: bool = False) -> None:
    """Find the first operator at which two runtimes part, by every tensor of a .tflite in both."""
    from edgekit.commands.diverge import diverge, print_divergence, two
    from edgekit.report.console import print_json

    found = diverge(Path(path), two(runtimes), inputs)
    print_json(found) if json else print_divergence(found)


@task(positional=["path"], help=options("json", path="a .tflite file"))
@command
def compat(c: Context, path: str, json: bool = False) -> None:
    """List which releases of the runtimes take a .tflite, and what the others lack."""
    from edgekit.commands.compat import compat, print_compatibility
    from edgekit.report.console import print_json

    found = compat(Path(path))
    print_json(found) if json else print_compatibility(found)


@task(
    positional=["folder"],
    help=options(
        "json",
        folder="of a build, DIR/TARGET/MODEL, with its golden vectors",
        outputs="what the device made of golden.npz: .npz with output_0 and so on, .npy, or plain bytes",
        max_lsb="how far a value may be off",
    ),
)
@command
def verify(c: Context, folder: str, outputs: str, max_lsb: float = 0, json: bool = False) -> int:
    """Compare outputs that came back from a device with the golden vectors of a build."""
    from edgekit.commands.verify import print_verified, verify
    from edgekit.report.console import print_json

    found = verify(Path(folder), Path(outputs))
    print_json(found) if json else print_verified(found)
    return 0 if all(output.largest <= max_lsb for output in found) else 1


@task(
    positional=["path"],
    help=options(
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
    from edgekit.commands.carray import write_kit
    from edgekit.emit.c_array import CArray
    from edgekit.report.console import print_json

    settings = CArray(name or Path(path).stem, section or "", attribute or "", include or "")
    files = [str(file) for file in write_kit(Path(path), settings, Path(out))]
    print_json(files) if json else print("\n".join(files))


@task(
    positional=["path"],
    help=options(
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
    from edgekit.commands.inspect import inspect, print_inspection
    from edgekit.profile.profiles import load_targets
    from edgekit.profile.project import find_project
    from edgekit.report.console import print_json
    from edgekit.types import Reading

    targets = load_targets(["all"], find_project(Path.cwd()).target_folders, ())
    found = inspect(path, Reading(input_shape, custom_objects, trust_model), targets)
    print_json(found) if json else print_inspection(found)
