"""Layers that wait for each other are named before anything is loaded, and nothing waits without end."""

import random
import time
from pathlib import Path

import order_probe
import pytest

from edgekit.engine.worker import Worker
from edgekit.errors import ModelError
from edgekit.model.order import check_order


def dense(name, *nodes, kind="Dense", **config):
    return {"class_name": kind, "config": {"name": name, **config}, "name": name, "inbound_nodes": list(nodes)}


def functional(*layers, name="m", end=(("end", 0, 0),)):
    first = dense("first", kind="InputLayer")
    config = {"name": name, "layers": [first, *layers], "input_layers": [["first", 0, 0]]}
    return {"class_name": "Functional", "config": config | {"output_layers": [list(one) for one in end]}}


def lists(*taken, **arguments):
    """A call as Keras 2 stores it."""
    return [[name, call, output, arguments] for name, call, output in taken]


def short(*taken):
    """As it stored calls before there were arguments."""
    return [[*one] for one in taken]


def by_argument(*taken):
    """All but the first are arguments."""
    named = {f"argument_{n}": [[*one]] if n % 2 else [*one] for n, one in enumerate(taken)}
    return [["first", 0, 0, {"training": False, **named}]]


def by_constant(*taken):
    return [["_CONSTANT_VALUE", -1, 0.5, {"y": [*one]}] for one in taken]


def by_name(*taken):
    """Inputs in a dictionary."""
    return {f"x{n}": [*one, {}] for n, one in enumerate(taken)}


def single(*taken):
    """One input that is no list, as operations take it."""
    return [*taken[0], {"y": [*taken[-1]]}]


def newer(*taken):
    """A call as Keras 3 stores it."""
    tensors = [{"class_name": "__keras_tensor__", "config": {"keras_history": [*one]}} for one in taken]
    return {"args": [tensors[:1], {"class_name": "__tuple__", "items": tensors}], "kwargs": {"mask": tensors[-1]}}


FORMS = [lists, short, by_argument, by_constant, by_name, single, newer]


def circles(call):
    """Layers that wait, each with what is said of them."""
    first = call(("first", 0, 0))
    yield "layer 'a' takes its own output", [dense("a", call(("a", 0, 0)))]
    yield "layer 'a' takes its own output", [dense("a", call(("a", 1, 0)), first)]
    yield (
        r"layers '\w+', '\w+' wait for each other's",
        [dense("a", call(("end", 0, 0))), dense("end", call(("a", 0, 0)))],
    )
    three = [dense(name, call((other, 0, 0))) for name, other in ("ab", "bc", "ca")]
    yield "wait for each other's outputs", [dense("end", call(("c", 0, 0))), *three]
    yield "layers .* wait", [dense("a", first, call(("b", 0, 0))), dense("b", call(("a", 1, 0)))]
    yield "layers .* wait", [dense("a", call(("b", 0, 0)), first), dense("b", call(("a", 1, 0)))]
    yield "'end' takes an output of 'x', call 0, which", [dense("end", call(("x", 0, 0)))]
    yield "'end' takes an output of 'a', call 0, which", [dense("a"), dense("end", call(("a", 0, 0)))]
    yield "'end' takes an output of 'a', call 1, which", [dense("a", first), dense("end", call(("a", 1, 0)))]
    yield "'end' takes an output of 'a', call -1, which", [dense("a", first), dense("end", call(("a", -1, 0)))]
    inner = functional(dense("end", first)) | {"name": "inner", "inbound_nodes": [call(("end", 0, 0))]}
    yield "wait for each other's outputs", [inner, dense("end", call(("inner", 1, 0)))]
    inner = inner | {"inbound_nodes": [first]}
    yield "'end' takes an output of 'inner', call 2, which", [inner, dense("end", call(("inner", 2, 0)))]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("depth", [0, 1, 2, "wrapped"])
def test_what_cannot_be_ordered_is_named(form, depth):
    for says, layers in circles(form):
        model = functional(*layers, end=[("first", 0, 0)])
        for _ in range(depth if isinstance(depth, int) else 1):
            model = model | {"name": "m", "inbound_nodes": [form(("first", 0, 0))]}
            model = dense("t", *model["inbound_nodes"], layer=model) if depth == "wrapped" else model
            model = functional(model, end=[("first", 0, 0)])
        with pytest.raises(ModelError, match=f"^m.h5: .*{says}") as refused:
            check_order(Path("m.h5"), model)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("form", FORMS)
def test_the_order_in_the_file_does_not_matter(form):
    inner = functional(dense("end", form(("first", 0, 0))), name="inner")
    inner |= {"name": "inner", "inbound_nodes": [form(("first", 0, 0)), form(("b", 0, 0))]}
    layers = [
        dense("a", form(("first", 0, 0)), form(("b", 0, 0)), form(("b", 1, 0))),
        dense("b", form(("a", 0, 0)), form(("a", 1, 0))),
        inner,
        dense("end", form(("inner", 1, 0), ("a", 2, 0)), form(("inner", 2, 0))),
    ]
    for seed in range(20):
        random.Random(seed).shuffle(layers)
        check_order(Path("m.h5"), functional(*layers))


def test_names_and_ends_that_no_model_has():
    first = lists(("first", 0, 0))
    with pytest.raises(ModelError, match="two layers are named 'a'"):
        check_order(Path("m.h5"), functional(dense("a", first), dense("a", first), end=[("a", 0, 0)]))
    with pytest.raises(ModelError, match="'m' takes an output of 'gone', call 0"):
        check_order(Path("m.h5"), functional(dense("a", first), end=[("gone", 0, 0)]))


def test_a_long_model_takes_no_longer_than_its_length_says():
    count = 20_000
    layers = [dense(f"l{n}", lists((f"l{n - 1}" if n else "first", 0, 0))) for n in reversed(range(count))]
    start = time.process_time()
    check_order(Path("m.h5"), functional(*layers, end=[("l0", 0, 0)]))
    layers[-1]["inbound_nodes"] = [lists((f"l{count - 1}", 0, 0))]
    with pytest.raises(ModelError, match=r"layers ('l\d+', ){4}'l\d+' and 19995 more wait") as refused:
        check_order(Path("m.h5"), functional(*layers, end=[("l0", 0, 0)]))
    assert len(str(refused.value)) < 300 and time.process_time() - start < 20


def test_what_both_libraries_write_is_read(tmp_path):
    with Worker(tmp_path / "log") as process:
        assert process.call(order_probe.sound, str(tmp_path), returns=list) == []
        said = process.call(order_probe.outcomes, str(tmp_path), returns=dict, time_limit=60)
    *waiting, sound = said.values()
    assert sound == "loaded" and len(waiting) == 3
    assert all(
        "model.h5: Keras cannot load it: layer 'attention' takes outputs that are never" in one for one in waiting
    )
