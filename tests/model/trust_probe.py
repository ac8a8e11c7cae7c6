"""What the libraries of Keras make of the names that a model file may use."""

import importlib
import importlib.util
import inspect
from pathlib import Path

TENSORS = ("tensorflow.python.ops.", "tensorflow.python.framework.tensor_conversion")


def is_part(obj: object) -> bool:
    """Whether what a library found under a name is a class of parts of a model, or a function of tensors."""
    import keras
    import tf_keras
    from tensorflow.python.ops.init_ops_v2 import Initializer

    kinds = (
        *(
            Initializer,
            keras.Layer,
            keras.Operation,
            keras.Initializer,
            keras.Regularizer,
            keras.constraints.Constraint,
        ),
        *(tf_keras.layers.Layer, tf_keras.initializers.Initializer, tf_keras.regularizers.Regularizer),
        *(
            tf_keras.constraints.Constraint,
            tf_keras.mixed_precision.Policy,
            keras.DTypePolicy,
            keras.random.SeedGenerator,
        ),
    )
    home = str(getattr(obj, "__module__", ""))
    rooms = ("activations", "initializers", "regularizers", "constraints", "ops", "random")
    computes = inspect.isfunction(obj) and any(room in home for room in rooms)
    return computes or (inspect.isclass(obj) and issubclass(obj, kinds))


def resolved() -> list[str]:
    """Looks up every name of the lists in every module of theirs, in both libraries.

    Returns:
      what came out and is no part of a model.
    """
    from edgekit.model import allowed

    odd, found = [], 0
    for root in ("keras", "tf_keras"):
        look = importlib.import_module(f"{root}.src.saving.serialization_lib")._retrieve_class_or_fn
        places = [(m, n, "class") for m, names in allowed.MODULES.items() for n in names]
        places += [(m, n, "function") for m in allowed.FUNCTION_MODULES for n in allowed.FUNCTIONS]
        places += [(m.replace("keras.", "keras.src.", 1), n, kind) for m, n, kind in places if "." in m]
        there = {m for m in {m for m, *_ in places} if _is_there(m.replace("keras", root, 1))}
        for module, name, kind in (place for place in places if place[0] in there):
            try:
                obj = look(name, None, module, kind, {}, {})
            except (TypeError, ValueError):
                continue
            found += 1
            if not is_part(obj):
                odd.append(f"{root}: {module}.{name} is {obj!r}")
    assert found > 1000
    return odd


def passed(folder: str) -> list[str]:
    """Puts another operator into each node that a SavedModel may run, one at a time; those that were not refused."""
    from tensorflow.core.protobuf import saved_model_pb2

    from edgekit.errors import ModelError
    from edgekit.model.graph_trust import check_saved_model

    file = Path(folder) / "saved_model.pb"
    before = file.read_bytes()
    model, through = saved_model_pb2.SavedModel.FromString(before), []
    check_saved_model(Path(folder))
    for function in model.meta_graphs[0].graph_def.library.function:
        if "traced_save" in function.signature.name or "traced_restore" in function.signature.name:
            continue  # which nothing calls
        for node in function.node_def:
            kept = node.op
            for op in (
                "WriteFile",
                "VarEvilOp",
                "ReadFile",
                "PyFunc",
                "PrintV2",
                "SaveV2",
                "LookupTableEvil",
                "RandomEvil",
            ):
                node.op = op
                file.write_bytes(model.SerializeToString())
                try:
                    check_saved_model(Path(folder))
                    through.append(f"{function.signature.name}/{node.name}: {op}")
                except ModelError:
                    pass
            node.op = kept
    file.write_bytes(before)
    return through


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def named() -> list[str]:
    """Looks up the texts that stand for functions and classes; what is neither."""
    import keras
    import tf_keras
    from tf_keras.src.layers.core.tf_op_layer import get_symbol_from_name

    from edgekit.model import allowed

    odd = []
    for library in (keras, tf_keras):
        for room, names in allowed.ROLES.items():
            for name in names:
                try:
                    obj = getattr(library, f"{room}s").get(name)
                except (TypeError, ValueError, KeyError):
                    continue
                home = type(obj).__module__ + str(getattr(obj, "__module__", ""))
                if obj != name and not any(place in home for place in (f"{room}s", "backend", "tensorflow.python.ops")):
                    odd.append(f"{library.__name__}: the {room} {name} is {obj!r}")
    for name in allowed.TENSOR_FUNCTIONS:
        obj = get_symbol_from_name(name)
        if not inspect.isfunction(obj) or not obj.__module__.startswith(TENSORS):
            odd.append(f"{name} is {obj!r}")
    return odd
