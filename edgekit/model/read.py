"""Reading any model file into the form that the stages take."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from msgspec import structs

from edgekit.engine.libraries import LOADING, READING, TENSORFLOW
from edgekit.engine.stage import Work, stage
from edgekit.errors import ModelError, lacks_memory
from edgekit.flatbuffer.read import read_graph
from edgekit.model.claims import weights_within
from edgekit.model.container import Container, identify, layer_name, layers
from edgekit.model.convertible import without_form, without_integers
from edgekit.model.custom import custom_scope, own_names
from edgekit.model.facts import graph_facts, is_integer, names_of, outputs_of, spec_of
from edgekit.model.finite import check_constants, check_weights
from edgekit.model.function import keras_3_function, keras_function, saved_model_function, to_tflite
from edgekit.model.newer import copy_with, older_copy
from edgekit.model.order import calls_within_reason, check_order
from edgekit.model.rebuild import CannotRebuild, rebuild
from edgekit.model.shapes import fix_shapes, parse_shapes
from edgekit.model.trust import check_trusted
from edgekit.types import FLOAT, INTEGER, KERAS, Artifact, ModelFacts, Reading


@stage("load", process=TENSORFLOW, libraries=(*LOADING, *READING))
def load_file(work: Work, model: Artifact, settings: Reading) -> ModelFacts:
    """Reads a model and writes it to `folder` in the form that the stages take; its bytes depend on the model alone.

    A model of any Keras becomes a `tf_keras` model where it can. Otherwise it is traced by the library that reads it,
    and goes on as a float `.tflite`; `ModelFacts.untrainable` says why.

    Args:
      model: a Keras file, a SavedModel, a `.tflite`, or `module:function` of a builder.

    Raises:
      ModelError: it is none of these, carries code, or holds what cannot be built.
    """
    place = work.folder
    if ":" in model.path and not Path(model.path).exists():
        return _keras_facts(*built(model.path, settings), Path(model.path), "builder", settings, place)
    path = Path(model.path)
    container = identify(path)
    if not settings.trust:
        check_trusted(path, container, own_names(settings.custom_objects))
    if container.format == "tflite":
        graph = read_graph(path)
        check_constants(path.read_bytes(), path)
        form: Literal["float", "int8"] = "int8" if is_integer(graph) else "float"
        shutil.copyfile(path, place / (INTEGER if form == "int8" else FLOAT))
        return graph_facts(graph, path, "tflite", form, "it is a TensorFlow Lite file")
    if container.format == "saved_model":
        (place / FLOAT).write_bytes(to_tflite(saved_model_function(path, settings)))
        graph = read_graph(place / FLOAT)
        check_constants((place / FLOAT).read_bytes(), path)
        return graph_facts(graph, path, "saved_model", "float", "a SavedModel is a graph without layers")
    with custom_scope(settings.custom_objects):
        loaded, why = read_model(path, container, settings)
        facts = _keras_facts(loaded, why, path, f"{container.format} {container.keras_version}", settings, place)
        return structs.replace(facts, saved=container.saved)


def original(model: str, settings: Reading) -> Any:
    """The inference function of a model that `load_file` hands on as a graph, as the library that wrote it builds it.

    Raises:
      ModelError: see `load_file`.
    """
    path, shapes = Path(model), parse_shapes(settings.input_shape)
    if ":" in model and not path.exists():
        found: Any = built(model, settings)[0]
    else:
        container = identify(path)
        if not settings.trust:
            check_trusted(path, container, own_names(settings.custom_objects))
        if container.format == "saved_model":
            function = saved_model_function(path, settings)
            if hasattr(function, "detector"):
                raise ModelError(f"{path}: TensorFlow has only a stand-in for the operator at the detector's end")
            return function
        with custom_scope(settings.custom_objects):
            found = read_model(path, container, settings)[0]
    import tf_keras

    return keras_function(found) if isinstance(found, tf_keras.Model) else keras_3_function(found, shapes, path)


def read_model(path: Path, container: Container, settings: Reading) -> tuple[Any, str]:
    """The model in a Keras file; the library that wrote the file is tried first.

    Returns:
      a `tf_keras` model and "", or a Keras 3 model and why it cannot be rebuilt in `tf_keras`.

    Raises:
      ModelError: neither library reads it.
    """
    check_order(path, container.config)
    ways = [_with_keras_3, _with_keras_2] if container.major == 3 else [_with_keras_2, _with_keras_3]
    problems = []
    for way in ways:
        try:
            with _rightly_named(path, container, settings) as file, _within(path, container, settings):
                return way(file, settings)
        except ModelError:
            raise
        except Exception as problem:
            if lacks_memory(problem):
                raise
            print(f"{way.__name__}: {problem!r}")
            problems.append(problem)
    if container.major == 3 and (found := _as_older(path, container, settings)):
        return found
    unknown = {
        f"{layer_name(found)!r} ({found['class_name']})": 0 for found in layers(container.config) if not _known(found)
    }
    if unknown:
        listed = ", ".join(list(unknown)[:3]) + (f" and {len(unknown) - 3} more" if len(unknown) > 3 else "")
        raise ModelError(
            f"{path}: layer {listed} is of a class that Keras does not know; build the model from layers of Keras, or "
            "give the module that defines it with --custom-objects=MODULE"
        )
    top = container.config.get("class_name", "?")
    if top not in ("Functional", "Sequential", "Model"):
        raise ModelError(
            f"{path}: the model is of the class {top!r}, whose code is not in the file; save a functional model, or "
            "give the module that defines it with --custom-objects=MODULE"
        )
    first = " ".join(str(problems[0]).split())[:200]
    raise ModelError(f"{path}: Keras cannot load it: {first}")


def _as_older(path: Path, container: Container, settings: Reading) -> tuple[Any, str] | None:
    """The model of a newer Keras than the installed one, or None where that is not what was wrong."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / f"model{'.h5' if container.format == 'hdf5' else '.keras'}"
        dropped = older_copy(path, container, place)
        if not dropped:
            return None
        print(f"dropped what the installed Keras does not know: {', '.join(dropped)}")
        try:
            with _within(path, container, settings):
                return _with_keras_3(place, settings)
        except ModelError:
            raise
        except Exception as problem:
            if lacks_memory(problem):
                raise
            print(f"without it: {problem!r}")
            return None


def _within(path: Path, container: Container, settings: Reading) -> contextlib.AbstractContextManager[None]:
    """Holds the weights that are made against those in the file, unless the user's own code makes them."""
    own = settings.trust or settings.custom_objects
    return contextlib.nullcontext() if own else weights_within(path, container.stored)


@contextlib.contextmanager
def _rightly_named(path: Path, container: Container, settings: Reading) -> Iterator[Path]:
    """The file under a name that tells both libraries what it is: they go by the ending, edgekit by the content.

    Models inside a model are loaded with what they were compiled with; that was not looked at, so a copy goes without.
    """
    suffix = ".h5" if container.format == "hdf5" else ".keras"
    changed = container.changed and not settings.trust
    if path.suffix == suffix and not changed:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / f"{path.stem}{suffix}"
        if changed:
            copy_with(path, container, container.config, place)
        else:
            place.symlink_to(path.absolute())
        yield place


def save(model: Any, path: Path) -> None:
    """Writes a `tf_keras` model without optimizer; the same model gives the same bytes."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # HDF5 is on purpose: a .keras archive holds the date
        model.save(path, include_optimizer=False, save_format="h5")


def open_keras(path: str, custom_objects: str) -> Any:
    """Opens what `save` wrote. Of several outputs it gives a list, also where the model was made to give a dictionary.

    Args:
      custom_objects: module of the model's own layers, or "".
    """
    import tf_keras

    with custom_scope(custom_objects):
        model = tf_keras.models.load_model(path, compile=False)
        if isinstance(getattr(model, "_nested_outputs", None), dict):
            return tf_keras.Model(model.inputs, model.outputs, name=model.name)
        return model


def built(function: str, settings: Reading) -> tuple[Any, str]:
    """The model that a builder returns, rebuilt where it is of Keras 3."""
    import keras
    import tf_keras

    from edgekit.data.function import resolve

    builder = resolve(function, ModelError)
    try:
        model = builder()
    except Exception as problem:
        said = " ".join(str(problem).split())[:200]
        raise ModelError(f"{function}: raised {type(problem).__name__}: {said}") from problem
    if isinstance(model, tf_keras.Model):
        return fix_shapes(model, parse_shapes(settings.input_shape), Path(function)), ""
    if isinstance(model, keras.Model):
        return _rebuilt(model, Path(function), settings)
    raise ModelError(f"{function}: returned {type(model).__name__}; return a model of Keras")


def _with_keras_2(path: Path, settings: Reading) -> tuple[Any, str]:
    import tf_keras

    with calls_within_reason():
        model = tf_keras.models.load_model(path, compile=False, safe_mode=not settings.trust)
    return fix_shapes(model, parse_shapes(settings.input_shape), path), ""


def _with_keras_3(path: Path, settings: Reading) -> tuple[Any, str]:
    import keras

    return _rebuilt(keras.saving.load_model(path, compile=False, safe_mode=not settings.trust), path, settings)


def _rebuilt(model: Any, path: Path, settings: Reading) -> tuple[Any, str]:
    try:
        return rebuild(model, parse_shapes(settings.input_shape), path), ""
    except CannotRebuild as why:
        return model, str(why)


def _keras_facts(model: Any, why: str, path: Path, source: str, settings: Reading, place: Path) -> ModelFacts:
    """Writes the model in its form and describes it."""
    import tf_keras

    check_weights(model, path)
    try:
        without_form(model)
    except ModelError as problem:
        raise ModelError(f"{path}: {problem}") from None
    floats = without_integers(model)
    if isinstance(model, tf_keras.Model):
        try:
            save(model, place / KERAS)
            return ModelFacts(
                form="keras",
                format=source,
                inputs=tuple(spec_of(t, path) for t in model.inputs),
                outputs=outputs_of(model, path),
                layers=len(model.layers),
                parameters=model.count_params(),
                floats=floats,
                names=names_of(model),
            )
        except (NotImplementedError, TypeError, ValueError) as problem:
            (place / KERAS).unlink(missing_ok=True)
            why = f"Keras 2 cannot store it ({' '.join(str(problem).split())[:120]})"
        function = keras_function(model)
    else:
        function = keras_3_function(model, parse_shapes(settings.input_shape), path)
    (place / FLOAT).write_bytes(to_tflite(function))
    facts = graph_facts(read_graph(place / FLOAT), path, source, "float", why)
    return structs.replace(facts, floats=floats or facts.floats, names=names_of(model))


def _known(layer: dict[str, Any]) -> bool:
    """Whether one of the libraries has the class of a layer in an architecture."""
    import keras
    import tf_keras

    name = layer["class_name"]
    if name in ("Functional", "Model", "Sequential", "TFOpLambda", "SlicingOpLambda"):
        return True
    return ">" not in str(layer.get("registered_name") or "") and any(
        hasattr(place, name) for lib in (keras, tf_keras) for place in (lib.layers, lib.ops if lib is keras else lib)
    )
