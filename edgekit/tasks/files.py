"""The tasks for a model file that came from anywhere."""

from __future__ import annotations

from pathlib import Path

from invoke import Context

from edgekit.tasks.common import command, options, task


@task(
    group="files",
    usage="FILE [options]",
    examples={
        "bench model.tflite": "in every runtime that is installed here",
        'bench model.tflite --runtime=qemu --cpu=cortex-m7 --clock="216 MHz"': "as C on a simulated Cortex-M7",
    },
    positional=["path"],
    iterable=["runtime"],
    help=options(
        "json",
        path="FILE: a .tflite file",
        runtime="NAME: litert, tflite-runtime or tflm here; qemu or vela for simulated hardware; repeatable",
        threads="N: threads that the runtime may use",
        cpu="NAME: for qemu: cortex-m4f, cortex-m7, cortex-m33 or cortex-m55",
        clock='FREQUENCY: for qemu: clock of the processor, such as "80 MHz", to estimate the latency',
        npu="NAME: for vela: an Arm Ethos-U NPU",
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
    """Measure a .tflite: size, load time, latency and memory.

    Each runtime runs in a process of its own. One that fails gets a row with the reason.
    """
    from edgekit.commands.bench import Device, bench, print_measurements
    from edgekit.report.console import print_json
    from edgekit.report.progress import Progress

    with Progress(quiet=json) as progress:
        measurements = bench(Path(path), runtime, threads, Device(cpu, clock, npu), progress)
    print_json(measurements) if json else print_measurements(measurements)
    return 2 if all(m.value is None for m in measurements if m.runtime) else 0


@task(
    group="files",
    usage="FILE [options]",
    examples={
        "shrink model.tflite": "writes shrunk/model.tflite",
        "shrink model.tflite --out=small --keep-names": "writes small/model.tflite with all tensor names",
    },
    positional=["path"],
    help=options(
        "json",
        path="FILE: a .tflite file",
        out="DIR: folder of the smaller file, which has the same name",
        keep_names="keep the names of inner tensors, for debugging",
    ),
)
@command
def shrink(c: Context, path: str, out: str = "shrunk", keep_names: bool = False, json: bool = False) -> None:
    """Make a .tflite smaller without changing its outputs.

    Both files are run in every runtime that is installed, and their outputs compared bit for bit.
    """
    from edgekit.commands.shrink import print_shrunk, shrink
    from edgekit.report.console import print_json

    found = shrink(Path(path), Path(out), keep_names)
    print_json(found) if json else print_shrunk(found)


@task(
    group="files",
    usage="FILE [options]",
    examples={
        "ccode model.tflite --out=src": "writes src/model.h and src/model.c",
        'ccode model.tflite --name=wake_word --kernels=dsp --arena="20 KiB"': "for a Cortex-M4, in 20 KiB of RAM",
    },
    positional=["path"],
    help=options(
        "json",
        path="FILE: an int8 .tflite file",
        name="NAME: prefix of the C symbols; the file's name by default",
        out="DIR: folder of NAME.h and NAME.c",
        kernels="KIND: portable, dsp for the instructions of Cortex-M4, M7, M33 and M55, or cmsis-nn",
        arena='BYTES: the most RAM that tensors may take, such as "20 KiB"',
        tables="store weights with few values, as after clustering, as indexes into tables: less flash, more time",
        cmsis_nn="DIR: folder of CMSIS-NN, with its Include and Source",
    ),
)
@command
def ccode(
    c: Context,
    path: str,
    name: str | None = None,
    out: str = ".",
    kernels: str = "portable",
    arena: str = "",
    tables: bool = False,
    cmsis_nn: str = "",
    json: bool = False,
) -> None:
    """Write an int8 .tflite as C code that needs no interpreter.

    The code is C11 and computes the outputs of TFLM byte for byte.
    """
    from edgekit.commands.ccode import print_ccode, write_ccode
    from edgekit.report.console import print_json

    found = write_ccode(Path(path), name or Path(path).stem, kernels, cmsis_nn, Path(out), arena, tables)
    print_json(found) if json else print_ccode(found)


@task(
    group="files",
    usage="FILE [options]",
    examples={
        "diverge model.tflite": "LiteRT against its plain reference kernels",
        "diverge model.tflite --runtimes=litert,tflm --inputs=samples.npz": "two runtimes, on your own inputs",
    },
    positional=["path"],
    iterable=["runtimes"],
    help=options(
        "json",
        path="FILE: a .tflite file",
        runtimes="A,B: two of litert, tflite-runtime, tflm and litert-reference",
        inputs="FILE: .npz with input_0 and so on; by default golden.npz beside the model, else random inputs",
    ),
)
@command
def diverge(c: Context, path: str, runtimes: list[str], inputs: str = "", json: bool = False) -> None:
    """Find the first operator where two runtimes differ.

    Every tensor of the model is compared in both.
    """
    from edgekit.commands.diverge import diverge, print_divergence, two
    from edgekit.report.console import print_json

    found = diverge(Path(path), two(runtimes), inputs)
    print_json(found) if json else print_divergence(found)


@task(
    group="files",
    usage="FILE [options]",
    examples={
        "compat model.tflite": "a table of runtimes and releases",
        "compat model.tflite --json": "the same for a program",
    },
    positional=["path"],
    help=options("json", path="FILE: a .tflite file"),
)
@command
def compat(c: Context, path: str, json: bool = False) -> None:
    """List which releases of the runtimes can run a .tflite.

    For the others it says which operator or operator version they lack.
    """
    from edgekit.commands.compat import compat, print_compatibility
    from edgekit.report.console import print_json

    found = compat(Path(path))
    print_json(found) if json else print_compatibility(found)


@task(
    group="files",
    usage="FOLDER --outputs=FILE [options]",
    examples={
        "verify build/phone/digits --outputs=device.npz": "every output has to be the same",
        "verify build/phone/digits --outputs=device.bin --max-lsb=1": "each value may be off by one step",
    },
    positional=["folder", "outputs"],
    help=options(
        "json",
        folder="FOLDER: of a build, DIR/TARGET/MODEL, with its golden.npz",
        outputs="FILE: what the device computed from golden.npz: .npz with output_0 and so on, .npy, or plain bytes",
        max_lsb="N: how far a value may be off, in steps of the quantization; 0 by default",
    ),
)
@command
def verify(c: Context, folder: str, outputs: str, max_lsb: float = 0.0, json: bool = False) -> int:
    """Compare outputs from a device with those of the build.

    Exit status: 0 they agree, 1 they do not.
    """
    from edgekit.commands.verify import print_verified, verify
    from edgekit.report.console import print_json

    found = verify(Path(folder), Path(outputs))
    print_json(found) if json else print_verified(found)
    return 0 if all(output.largest <= max_lsb for output in found) else 1


@task(
    group="files",
    usage="FILE [options]",
    examples={
        "carray model.tflite --out=src": "writes the sources into src/",
        "carray model.tflite --name=net --attribute=PROGMEM": "for the flash of an AVR board",
    },
    positional=["path"],
    help=options(
        "json",
        path="FILE: a .tflite file",
        name="NAME: of the C symbols; the file's name by default",
        out="DIR: folder of the sources",
        section='NAME: linker section of the array, such as ".rodata.models"',
        attribute="MACRO: put before the array, such as PROGMEM for the flash of AVR boards",
        include="HEADER: where the macro is defined, if it is not PROGMEM",
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
    """Write a .tflite as a C array.

    With it come C and C++ sources that say its shapes, its scales and the operators that it needs.
    """
    from edgekit.commands.carray import write_kit
    from edgekit.emit.c_array import CArray
    from edgekit.report.console import print_json

    settings = CArray(name or Path(path).stem, section or "", attribute or "", include or "")
    files = [str(file) for file in write_kit(Path(path), settings, Path(out))]
    print_json(files) if json else print("\n".join(files))


@task(
    group="understand",
    usage="FILE [options]",
    examples={
        "inspect model.keras": "layers, parameters, and what each target would make of it",
        "inspect model.tflite --json": "operators and tensors, for a program",
    },
    positional=["path"],
    help=options(
        "input_shape",
        "custom_objects",
        "trust_model",
        "json",
        path="FILE: a Keras file, a SavedModel or a .tflite",
    ),
)
@command
def inspect(
    c: Context,
    path: str,
    input_shape: str = "",
    custom_objects: str = "",
    trust_model: bool = False,
    json: bool = False,
) -> None:
    """Show what is in a model: inputs, outputs, layers, parameters.

    Of a Keras model it also says what each target could do with it.
    """
    from edgekit.commands.inspect import inspect, print_inspection
    from edgekit.profile.profiles import load_targets
    from edgekit.profile.project import find_project
    from edgekit.report.console import print_json
    from edgekit.types import Reading

    targets = load_targets(["all"], find_project(Path.cwd()).target_folders, ())
    found = inspect(path, Reading(input_shape, custom_objects, trust_model), targets)
    print_json(found) if json else print_inspection(found)
