"""Trials that are made at once: what is proposed does not depend on which of them ends first."""

import threading
import time
from pathlib import Path

import pytest

from edgekit.errors import ProjectError
from edgekit.profile.profiles import load_target
from edgekit.profile.project import ModelSpec, find_project
from edgekit.solve.judged import Judge
from edgekit.solve.search import Search
from edgekit.solve.space import Parameter, Space
from edgekit.solve.trial import Job
from edgekit.solve.types import Outcome
from edgekit.types import Measurement

TARGET = load_target("phone", find_project(Path(__file__).parent).target_folders, ())
SPACE = Space(
    (Parameter("width", "number", 0.1, 1.0), Parameter("clusters", "one of", options=(8, 16))), (), TARGET.recipe, False
)


def outcome(attempt):
    """A law in place of a training."""
    merit = (attempt.choices["width"] - 0.3) ** 2 + attempt.choices["clusters"] / 100
    found = [Measurement("model_size", 1e4 * attempt.choices["width"], "B"), Measurement("accuracy", 100 - merit, "%")]
    return Outcome(attempt.number, attempt.choices, {}, "trained", 1, found, [], True, merit, 0.0)


def soon(attempt):
    return lambda: outcome(attempt)


def after(delays):
    """Each ends after a delay of its own, in a thread."""

    def start(attempt):
        def work():
            time.sleep(delays[attempt.number % len(delays)])
            found.append(outcome(attempt))

        found: list[Outcome] = []
        thread = threading.Thread(target=work)
        thread.start()
        return lambda: (thread.join(), found[0])[1]

    return start


def search(folder, seed=1):
    job = Job(ModelSpec("net", "net.keras", "random", None, None), TARGET)
    target = load_target("phone", find_project(Path(__file__).parent).target_folders, (f"solve.seed={seed}",))
    return Search(Job(job.spec, target), SPACE, Judge(target, "litert"), 9, folder / "journal", None)


def choices(made):
    return [(o.number, o.choices) for o in made.outcomes]


def run(folder, trials, start=soon, at_once=1, seed=1):
    made, told = search(folder, seed), []
    made.run(lambda number: number >= trials, lambda o: told.append(o.number), start, at_once)
    assert told == sorted(told) and len(made.outcomes) == trials
    return made


@pytest.mark.parametrize("delays", [(0.03, 0.0), (0.0, 0.02, 0.01), (0.02, 0.02, 0.0, 0.0, 0.0)])
def test_the_order_in_which_they_end_changes_nothing(tmp_path, delays):
    at_once = run(tmp_path / "a", 16, soon, at_once=4)
    assert choices(run(tmp_path / "b", 16, after(delays), at_once=4)) == choices(at_once)


def test_a_search_that_was_ended_goes_on_as_if_it_had_not_been(tmp_path):
    whole = run(tmp_path / "a", 12)
    run(tmp_path / "b", 5)
    assert choices(run(tmp_path / "b", 12)) == choices(whole)


def test_the_outcomes_are_what_proposals_follow(tmp_path):
    found = [o.choices["width"] for o in run(tmp_path, 40).outcomes]
    assert sum(abs(width - 0.3) for width in found[-10:]) < sum(abs(width - 0.3) for width in found[:10])


def test_another_seed_proposes_others(tmp_path):
    assert choices(run(tmp_path / "a", 6)) != choices(run(tmp_path / "b", 6, seed=2))


def cut(content):
    return content[:-40]


def spoiled(content):
    lines = content.splitlines(keepends=True)
    return b"".join([*lines[:20], b"{\x00 no line\n", *lines[21:]])


@pytest.mark.parametrize("damage", [cut, spoiled, lambda content: b"\xff" * 99, lambda content: b""])
def test_of_a_damaged_list_of_trials_what_is_whole_is_kept(tmp_path, damage):
    whole = run(tmp_path / "a", 9)
    run(tmp_path / "b", 5)
    journal = tmp_path / "b/journal"
    journal.write_bytes(damage(journal.read_bytes()))
    assert choices(run(tmp_path / "b", 9)) == choices(whole)


def test_what_no_search_wrote_is_named(tmp_path):
    (tmp_path / "journal").write_text('{"op_code": 99}\n')
    with pytest.raises(ProjectError, match="journal: holds what no search wrote; delete it"):
        search(tmp_path)
