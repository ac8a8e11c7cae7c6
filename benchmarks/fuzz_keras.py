"""An attacker's mutants of Keras files and SavedModels, loaded under observation.

python benchmarks/fuzz_keras.py [--seconds=600] [--seed=0] [--keep=DIR]

The mutants say what would be called, imported, read or written: other classes, modules, functions, operators and kinds
of objects at every place of an architecture or a graph. Each is loaded in a fork. It is a finding if anything outside
the scratch folder is read or written, a process or a connection is started, a library of Keras looks up what is not on
the lists of `edgekit.model.allowed`, or if the load ends otherwise than with a model or one line.
"""

from __future__ import annotations

import argparse
import copy
import io
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

os.environ |= {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_ENABLE_ONEDNN_OPTS": "0"}
ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-"))
SCRATCH, OUTSIDE = FOLDER / "scratch", FOLDER / "outside"
SECRET, WRITTEN = OUTSIDE / "secret", OUTSIDE / "written"
SECONDS, MEMORY = 60, 8 << 30
"""Processor time and address space of one load."""
READABLE = (
    str(FOLDER / "scratch"),
    sys.prefix,
    sys.base_prefix,
    str(Path(msgspec.__file__).parents[1]),  # libraries may lie elsewhere, and tracing reads their sources
    str(ROOT),
    "/proc",
    "/sys",
    "/dev",
    "/etc",
    "/usr",
    "/lib",
)
STARTS = (
    "subprocess.",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "socket.connect",
    "socket.bind",
    "urllib.",
)

CALLS = [
    *(
        "io.gfile.copy",
        "io.read_file",
        "io.write_file",
        "load_op_library",
        "keras.utils.get_file",
        "py_function",
        "function",
    ),
    *(
        "nn.fixed_unigram_candidate_sampler",
        "raw_ops.WriteFile",
        "compat.v1.gfile.Copy",
        "print",
        "summary.create_file_writer",
    ),
]
CLASSES = [
    *(
        "ClassMethod",
        "InstanceMethod",
        "InstanceProperty",
        "TFOpLambda",
        "SlicingOpLambda",
        "Lambda",
        "__lambda__",
        "function",
    ),
    *(
        "TFSMLayer",
        "JaxLayer",
        "TorchModuleWrapper",
        "TensorFlowOpLayer",
        "TypeSpec",
        "CompositeTensor",
        "__typespec__",
    ),
    *(
        "get_file",
        "load_model",
        "system",
        "canary",
        "Progbar",
        "Sequential",
        "Functional",
        "DTypePolicyMap",
        "Map",
        "__tensor__",
    ),
]
MODULES = [
    *(
        "os",
        "canary",
        "subprocess",
        "builtins",
        "keras.utils",
        "tf_keras.src.utils.data_utils",
        "keras.src.saving.saving_api",
    ),
    *(
        "keras.layers",
        "keras.src.layers.core.tf_op_layer",
        "tensorflow.io.gfile",
        "keras.models",
        "keras.ops",
        "",
        None,
    ),
]
OPERATORS = [
    "WriteFile",
    "ReadFile",
    "PyFunc",
    "EagerPyFunc",
    "SaveV2",
    "RestoreV2",
    "PrintV2",
    "MatchingFiles",
    "ImmutableConst",
]
KEYS = [
    "function",
    "cls_symbol",
    "method_name",
    "attr_name",
    "vocabulary",
    "filepath",
    "activation",
    "kernel_initializer",
]


def evil(rng: random.Random) -> dict[str, Any]:
    """An object that would call, import, read or write something."""
    call = rng.choice([[str(SECRET), str(WRITTEN)], str(SECRET), {"value": "4wAAAA==", "dtype": "int32"}])
    config: Any = {"name": "evil", "cls_symbol": rng.choice(CALLS), "method_name": "__call__", "attr_name": "shape"}
    config |= {"function": rng.choice(CALLS), "filepath": str(SECRET), "value": call, "dtype": "float32"}
    if rng.random() < 0.7:
        config = {key: config[key] for key in rng.sample(sorted(config), rng.randrange(1, len(config)))}
    found = {"class_name": rng.choice(CLASSES), "config": rng.choice([config, config, rng.choice(CALLS), call])}
    found |= {"module": rng.choice(MODULES)} if rng.random() < 0.7 else {}
    found |= {"registered_name": rng.choice([None, found["class_name"], "canary>x"])} if rng.random() < 0.6 else {}
    found |= {"type_spec": "tf.TensorSpec", "serialized": [], "spec_name": "canary"} if rng.random() < 0.2 else {}
    constant = ["_CONSTANT_VALUE", -1, str(SECRET), {"kwargs": {"dst": str(WRITTEN)}}]
    return found | ({"inbound_nodes": [[constant]], "name": "evil"} if rng.random() < 0.4 else {})


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a tree, as what holds it and the key."""
    pending = [value]
    while pending:
        node = pending.pop()
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, item in items:
            yield node, key
            pending.append(item)


def architecture(config: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """A mutant of an architecture."""
    config = copy.deepcopy(config)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        found = list(places(config))
        objects = [(node, key) for node, key in found if isinstance(node[key], dict) and "class_name" in node[key]]
        layers = [node[key] for node, key in found if key == "layers" and isinstance(node[key], list)]
        node, key = rng.choice(found)
        kind = rng.randrange(10)
        if kind == 0:
            node[key] = evil(rng)
        elif kind == 1 and layers:
            layers[0].insert(rng.randrange(len(layers[0]) + 1), evil(rng))
        elif kind == 2 and objects:
            holder, place = rng.choice(objects)
            holder[place][rng.choice(["class_name", "module", "registered_name"])] = rng.choice(CLASSES + MODULES)
        elif kind == 3 and objects:
            holder, place = rng.choice(objects)
            inner = holder[place].get("config")
            if isinstance(inner, dict):
                inner[rng.choice(KEYS)] = rng.choice([*CALLS, str(SECRET), evil(rng)])
        elif kind == 4 and objects:
            holder, place = rng.choice(objects)
            holder[place][rng.choice(["build_config", "compile_config", "inbound_nodes", "shared_object_id"])] = (
                rng.choice(
                    [
                        evil(rng),
                        {"input_shape": [None, 1 << 33]},
                        {"optimizer": evil(rng), "loss": "canary"},
                        [[evil(rng)]],
                        1,
                    ]
                )
            )
        elif kind == 5:
            node[key] = rng.choice([0, -1, 1 << 20, 1 << 40, 1e308, True, None, "", [], {}, *CALLS, str(SECRET)])
        elif kind == 6:
            other, place = rng.choice(found)
            node[key] = copy.deepcopy(other[place])
        elif kind == 7 and isinstance(node, dict):
            del node[key]
        elif kind == 8 and isinstance(node[key], str):
            node[key] = rng.choice([*CALLS, *CLASSES, str(SECRET), "canary"])
        elif isinstance(node[key], (dict, list)) and node[key]:
            node[key] = {"class_name": rng.choice(CLASSES), "config": node[key], "module": rng.choice(MODULES)}
    return config


def of_keras(content: bytes, rng: random.Random) -> bytes:
    """A mutant of a `.keras` or `.h5`, whose architecture says something else."""
    import h5py

    held = io.BytesIO(content)
    if not content.startswith(b"PK"):
        with h5py.File(held, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            file.attrs["model_config"] = json.dumps(architecture(config, rng))
            if rng.random() < 0.2:
                file.attrs["keras_version"] = rng.choice(["2.15.0", "3.15.1", "x"])
        return held.getvalue()
    out = io.BytesIO()
    with zipfile.ZipFile(held) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            if name == "config.json":
                text = json.dumps(architecture(json.loads(text), rng)).encode()
            elif name == "metadata.json" and rng.random() < 0.2:
                text = json.dumps({"keras_version": rng.choice(["2.15.0", "3.15.1"])}).encode()
            new.writestr(name, text)
    return out.getvalue()


def of_saved_model(content: bytes, rng: random.Random) -> bytes:
    """A mutant of a SavedModel, packed as a zip, whose graph or objects say something else."""
    from tensorflow.core.protobuf import saved_model_pb2

    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "saved_model.pb":
                model = saved_model_pb2.SavedModel.FromString(data)
                for _ in range(rng.choice([1, 1, 2, 4])):
                    _graph(model.meta_graphs[0], rng)
                data = model.SerializeToString()
            new.writestr(name, data)
        if rng.random() < 0.05:
            new.writestr(rng.choice(["saved_model.cpb", "saved_model.pbtxt", "assets/x"]), b"x")
    return out.getvalue()


def _graph(graph: Any, rng: random.Random) -> None:
    functions, objects = graph.graph_def.library.function, graph.object_graph_def.nodes
    function, thing = rng.choice(functions), rng.choice(objects)
    nodes = [node for one in functions for node in one.node_def]
    node, name = rng.choice(nodes), rng.choice(functions).signature.name
    kind = rng.randrange(9)
    if kind == 0:
        node.op = rng.choice([*OPERATORS, name, "VarEvilOp"])
    elif kind == 1:
        added = function.node_def.add(name="evil", op=rng.choice(OPERATORS))
        added.input.extend(["evil/path:output:0", "evil/path:output:0"])
        path = function.node_def.add(name="evil/path", op="Const")
        path.attr["dtype"].type = path.attr["value"].tensor.dtype = 7
        path.attr["value"].tensor.string_val.append(str(WRITTEN).encode())
        path.attr["value"].tensor.tensor_shape.SetInParent()
        function.control_ret["evil"] = "evil"
        function.signature.control_output.append("evil")
    elif kind == 2:
        function.signature.name = rng.choice(["VarEvilOp", "Relu", "MatMul", "Identity", name])
    elif kind == 3:
        thing.registered_name = rng.choice(["tf.StaticHashTable", "tf.TrackableConstant", "canary", "Variable"])
    elif kind == 4:
        thing.resource.device = ""
        child = thing.children.add(local_name=rng.choice(["_initialize", "_create_resource", "_initializer"]))
        child.node_id = rng.randrange(len(objects))
    elif kind == 5:
        thing.asset.asset_file_def_index = 0
        graph.asset_file_def.add(filename=rng.choice([str(SECRET), "x"]))
    elif kind == 6:
        saved = thing.saveable_objects["x"]
        saved.save_function, saved.restore_function = rng.randrange(len(objects)), rng.randrange(len(objects))
    elif kind == 7:
        for value in node.attr.values():
            if value.func.name:
                value.func.name = rng.choice([name, "VarEvilOp"])
    else:
        constants = [one for one in nodes if one.op == "Const"]
        dims = rng.choice(constants).attr["value"].tensor.tensor_shape.dim
        dims.add(size=rng.choice([1 << 40, -1, 0, 1 << 20]))


def seeds() -> list[bytes]:
    """Small sound models: of the tests, of both libraries, and SavedModels of both."""
    files = [p for p in sorted((ROOT / "tests/model/files").rglob("*")) if p.suffix in (".h5", ".keras")]
    return [p.read_bytes() for p in files] + _saved_models()


def _saved_models() -> list[bytes]:
    """Made in a fork: this process must not have run TensorFlow when it forks to load."""
    made = FOLDER / "made"
    if os.fork() == 0:
        import keras
        import tf_keras

        for library in (keras, tf_keras):
            image = library.Input((6, 6, 1))
            x = library.layers.BatchNormalization()(library.layers.Conv2D(2, 3, activation="relu")(image))
            model = library.Model(image, library.layers.Dense(2)(library.layers.Flatten()(x)))
            model.export(str(made / library.__name__), **({"verbose": False} if library is keras else {}))
        os._exit(0)
    os.wait()
    packed = []
    for folder in sorted(made.iterdir()):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for file in sorted(folder.rglob("*")):
                if file.is_file():
                    archive.write(file, file.relative_to(folder))
        packed.append(out.getvalue())
    return packed


def mutants(seed: int) -> Iterator[bytes]:
    """Without end; SavedModels are zip archives of their folder."""
    rng, sound = random.Random(seed), seeds()
    while True:
        content = rng.choice(sound)
        is_graph = b"saved_model.pb" in content
        yield (of_saved_model if is_graph else of_keras)(content, rng)


def one(content: bytes) -> str:
    """Loads a file in a fork and looks at what that does.

    Returns:
      `taken`, `refused`, or what was found.
    """
    _import()
    for folder in (SCRATCH, OUTSIDE):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    SECRET.write_text("secret")
    os.utime(SECRET, (0, time.time()))
    (SCRATCH / "out").mkdir()
    if b"saved_model.pb" in content and content.startswith(b"PK"):
        file = SCRATCH / "model"
        zipfile.ZipFile(io.BytesIO(content)).extractall(file)
    else:
        file = SCRATCH / ("model.keras" if content.startswith(b"PK") else "model.h5")
        file.write_bytes(content)
    answers, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(answers)
        os.write(writing, _load(file).encode("utf-8", "replace")[:4000])
        os._exit(0)
    os.close(writing)
    said, deadline = b"", time.monotonic() + 4 * SECONDS
    with open(answers, "rb") as pipe:
        os.set_blocking(pipe.fileno(), False)
        while not os.waitpid(child, os.WNOHANG)[0]:
            said += pipe.read() or b""
            time.sleep(0.005)
            if time.monotonic() > deadline:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return "no answer"
        said += pipe.read() or b""
    if WRITTEN.exists() or [*OUTSIDE.iterdir()] != [SECRET]:
        return f"wrote outside; {said.decode()}"
    if SECRET.stat().st_atime > 1:
        return f"read outside; {said.decode()}"
    return said.decode() or "died"


def _import() -> None:
    """Once, before the first fork."""
    import keras
    import tensorflow
    import tf_keras

    import edgekit.model.read

    (FOLDER / "canary.py").write_text(f"open({str(WRITTEN)!r}, 'w').write('x')\n")
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))
    assert keras and tensorflow and tf_keras and edgekit


def _load(file: Path) -> str:
    from edgekit.errors import ModelError
    from edgekit.model.read import load_file
    from edgekit.types import Reading

    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1), os.dup2(quiet, 2)
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.environ["TMPDIR"] = tempfile.tempdir = str(SCRATCH)
    found: list[str] = []
    _watch_look_ups(found)
    sys.addaudithook(lambda event, details: _watch(event, details, found))
    try:
        load_file.run(str(SCRATCH / "out"), str(file), Reading())
        said = "taken"
    except ModelError as refusal:
        said = "refused" if "\n" not in str(refusal) and str(file) in str(refusal) else f"no plain line: {refusal}"
    except BaseException:
        said = traceback.format_exc()[-1500:]
    return "; ".join(found) or said


def _watch(event: str, details: tuple[Any, ...], found: list[str]) -> None:
    if event.startswith(STARTS):
        found.append(f"{event} {str(details)[:200]}")
    elif event == "import" and str(details[0]).split(".")[0] == "canary":
        found.append(f"imports {details[0]}")
    elif event == "open" and isinstance(details[0], (str, bytes, os.PathLike)):
        path, flags = str(Path.cwd() / os.fsdecode(details[0])), details[2] if isinstance(details[2], int) else 0
        writes = bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        allowed = (str(SCRATCH), os.devnull) if writes else READABLE
        if not path.startswith(allowed) and "__pycache__" not in path:
            found.append(f"{'writes' if writes else 'reads'} {path}")


def _watch_look_ups(found: list[str]) -> None:
    """Notes each name that a library resolves to what is no part of a model."""
    sys.path.insert(0, str(ROOT / "tests/model"))
    import keras.src.saving.serialization_lib as newer
    import tf_keras.src.layers.core.tf_op_layer as layers
    import tf_keras.src.saving.serialization_lib as older
    import trust_probe

    from edgekit.model import allowed

    for library in (newer, older):
        look = library._retrieve_class_or_fn

        def noted(name: str, *arguments: Any, look: Any = look, **named: Any) -> Any:
            obj = look(name, *arguments, **named)
            if not trust_probe.is_part(obj):
                found.append(f"resolves {name} to {obj!r}")
            return obj

        library._retrieve_class_or_fn = noted
    symbol = layers.get_symbol_from_name

    def listed(name: str) -> Any:
        if name.removeprefix("compat.v1.") not in allowed.TENSOR_FUNCTIONS:
            found.append(f"resolves {name}")
        return symbol(name)

    layers.get_symbol_from_name = listed


def main() -> None:
    """Tries mutants until the time is over; exit status 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("findings"))
    arguments = parser.parse_args()
    counts: Counter[str] = Counter()
    end = 0.0
    for number, content in enumerate(mutants(arguments.seed)):
        end = end or time.monotonic() + arguments.seconds  # the first one waits for what all are made from
        if counts and time.monotonic() > end:
            break
        said = one(content)
        counts[said if said in ("taken", "refused") else "finding"] += 1
        if said not in ("taken", "refused"):
            arguments.keep.mkdir(parents=True, exist_ok=True)
            kept = arguments.keep / f"keras-{arguments.seed}-{number}"
            kept.write_bytes(content)
            print(f"{kept}: {said}\n", flush=True)
    print(", ".join(f"{count:,} {what}" for what, count in sorted(counts.items())))
    shutil.rmtree(FOLDER)
    sys.exit(counts["finding"] > 0)


if __name__ == "__main__":
    main()
