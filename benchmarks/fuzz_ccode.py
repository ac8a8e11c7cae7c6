"""Damages `.tflite` files field by field, has `edgekit ccode` write what it takes, and runs that under sanitizers.

python benchmarks/fuzz_ccode.py [--seconds=600] [--seed=0] [--out=FOLDER]      FOLDER: where what was found is kept

Mutants are made of the file's objects, not of its bytes: shapes, types, scales, options, operators, constants, indices.
`ccode` refuses a mutant in one line, or its C compiles without a warning and runs random and extreme inputs without a
finding of ASan and UBSan, in both sets of kernels. Where TFLM takes the file too, every output byte is the same; where
it is not, TFLM is asked twice more, in processes whose memory held other values before: answers that follow these are
TFLM's own chance, and listed apart. Anything else is a finding, and ends with status 1 here.
"""

from __future__ import annotations

import argparse
import copy
import ctypes
import os
import pickle
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct, field

TESTS = Path(__file__).resolve().parent.parent / "tests"
SHARED = TESTS.parents[1] / "shared" / "data" / "models" / "tflite"
FLAGS = "-std=c11 -O1 -g1 -Wall -Wextra -Wconversion -Wpedantic -Werror".split()
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
BATCH = 150
"""Mutants that one process takes, and whose code is compiled together."""
LARGEST = 4 << 20
"""Bytes of tensors with which code is still run: larger ones only take time."""
SECONDS = 20
"""Processor time of one mutant: to be written, and to be run."""
RANDOM = 3
"""Random inputs, beside the extreme ones."""
FILLS = (0x55, 0xAA)
"""What allocated memory holds before it is written, to see whether an answer follows it."""
M_PERTURB = -6
"""glibc's `mallopt`: the option of that."""
UNLIKE = "its outputs are not those of TFLM"
NUMBERS = (-(2**31), -129, -128, -2, -1, 0, 1, 2, 3, 7, 16, 127, 128, 255, 1000, 32768, 65536, 2**20, 2**31 - 1)
FACTORS = (0.5, 2.0, 1.01, 1e-3, 1e3, 1e-9, 1e9, 1e-20, 0.0, -1.0, float("nan"), float("inf"), 1e-38)


class Mutant(Struct):
    """A damaged file, and what became of it."""

    base: str
    content: bytes
    kernels: str
    said: str = ""
    """Why it was refused; "" if its code was written."""
    source: str = ""
    header: str = ""
    inputs: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)
    """Types and shapes."""
    outputs: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)
    arena: int = 0
    stateful: bool = False
    looks: bool = False
    """Whether the code refuses indices that are none, as its header says."""
    samples: list[bytes] = field(default_factory=list)
    tflm: list[bytes | None] | None = None
    """Its outputs, or None for an index that it refuses; None where it does not take the file, or has ends in float."""
    refused_by_tflm: str = ""


class Found(Struct):
    """What a campaign found."""

    counts: Counter[str] = field(default_factory=Counter)
    findings: list[tuple[Mutant, str]] = field(default_factory=list)
    refusals: dict[str, list[Mutant]] = field(default_factory=dict)
    """What TFLM says of files that `ccode` takes."""
    chance: list[Mutant] = field(default_factory=list)
    """Those for which TFLM has no answer of its own: it reads memory that nothing has written."""


def bases() -> dict[str, bytes]:
    """Files to damage: the shared ones, and the graphs of the tests."""
    sys.path[:0] = [str(TESTS), str(TESTS / "ccode")]
    import test_ccode
    import test_contract
    import test_int16
    from make_graph import Graph

    found = {f.stem: f.read_bytes() for f in sorted(SHARED.glob("*.tflite")) if f.stat().st_size < 100_000}
    for build in dict.fromkeys(case[0] for case in test_contract.CASES):
        g = Graph()
        found[build.__name__] = g.finish(build(g))
    edges = {f"edge_{name}": build for name, build in test_ccode.MODELS.items()}
    edges |= {f"int16_{name}": build for name, build in test_int16.MODELS.items()}
    return found | {name: build() for name, build in edges.items() if "_long" not in name}


# How a file is damaged


def mutated(content: bytes, rng: random.Random) -> bytes:
    """The file with one to three fields changed; as it was where nothing could be."""
    from edgekit.flatbuffer.edit import objects, packed

    for _ in range(20):
        model = objects(content)
        try:
            for _ in range(rng.choice((1, 1, 1, 2, 3))):
                rng.choice(WAYS)(model, model.subgraphs[0], rng)
            return packed(model)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, OverflowError):
            continue  # what this field cannot hold
        except Exception as problem:  # of struct and flatbuffers: a number that its field cannot hold
            if type(problem).__module__.split(".")[0] not in ("struct", "flatbuffers"):
                raise
    return content


def _number(value: int, rng: random.Random) -> int:
    return rng.choice((value + 1, value - 1, value * 2, value // 2, -value, *rng.sample(NUMBERS, 3)))


def _vector(values: Any, rng: random.Random, change: Callable[[Any, random.Random], Any] = _number) -> Any:
    """One more, one fewer, two swapped, or one changed."""
    listed, array = list(values), np.asarray(values)
    way, place = rng.randrange(8), rng.randrange(len(listed)) if listed else 0
    if not listed or way == 0:
        listed.insert(place, listed[place] if listed else 1)
    elif way == 1:
        del listed[place]
    elif way == 2:
        other = rng.randrange(len(listed))
        listed[place], listed[other] = listed[other], listed[place]
    else:
        listed[place] = change(listed[place], rng)
    return np.array(listed, array.dtype) if isinstance(values, np.ndarray) else listed


def _factor(value: float, rng: random.Random) -> float:
    return float(value) * rng.choice(FACTORS)


def _any_field(model: Any, graph: Any, rng: random.Random) -> None:
    """Any number or vector of numbers in any table of the graph."""
    places: list[tuple[Any, str]] = []

    def walk(table: Any) -> None:
        for name, value in vars(table).items():
            if isinstance(value, list) and value and hasattr(value[0], "Pack"):
                for part in value:
                    walk(part)
            elif hasattr(value, "Pack"):
                walk(value)
            elif isinstance(value, (bool, int, float, np.ndarray, list)):
                places.append((table, name))

    walk(graph)
    for code in model.operatorCodes:
        walk(code)
    table, name = rng.choice(places)
    value = getattr(table, name)
    if isinstance(value, bool):
        setattr(table, name, not value)
    elif isinstance(value, int):
        setattr(table, name, _number(value, rng))
    elif isinstance(value, float):
        setattr(table, name, _factor(value or 1.0, rng))
    else:
        floats = isinstance(value, np.ndarray) and value.dtype.kind == "f"
        setattr(table, name, _vector(value, rng, _factor if floats else _number))


def _option(model: Any, graph: Any, rng: random.Random) -> None:
    """A setting of an operator, or all of them gone."""
    operator = rng.choice([o for o in graph.operators if o.builtinOptions is not None])
    fields = vars(operator.builtinOptions)
    if not fields or rng.randrange(12) == 0:
        operator.builtinOptions, operator.builtinOptionsType = None, 0
        return
    name = rng.choice(sorted(fields))
    value = fields[name]
    if isinstance(value, bool):
        fields[name] = not value
    elif isinstance(value, (list, np.ndarray)):
        fields[name] = _vector(value, rng)
    else:
        fields[name] = _factor(value or 1.0, rng) if isinstance(value, float) else _number(value or 0, rng)


def _dimension(model: Any, graph: Any, rng: random.Random) -> None:
    """A dimension, in one tensor or in all that have it; the data of constants goes along."""
    tensor = rng.choice([t for t in graph.tensors if t.shape is not None and len(t.shape)])
    old = int(rng.choice(list(tensor.shape)))
    new = rng.choice((old + 1, max(1, old - 1), old * 2, 1, 2, 5, 40))
    for one in graph.tensors if rng.randrange(2) else [tensor]:
        if one.shape is not None and old in one.shape:
            _reshaped(model, one, [new if n == old else int(n) for n in one.shape], rng)
    if rng.randrange(2):
        _whole_numbers(model, graph, lambda values: np.where(values == old, new, values))


def _reshaped(model: Any, tensor: Any, shape: list[int], rng: random.Random) -> None:
    data = model.buffers[tensor.buffer].data
    if data is not None and len(data):
        each = len(data) // max(1, int(np.prod(tensor.shape)))
        if int(np.prod(shape)) * each > 1 << 20:
            raise ValueError("too large")
        model.buffers[tensor.buffer].data = np.resize(np.asarray(data, np.uint8), max(0, int(np.prod(shape)) * each))
    tensor.shape = np.array(shape, np.int32)


def _axes(model: Any, graph: Any, rng: random.Random) -> None:
    """One axis more or fewer, or other axes: of a tensor."""
    tensor = rng.choice(graph.tensors)
    shape = [int(n) for n in ([] if tensor.shape is None else tensor.shape)]
    way = rng.randrange(3)
    if way == 0 or not shape:
        shape.insert(rng.randrange(len(shape) + 1), 1)
    elif way == 1:
        rng.shuffle(shape)
    else:
        del shape[rng.randrange(len(shape))]
    tensor.shape = np.array(shape, np.int32)


def _scales(model: Any, graph: Any, rng: random.Random) -> None:
    """Scales of a tensor, or of all that have the same."""
    tensors = [t for t in graph.tensors if t.quantization is not None and t.quantization.scale is not None]
    one = rng.choice(tensors).quantization
    factor, before = rng.choice(FACTORS), np.array(one.scale)
    if rng.randrange(4) == 0:
        one.scale = _vector(one.scale, rng, _factor).astype(np.float32)
        return
    with np.errstate(all="ignore"):
        for tensor in tensors if rng.randrange(2) else []:
            if np.array_equal(tensor.quantization.scale, before):
                tensor.quantization.scale = (before * factor).astype(np.float32)
        one.scale = (before * factor).astype(np.float32)


def _zero(model: Any, graph: Any, rng: random.Random) -> None:
    """The zero point of a tensor, or of all that have one."""
    tensors = [t for t in graph.tensors if t.quantization is not None and t.quantization.zeroPoint is not None]
    value = rng.choice((-128, 127, 0, -1, 5, 128, -32768, 2**40))
    for tensor in rng.choice((tensors, [rng.choice(tensors)])):
        if len(tensor.quantization.zeroPoint) == 1:
            tensor.quantization.zeroPoint = np.array([value], np.int64)


def _type(model: Any, graph: Any, rng: random.Random) -> None:
    """The type of a tensor, or int16 for int8 in all that are computed."""
    if rng.randrange(2):
        rng.choice(graph.tensors).type = rng.randrange(18)
        return
    for tensor in graph.tensors:
        if tensor.type == 9 and model.buffers[tensor.buffer].data is None:
            tensor.type = 7


def _data(model: Any, graph: Any, rng: random.Random) -> None:
    """What a constant holds: extremes, other values, or more or fewer of them."""
    tensor = rng.choice([t for t in graph.tensors if model.buffers[t.buffer].data is not None])
    buffer = model.buffers[tensor.buffer]
    dtype = {2: np.int32, 4: np.int64, 7: np.int16, 9: np.int8}.get(tensor.type, np.uint8)
    values = np.asarray(buffer.data, np.uint8).copy().view(dtype)
    info, way = np.iinfo(dtype), rng.randrange(6)
    if way == 0:
        values[:] = rng.choice((info.min, info.max, info.max // 2))
    elif way == 1:
        values[rng.randrange(len(values))] = max(info.min, min(info.max, rng.choice(NUMBERS)))
    elif way == 2:
        values = values[: rng.randrange(len(values) + 1)]
    elif way == 3:
        values = np.resize(values, len(values) + rng.randrange(1, 9))
    else:
        place = rng.randrange(len(values))
        values[place] = max(info.min, min(info.max, _number(int(values[place]), rng)))
    buffer.data = values.view(np.uint8)


def _whole_numbers(model: Any, graph: Any, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Axes, sizes and places: the small constants of int32."""
    for tensor in graph.tensors:
        data = model.buffers[tensor.buffer].data
        if tensor.type == 2 and data is not None and 0 < len(data) <= 64 and not len(data) % 4:
            values = np.asarray(data, np.uint8).copy().view(np.int32)
            model.buffers[tensor.buffer].data = np.asarray(change(values), np.int32).view(np.uint8)


def _operators(model: Any, graph: Any, rng: random.Random) -> None:
    """Operators twice, gone, in another order, or of another kind."""
    operators, way = graph.operators, rng.randrange(4)
    place = rng.randrange(len(operators))
    if way == 0:
        operators.insert(place, copy.copy(operators[place]))
    elif way == 1:
        del operators[place]
    elif way == 2:
        rng.shuffle(operators)
    else:
        from edgekit.ccode.operators import OPERATORS
        from edgekit.flatbuffer.schema import accessors

        code = copy.copy(model.operatorCodes[operators[place].opcodeIndex])
        code.builtinCode = getattr(accessors().BuiltinOperator, rng.choice(sorted(OPERATORS)))
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        model.operatorCodes.append(code)
        operators[place] = copy.copy(operators[place])
        operators[place].opcodeIndex = len(model.operatorCodes) - 1
        if rng.randrange(2):
            operators[place].builtinOptions, operators[place].builtinOptionsType = None, 0


def _indices(model: Any, graph: Any, rng: random.Random) -> None:
    """Which tensors an operator, or the model, reads and writes."""
    of = rng.choice((*graph.operators, graph))
    name = rng.choice(("inputs", "outputs"))
    most = len(graph.tensors)
    setattr(of, name, _vector(getattr(of, name), rng, lambda value, rng: rng.randrange(-1, most)))


WAYS = (_any_field, _option, _option, _dimension, _dimension, _dimension, _axes, _scales, _scales, _zero, _type)
WAYS = (*WAYS, _data, _data, _operators, _indices)


# What becomes of it


def written(mutant: Mutant) -> Mutant:
    """Has its code written, and asks TFLM. In a process for TFLM, which either may end."""
    from edgekit.ccode.generate import generate
    from edgekit.errors import ModelError
    from edgekit.flatbuffer.read import parse_graph

    try:
        parse_graph(mutant.content, "m.tflite")
        code = generate(mutant.content, "m", mutant.kernels, tables=mutant.kernels == "dsp")
    except ModelError as refusal:
        mutant.said = str(refusal)
        return mutant
    mutant.source, mutant.header = code.files["m.c"], code.files["m.h"]
    mutant.inputs, mutant.outputs = ([(s.dtype, s.shape) for s in ends] for ends in (code.inputs, code.outputs))
    mutant.arena, mutant.stateful, mutant.looks = code.arena, code.stateful, "or 1 where an index" in mutant.header
    if sum(map(sum, code.sizes)) + code.arena <= LARGEST:
        arrays = _samples(mutant)
        mutant.samples = [b"".join(x.tobytes() for x in sample) for sample in arrays]
    return mutant


def _samples(mutant: Mutant) -> list[list[np.ndarray]]:
    rng, found = np.random.default_rng(len(mutant.content)), []
    infos = [(np.iinfo(dtype), shape) for dtype, shape in mutant.inputs]
    index = [mutant.looks and dtype == "int32" for dtype, _ in mutant.inputs]
    for _ in range(RANDOM):
        ends = [(0, 2) if few else (i.min, i.max + 1) for few, (i, _) in zip(index, infos, strict=True)]
        found.append([rng.integers(*e, shape).astype(i.dtype) for e, (i, shape) in zip(ends, infos, strict=True)])
    for end in ("min", "max"):
        found.append([np.full(shape, getattr(i, end), i.dtype) for i, shape in infos])
    ends = [[i.min, i.max] for i, _ in infos]
    found.append([rng.choice(e, shape).astype(i.dtype) for e, (i, shape) in zip(ends, infos, strict=True)])
    return found


def asked(mutant: Mutant) -> Mutant:
    """What TFLM makes of the same inputs."""
    from edgekit.errors import ModelError
    from edgekit.runtimes import open_session

    mutant.tflm = None
    with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
        file.write(mutant.content)
        file.flush()
        try:
            session = open_session("tflm", file.name)
            if any(
                spec.dtype not in ("int8", "uint8", "int16", "int32") for spec in (*session.inputs, *session.outputs)
            ):
                return mutant
            answers: list[bytes | None] = []
            for sample in _samples(mutant):
                session.set_inputs(sample)
                try:
                    session.invoke()
                except ModelError:
                    if not (mutant.looks and answers):
                        raise
                    answers.append(None)
                    continue
                answers.append(b"".join(output.tobytes() for output in session.get_outputs()))
        except (ModelError, ValueError, RuntimeError) as refusal:
            mutant.refused_by_tflm = str(refusal).split("refused by")[-1][:200]
            return mutant
    mutant.tflm = answers
    return mutant


def by_chance(mutant: Mutant) -> bool:
    """Whether what TFLM answers is what its memory held before."""
    answers = [apart(asked, [mutant], fill)[0] for fill in FILLS]
    return any(isinstance(answer, str) or answer.tflm != mutant.tflm for answer in answers)


def apart(work: Callable[[Mutant], Mutant], mutants: Sequence[Mutant], fill: int = 0) -> list[Mutant | str]:
    """Each mutant as another process leaves it, or what ended that; one process for many, a new one after an end.

    Args:
      fill: what its memory holds before it is written; 0 for what it happens to.
    """
    done: list[Mutant | str] = []
    while len(done) < len(mutants):
        with tempfile.TemporaryFile() as results, tempfile.TemporaryFile() as printed:
            child = os.fork()
            if child == 0:
                _child(work, mutants[len(done) :], fill, results, printed)
            _, status = os.waitpid(child, 0)
            results.seek(0)
            before = len(done)
            while len(done) < len(mutants):
                try:
                    done.append(pickle.load(results))
                except (EOFError, pickle.UnpicklingError):
                    break
            if len(done) < len(mutants):
                printed.seek(0)
                said = printed.read().decode("utf-8", "replace")[-1500:]
                done.append(f"ended by {status} after {len(done) - before}: {said}")
    return done


def _child(work: Callable[[Mutant], Mutant], mutants: Sequence[Mutant], fill: int, results: Any, printed: Any) -> None:
    """The other process; does not return."""
    import traceback

    if fill:
        ctypes.CDLL(None).mallopt(M_PERTURB, fill)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(printed.fileno(), 1)
    os.dup2(printed.fileno(), 2)
    for mutant in mutants:
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        try:
            answer: Mutant | str = work(mutant)
        except BaseException:
            answer = traceback.format_exc()
        pickle.dump(answer, results)
        results.flush()
    os._exit(0)


DRIVER = """
#include <stdio.h>
#include <stdlib.h>
static void *exact(size_t bytes) { void *p = malloc(bytes ? bytes : 1); if (!p) exit(9); return p; }
%s
int main(int count, char **of) {
  if (count < 2) return 8;
  switch (atoi(of[1])) {
%s
  }
  return 7;
}
"""


def _driver(number: int, mutant: Mutant) -> str:
    """A function that reads inputs until they end and writes the outputs; buffers have the exact size."""
    m, several = f"m{number}", len(mutant.inputs) > 1 or len(mutant.outputs) > 1
    rows = [f"static int drive{number}(void) {{", f"  void *arena = exact({m.upper()}_ARENA_BYTES);"]
    rows += [f"  {m}_reset(arena);"] if mutant.stateful else []
    rows.append("  while (1) {")
    for way, ends in (("input", mutant.inputs), ("output", mutant.outputs)):
        for n in range(len(ends)):
            size = f"{m.upper()}_{way.upper()}{n if len(ends) > 1 else ''}_BYTES"
            rows.append(f"    void *{way}{n} = exact({size});")
            rows += [f"    if (fread(input{n}, 1, {size}, stdin) != {size}) exit(0);"] if way == "input" else []
    if several:
        rows.append(f"    const {m}_inputs x = {{{', '.join(f'input{n}' for n in range(len(mutant.inputs)))}}};")
        rows.append(f"    const {m}_outputs y = {{{', '.join(f'output{n}' for n in range(len(mutant.outputs)))}}};")
    call = f"{m}_run({'&x, &y' if several else 'input0, output0'}, arena)"
    rows += [f"    const int refused = {call};", f"    if (refused && {int(not mutant.looks)}) exit(6);"]
    rows.append("    putchar(refused);")
    for n in range(len(mutant.outputs)):
        size = f"{m.upper()}_OUTPUT{n if len(mutant.outputs) > 1 else ''}_BYTES"
        rows.append(f"    if (!refused) fwrite(output{n}, 1, {size}, stdout);")
    rows += [f"    free(input{n});" for n in range(len(mutant.inputs))]
    rows += [f"    free(output{n});" for n in range(len(mutant.outputs))]
    return "\n".join([*rows, "  }", "}"])


def _halves(mutant: Mutant) -> tuple[str, str]:
    """The kernels of its source, and its own part."""
    text = mutant.source[mutant.source.index("#include <stdint.h>") :]
    start = min(text.find(mark) for mark in ("/* Operator ", "#ifdef M_PROFILE") if mark in text)
    return text[:start], text[start:]


def _renamed(text: str, number: int) -> str:
    """With names that no other model's code has."""
    text = re.sub(r"\bm_(?=op\d|run\b|reset\b|inputs\b|outputs\b)", f"m{number}_", text)
    return re.sub(r"\b(EDGEKIT_)?M_(?=ARENA|INPUT|OUTPUT|MARK|PROFILE|H\b)", rf"\1M{number}_", text)


def tried(mutants: Sequence[Mutant], folder: Path) -> list[tuple[Mutant, str]]:
    """Compiles the code of mutants, those of the same kernels together, runs it, and says what is wrong with which."""
    groups: dict[str, list[Mutant]] = {}
    for mutant in mutants:
        groups.setdefault(_halves(mutant)[0], []).append(mutant)
    found: list[tuple[Mutant, str]] = []
    for group in groups.values():
        problem = _compiled(group, folder)
        if problem and len(group) > 1:  # say which
            for mutant in group:
                found += tried([mutant], folder)
            continue
        if problem:
            found.append((group[0], problem))
            continue
        for number, mutant in enumerate(group):
            found += [(mutant, said)] if (said := _run(number, mutant, folder)) else []
    return found


def _compiled(group: Sequence[Mutant], folder: Path) -> str:
    heads, _ = _halves(group[0])
    own = "\n".join(_renamed(_halves(m)[1], n) for n, m in enumerate(group))
    headers = "\n".join(_renamed(m.header, n) for n, m in enumerate(group))
    drivers = "\n".join(_driver(n, m) for n, m in enumerate(group))
    cases = "\n".join(f"    case {n}: return drive{n}();" for n in range(len(group)))
    (folder / "m.c").write_text("\n".join([headers, heads, own, DRIVER % (drivers, cases)]))
    command = ["gcc", *FLAGS, *SANITIZE, "m.c", "-o", "m"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return f"it does not compile: {done.stderr[:1500]}" if done.returncode else ""


def _run(number: int, mutant: Mutant, folder: Path) -> str:
    environment = {"ASAN_OPTIONS": "detect_leaks=0"}
    limit = ["prlimit", f"--cpu={SECONDS}", "./m", str(number)]
    done = subprocess.run(limit, cwd=folder, capture_output=True, env=environment, input=b"".join(mutant.samples))
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return ""
    if done.returncode:
        return f"it ends with {done.returncode}: {done.stderr.decode('utf-8', 'replace')[:2500]}"
    if mutant.tflm is not None and done.stdout != b"".join(b"\1" if a is None else b"\0" + a for a in mutant.tflm):
        return UNLIKE
    return ""


def campaign(
    files: dict[str, bytes],
    seed: int = 0,
    seconds: float = float("inf"),
    most: int | None = None,
    share: float = 1.0,
    said: Callable[[str], None] = lambda _: None,
) -> Found:
    """Damages files until the time or the number of mutants is up.

    Args:
      files: contents by name.
      most: mutants.
      share: of those that are accepted, how many are compiled and run.
      said: takes a line about the state of things now and then.
    """
    rng, found, start = random.Random(seed), Found(), time.monotonic()
    for name in sorted(files)[:1]:
        asked(written(Mutant(name, files[name], "portable")))  # imports and templates that each child would load anew
    with tempfile.TemporaryDirectory() as place:
        while time.monotonic() - start < seconds and (most is None or found.counts["mutants"] < most):
            _batch(files, rng, found, Path(place), share)
            said(", ".join(f"{count:,} {what}" for what, count in sorted(found.counts.items())))
    return found


def _batch(files: dict[str, bytes], rng: random.Random, found: Found, folder: Path, share: float) -> None:
    name = rng.choice(sorted(files))
    contents = [mutated(files[name], rng) for _ in range(BATCH)]
    mutants = [Mutant(name, content, ("portable", "dsp")[n % 2]) for n, content in enumerate(contents)]
    found.counts["mutants"] += len(mutants)
    ready: list[Mutant] = []
    for mutant, after in zip(mutants, apart(written, mutants), strict=True):
        if isinstance(after, str):
            found.findings.append((mutant, after))
        elif after.said:
            found.counts["refused"] += 1
            if "\n" in after.said:
                found.findings.append((after, "its refusal has several lines"))
        else:
            found.counts["accepted"] += 1
            ready += [after] if after.samples and rng.random() < share else []
    answered = []
    for mutant, after in zip(ready, apart(asked, ready), strict=True):
        found.counts["with TFLM's answer"] += not isinstance(after, str) and after.tflm is not None
        if isinstance(after, str):
            found.refusals.setdefault("ended: " + after[-80:], []).append(mutant)
        elif after.refused_by_tflm:
            found.refusals.setdefault(after.refused_by_tflm, []).append(after)
        answered.append(mutant if isinstance(after, str) else after)
    for mutant, problem in tried(answered, folder):
        if problem == UNLIKE and by_chance(mutant):
            found.chance.append(mutant)
            found.counts["where TFLM answers by chance"] += 1
        else:
            found.findings.append((mutant, problem))
    found.counts["run"] += len(answered)
    found.counts["findings"] = len(found.findings)


def main() -> int:
    """The campaign of the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="names of files, with commas between")
    parser.add_argument("--out", type=Path, default=None, help="a folder for what was found")
    given = parser.parse_args()
    files = bases()
    files = {name: files[name] for name in given.only.split(",")} if given.only else files
    found = campaign(files, given.seed, given.seconds, said=lambda line: print("\r" + line, end="", flush=True))
    print()
    for reason, mutants in sorted(found.refusals.items(), key=lambda item: -len(item[1])):
        print(f"TFLM does not take what ccode takes, {len(mutants)}: {' '.join(reason.split())}")
    for mutant in found.chance:
        print(f"TFLM answers with what its memory held before: {mutant.base}, {mutant.kernels}")
    for number, (mutant, problem) in enumerate(found.findings):
        print(f"finding {number}, of {mutant.base}, {mutant.kernels}: {problem[-1000:]}")
    kept = [(f"{n}", mutant) for n, (mutant, _) in enumerate(found.findings)]
    kept += [(f"tflm{n}", mutants[0]) for n, mutants in enumerate(found.refusals.values())]
    kept += [(f"chance{n}", mutant) for n, mutant in enumerate(found.chance)]
    for label, mutant in kept if given.out else []:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / f"{label}_{mutant.base}_{mutant.kernels}.tflite").write_bytes(mutant.content)
    return 1 if found.findings else 0


if __name__ == "__main__":
    sys.exit(main())
