"""`edgekit solve` beside random search and the recipes of `study`, for the same time; in parts that can be run apart.

    python benchmarks/solve.py size         # digits: the smallest file with 98.4 %
    python benchmarks/solve.py instructions # digits: the fewest instructions with 98.4 %
    python benchmarks/solve.py watch        # activity on a watch, limits at half of the int8 model's costs
    python benchmarks/solve.py spoken       # spoken digits, likewise
    python benchmarks/solve.py impossible   # a budget that nothing holds, and whether its nearest misses are true
    python benchmarks/solve.py dropped      # every shape of a small space: which are dropped, which would have fitted
    python benchmarks/solve.py table        # what all parts found so far

Options: `--minutes=30`, `--seeds=5` (of watch and spoken), `--ways solve random study`, `--folder=DIR` for projects,
stores and `results.json`. A part that is run again goes on from what its stores have, but random search and the study
start anew. Each way and seed has a store of its own, so that none profits from another.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
from msgspec.structs import replace

from edgekit.commands.solve import prepare, solve
from edgekit.commands.study import RECIPES, variants
from edgekit.config import decode
from edgekit.engine.make import Maker
from edgekit.engine.worker import call
from edgekit.errors import EdgekitError, TargetError
from edgekit.profile.profiles import load_target
from edgekit.profile.project import ModelSpec, Project, find_project, select_model
from edgekit.profile.recipe import Recipe
from edgekit.profile.target import Target
from edgekit.report.markdown import table
from edgekit.report.progress import Progress
from edgekit.solve.judged import EXACT, quality
from edgekit.solve.search import Search
from edgekit.solve.space import recipe_of
from edgekit.solve.trial import costs
from edgekit.solve.types import Outcome
from edgekit.types import Reading
from edgekit.units import show

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data"
RESULTS = "results.json"
EPOCHS = 30
"""Of a training in full on watch and spoken: fewer than by default, so that minutes hold many trials."""
TEST_TAKES = 5
"""Of each speaker's 50 of a digit, as the dataset's authors split it."""
WAYS = ("solve", "random", "study")
POINTS = 5.0
"""Of accuracy below the float model's: where the area under a front begins."""
DIGITS = 'extends = "microcontroller"\n[budget]\naccuracy = "98.4 %"\naccuracy_drop = "100 %"\n'


def project_of(folder: Path, model: str, data: str, targets: dict[str, str], scale: float = 1.0) -> Project:
    """A project with one model."""
    (folder / "targets").mkdir(parents=True, exist_ok=True)
    lines = ["[tool.edgekit.models.net]", f'model = "{model}"', f'data = "{data}"']
    lines.append(f"preprocessing = {{ scale = {scale} }}")
    (folder / "pyproject.toml").write_text("\n".join(lines) + "\n")
    for name, text in targets.items():
        (folder / "targets" / f"{name}.toml").write_text(text)
    return find_project(folder)


def digits(folder: Path, minimize: str) -> tuple[Project, ModelSpec, Target]:
    """The demo's model, with 98.4 % as the limit."""
    said = f'{DIGITS}[solve]\nminimize = "{minimize}"\nholds = "value"\n'
    paths = [str(ROOT / "assets" / name) for name in ("digits.keras", "digits.npz")]
    project = project_of(folder, *paths, {"goal": said}, 1 / 255)
    spec = select_model(project, None, None, Reading())
    return project, spec, load_target("goal", project.target_folders, ())


def watch_net(source: str, folder: str) -> None:
    """Trains a small CNN on the accelerations of a watch, in a process with TensorFlow."""
    import numpy as np
    from tf_keras import layers

    with np.load(source) as file:
        x, y, group = file["x"], file["y"].astype("int64"), file["subject"]
    _trained(
        [
            layers.Conv1D(32, 5, activation="relu"),
            layers.MaxPooling1D(2),
            layers.Conv1D(64, 5, activation="relu"),
            layers.MaxPooling1D(2),
            layers.Conv1D(64, 3, activation="relu"),
            layers.GlobalAveragePooling1D(),
        ],
        (x - x.mean((0, 1))) / x.std((0, 1)),
        y,
        np.isin(group, np.unique(group)[::5]),
        group,
        Path(folder),
    )


def spoken_net(source: str, folder: str) -> None:
    """Trains a small CNN on the spectra of spoken digits, in a process with TensorFlow."""
    import numpy as np
    from tf_keras import layers

    with np.load(source) as file:
        sound, y, take = file["x"].astype("float32") / 32768, file["y"].astype("int64"), file["index"]
    frames = np.lib.stride_tricks.sliding_window_view(sound, 256, axis=1)[:, ::128] * np.hanning(256)
    power = np.abs(np.fft.rfft(frames))[..., :128].reshape(*frames.shape[:2], 32, 4).mean(-1)
    x = np.log(power + 1e-3)[..., None]
    _trained(
        [
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
        ],
        (x - x.mean()) / x.std(),
        y,
        take < TEST_TAKES,
        None,
        Path(folder),
    )


def _trained(hidden: list[Any], x: Any, y: Any, test: Any, group: Any, folder: Path) -> None:
    """Trains on what does not evaluate, and writes `net.h5` and `net.npz`."""
    import numpy as np
    import tf_keras

    arrays = {"x": x.astype("float32"), "y": y} | ({} if group is None else {"group": group})
    parts = {f"{n}_{part}": a[rows] for n, a in arrays.items() for part, rows in (("train", ~test), ("test", test))}
    np.savez(folder / "net.npz", **parts)
    tf_keras.utils.set_random_seed(1)
    model = tf_keras.Sequential(
        [tf_keras.Input(x.shape[1:]), *hidden, tf_keras.layers.Dense(int(y.max()) + 1, activation="softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(parts["x_train"], parts["y_train"], epochs=30, batch_size=32, verbose=0)
    model.save(folder / "net.h5")


def halved(folder: Path, name: str) -> tuple[Project, ModelSpec, Target]:
    """A model trained here, whose limits are half of what its int8 form costs."""
    if not (folder / "net.h5").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        source = SHARED / {"watch": "watch_activity.npz", "spoken": "spoken_digits.npz"}[name]
        call(f"solve:{name}_net", str(source), str(folder), returns=None)
    plain = 'extends = "microcontroller"\n[recipe]\nprune = false\n[budget]\naccuracy_drop = "1 %"\n'
    project = project_of(folder, "net.h5", "net.npz", {"plain": plain + 'flash = "1 MiB"\n'})
    spec = select_model(project, None, None, Reading())
    target = load_target("plain", project.target_folders, ())
    with Maker(project.open_store(), Progress()) as maker:
        search = prepare(spec, target, maker)
        found = [m for part in costs(search.job, maker) for m in part]
        flash, instructions = (search.judge.figure(found, cost) / 2 for cost in ("flash", "instructions"))
    limits = f'flash = "{flash:.0f} B"\ninstructions = {instructions:.0f}\n'
    project = project_of(
        folder, "net.h5", "net.npz", {"goal": f'{plain}{limits}[solve]\nholds = "value"\nepochs = {EPOCHS}\n'}
    )
    return project, spec, load_target("goal", project.target_folders, ())


def with_store(project: Project, store: Path) -> Project:
    """The same with a store of its own."""
    return replace(project, store_folder=store)


def by_solve(project: Project, spec: ModelSpec, target: Target, seconds: float, out: Path) -> list[Outcome]:
    """What `edgekit solve` tries in a time; what it judged in the end has the figures of that."""
    target = replace(target, solve=replace(target.solve, time=type(target.solve.time)(seconds * 1e9)))
    found = solve(project, spec, target, out, Progress())
    (out / "solved.json").write_bytes(msgspec.json.encode(found))
    return found.trials


def at_random(search: Search, seconds: float) -> list[Outcome]:
    """Choices at random from the same space, each trained in full."""
    rng, end, found = random.Random(search.judge.target.solve.seed), time.monotonic() + seconds, list[Outcome]()
    while time.monotonic() < end:
        chosen = {p.name: drawn(rng, p) for p in search.space.parameters}
        blank = Outcome(len(found), chosen, {}, "failed", 0, [], [], False, None, 0.0)
        try:
            recipe = recipe_of(search.space, chosen, search.rungs[-1], search.judge.target.solve)
            found.append(search.whole(blank, recipe))
        except EdgekitError as problem:
            found.append(replace(blank, reason=str(problem)))
    return found


def drawn(rng: random.Random, parameter: Any) -> Any:
    """A choice, on the scale that the search has."""
    if parameter.kind == "one of":
        return rng.choice(parameter.options)
    low, high = parameter.low, parameter.high
    value = low * (high / low) ** rng.random() if low > 0 else rng.uniform(low, high)
    return round(value) if parameter.kind == "count" else value


def by_study(search: Search, seconds: float) -> list[Outcome]:
    """The recipes of `study`, in their order, as far as the time goes."""
    end, found = time.monotonic() + seconds, list[Outcome]()
    for name, changed in variants(search.judge.target, RECIPES):
        if time.monotonic() > end:
            break
        blank = Outcome(len(found), {"recipe": name}, {}, "failed", 0, [], [], False, None, 0.0)
        try:
            found.append(search.whole(blank, replace(changed.recipe, reserve=True)))
        except EdgekitError as problem:
            found.append(replace(blank, reason=str(problem)))
    return found


def area(found: list[Outcome], search: Search, names: list[str], top: float) -> float:
    """The hypervolume of what holds the limits on costs: the share of each limit that is left, times the points of
    accuracy above `top - POINTS`, of the largest such box that nobody else covers, summed."""
    limits = search.judge.target.budget.limits
    points = []
    for o in found:
        if o.state == "trained" and (value := quality(o.measurements).value) is not None:
            left = [1 - search.judge.figure(o.measurements, n) / float(limits[n]) for n in names]
            points.append((*left, (value - top + POINTS) / POINTS))
    return covered([p for p in points if min(p) > 0])


def covered(points: list[tuple[float, ...]]) -> float:
    """The volume between 0 and the points, by slices of the last coordinate."""
    if not points:
        return 0.0
    if len(points[0]) == 1:
        return max(p[0] for p in points)
    total, below = 0.0, 0.0
    for height in sorted({p[-1] for p in points}):
        total += (height - below) * covered([p[:-1] for p in points if p[-1] >= height])
        below = height
    return total


def compare(
    name: str,
    made: tuple[Project, ModelSpec, Target],
    ways: Sequence[str],
    seeds: int,
    seconds: float,
    folder: Path,
) -> None:
    """Solve, random search and the study's recipes, for the same time each."""
    project, spec, target = made
    rows = [row for row in known(folder.parent).get(name, []) if row["way"] not in ways or row["seed"] > seeds]
    for seed in range(1, seeds + 1):
        seeded = replace(target, solve=replace(target.solve, seed=seed))
        for way in ways:
            if way == "study" and seed > 1:
                continue  # it has no chance in it
            own = with_store(project, folder / f"store-{way}-{seed}")
            out = folder / f"{way}-{seed}"
            out.mkdir(parents=True, exist_ok=True)
            with Maker(own.open_store(), Progress()) as maker:
                search = prepare(spec, seeded, maker)
                if way != "solve":
                    found = (at_random if way == "random" else by_study)(search, seconds)
            if way == "solve":
                found = by_solve(own, spec, seeded, seconds, out)
            top = 100.0 if name in ("size", "instructions") else float_accuracy(found)
            names = [n for n in EXACT if n in target.budget.limits] or list(target.solve.costs)
            best = min((o for o in found if o.state == "trained" and o.holds), key=lambda o: o.merit or 0, default=None)
            rows.append(
                {
                    "way": way,
                    "seed": seed,
                    "trials": len(found),
                    "dropped": sum(o.state in ("dropped", "beaten") for o in found),
                    "best": None if best is None else figures(best, search, names),
                    "area": area(found, search, names, top) if target.solve.minimize is None else None,
                }
            )
            print(json.dumps(rows[-1]), flush=True)
            keep(folder.parent, name, rows)


def float_accuracy(found: list[Outcome]) -> float:
    """Of the model as it was given, on the samples that the search chooses by."""
    known = [(o.value("accuracy"), o.value("accuracy_drop")) for o in found if o.state == "trained"]
    return next((ours + drop for ours, drop in known if ours is not None and drop is not None), 100.0)


def figures(outcome: Outcome, search: Search, names: list[str]) -> dict[str, float]:
    """What a trial reached."""
    q = quality(outcome.measurements)
    wanted = dict.fromkeys(("model_size", "instructions", *names))
    return {q.name: float(q.value or 0)} | {n: search.judge.figure(outcome.measurements, n) for n in wanted}


def impossible(folder: Path) -> None:
    """A budget that nothing holds: whether what the nearest misses say is what their builds have."""
    project, spec, _ = digits(folder, "model_size")
    target = load_target("goal", project.target_folders, ("budget.model_size=3 KiB", "solve.trials=12"))
    found = solve(project, spec, target, folder / "out", Progress())
    said = []
    with Maker(project.open_store(), Progress()) as maker:
        search = prepare(spec, target, maker)
        for miss in found.misses:
            job = search.job.having(decode(miss.recipe, Recipe, "miss", TargetError))
            built = {m.name: m.value for part in costs(job, maker) for m in part if m.artifact == "model"}
            same = all(m.value == built[m.name] for m in miss.measurements if m.name in EXACT)
            said.append({"said": miss.said, "true when built": same})
    keep(folder.parent, "impossible", [{"verdict": found.verdict, "conflicts": found.conflicts, "misses": said}])


def dropped(folder: Path, widths: tuple[int, ...] = (4, 8, 16, 32)) -> None:
    """Every shape of a small space, trained for one epoch: none that fits may have been dropped, and of those that
    break a limit at least half are not to be trained."""
    project, spec, _ = digits(folder, "model_size")
    limits = ("budget.model_size=12 KiB", "budget.instructions=1.2 M")
    target = load_target("goal", project.target_folders, limits)
    target = replace(target, solve=replace(target.solve, epochs=1, techniques=("channels", "distil")))
    rows, wrong, broken, never, furthest = [], [], 0, 0, dict[str, float]()
    with Maker(project.open_store(), Progress()) as maker:
        search = prepare(spec, target, maker)
        names = [p.name for p in search.space.parameters if p.groups]
        for shape in itertools.product(widths, repeat=len(names)):
            chosen = dict(zip(names, shape, strict=True)) | {"learning_rate": 2e-3}
            recipe = recipe_of(search.space, chosen, 1, target.solve)
            priced, before = search.shape(recipe)
            found = [m for part in costs(search.job.having(recipe), maker) for m in part]
            after = search.judge.lines(found, EXACT)
            fits, passed = search.judge.holds(after), search.may_hold(before)
            trained = {m.name: m.value for m in found if m.artifact == "model" and m.name in EXACT}
            off = {m.name: m.value / trained[m.name] - 1 for m in priced if trained.get(m.name) and m.value}
            furthest |= {n: max(abs(by), furthest.get(n, 0.0)) for n, by in off.items()}
            broken, never = broken + (not fits), never + (not fits and not passed)
            wrong += [shape] if fits and not passed else []
            rows.append({"shape": shape, "fits": fits, "dropped": not passed})
            print(rows[-1], flush=True)
    summary = {"shapes": len(rows), "break a limit": broken, "never trained": never, "dropped though they fit": wrong}
    summary["furthest from the trained model's, as a share"] = furthest
    keep(folder.parent, "dropped", [summary])


def keep(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    """Files what a part found."""
    (folder / RESULTS).write_text(json.dumps(known(folder) | {name: rows}, indent=2, default=str))


def known(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """What all parts found so far."""
    place = folder / RESULTS
    return json.loads(place.read_text()) if place.is_file() else {}


def shown(folder: Path) -> str:
    """The table of all parts."""
    rows = []
    for name, found in known(folder).items():
        if name in ("impossible", "dropped"):
            rows.append([name, "", "", json.dumps(found[0])])
            continue
        for way in WAYS:
            mine = [row for row in found if row["way"] == way]
            if not mine:
                continue
            areas = [row["area"] for row in mine if row["area"] is not None]
            best = [row["best"] for row in mine if row["best"]]
            units = {"model_size": "B", "flash": "B", "ram": "B", "arena": "B", "accuracy": "%"}
            middle = {n: median(b[n] for b in best) for n in best[0]} if best else {}
            said = ", ".join(f"{n} {show(v, units.get(n, '1'))}" for n, v in middle.items()) or "nothing holds"
            rows.append([name, way, f"{median(areas):.3f}" if areas else "", f"{said} ({len(mine)} seeds)"])
    return table(["what", "by", "hypervolume, median", "the best that holds, median"], rows)


def main() -> None:
    parser = argparse.ArgumentParser()
    parts = ("size", "instructions", "watch", "spoken", "impossible", "dropped", "table")
    parser.add_argument("part", choices=parts)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--folder", type=Path, default=Path("build/benchmark-solve"))
    given = parser.parse_args()
    base = given.folder.absolute()
    folder, seconds = base / given.part, 60 * given.minutes
    peers: dict[str, Callable[[], tuple[Project, ModelSpec, Target]]] = {
        "size": lambda: digits(folder, "model_size"),
        "instructions": lambda: digits(folder, "instructions"),
        "watch": lambda: halved(folder, "watch"),
        "spoken": lambda: halved(folder, "spoken"),
    }
    if given.part == "table":
        print(shown(base))
    elif given.part == "impossible":
        impossible(folder)
    elif given.part == "dropped":
        dropped(folder)
    else:
        seeds = 1 if given.part in ("size", "instructions") else given.seeds
        compare(given.part, peers[given.part](), given.ways, seeds, seconds, folder)


if __name__ == "__main__":
    main()
