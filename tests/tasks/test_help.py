"""The list of commands, and the help of each: short, complete, in 80 columns, with examples that work."""

import inspect
import os
import re
import shlex
import subprocess
import sys

import pytest

from edgekit.tasks import namespace
from edgekit.tasks.program import CommandLine
from edgekit.tasks.task import GROUPS, LONGEST, SHORT, VALUE, HelpfulTask, spelled

TASKS = [task for task in namespace.tasks.values() if isinstance(task, HelpfulTask)]
EACH = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
INVOKES_OWN = ("core-opts", "--echo", "--dry", "--list", "--command-timeout", "--prompt-for-sudo", "--pty", "--version")


def parsed(line):
    """A command line as the parser of `edgekit` reads it."""
    program = CommandLine(name="edgekit", namespace=namespace)
    program.create_config()
    program.parse_core(["edgekit", *shlex.split(line)])
    program.parse_collection()
    program.parse_tasks()
    return list(program.tasks)


@pytest.fixture
def says(tmp_path, monkeypatch, capsys):
    """What `edgekit ARGUMENTS` prints in an empty folder, which stays empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments):
        CommandLine(name="edgekit", namespace=namespace).run(["edgekit", *arguments], exit=False)
        said = capsys.readouterr()
        assert not said.err and not list(tmp_path.iterdir()), said
        return said.out

    return run


@EACH
def test_a_command_has_two_examples_and_the_parser_takes_them(task):
    assert len(task.examples) == 2 and all(task.examples.values())
    for line in task.examples:
        assert [found.name for found in parsed(line)] == [task.name]


@EACH
def test_the_usage_line_names_what_is_there_and_all_that_has_to_be_given(task):
    arguments = task.get_arguments()
    words = task.usage.removesuffix(" [options]").split()
    optional = {f"[{spelled(a, task.usage)}]" for a in arguments if a.positional and a.default is not None}
    assert {"[options]", "save", *optional, *(spelled(a, task.usage) for a in arguments)} >= {*words}
    required = {spelled(a, task.usage) for a in arguments if a.positional and a.default is None} - {"ACTION"}
    assert required <= {*words}


@EACH
def test_the_help_shows_each_argument_in_the_order_of_the_function(says, task):
    printed = says(task.name, "--help").partition("Examples:")[0]
    shown = re.findall(r"^  (?:-\w, |    )?(--[\w-]+(?:=\S+)?|[A-Z]+)(?: |$)", printed, re.MULTILINE)
    arguments = {a.names[0]: a for a in task.get_arguments()}
    parameters = [name.replace("_", "-") for name in inspect.signature(task.body).parameters][1:]
    first = [name for name in parameters if arguments[name].positional]
    expected = [*first, *(name for name in parameters if name not in first), "help"]
    assert shown == [spelled(arguments[name], task.usage) for name in expected]


@EACH
def test_each_argument_says_what_it_is_and_what_it_takes(task):
    for argument in task.get_arguments():
        assert argument.help, argument.names
        assert bool(VALUE.match(argument.help)) == argument.takes_value, argument.names


@EACH
def test_what_a_command_does_fits_in_a_line(task):
    first = inspect.getdoc(task).splitlines()[0]
    assert len(first) <= LONGEST and first.endswith(".") and task.group in GROUPS


@EACH
@pytest.mark.parametrize("given", [["--help"], ["-h"], ["--json", "-h"], ["--help", "--json"]])
def test_help_is_the_same_wherever_it_is_asked_for(says, task, given):
    printed = says(task.name, *given)
    assert printed == says("--help", task.name)
    assert printed.startswith(f"Usage: edgekit {task.name} {task.usage}\n")
    assert all(f"  edgekit {line}\n      {said[:20]}" in printed for line, said in task.examples.items())
    assert max(map(len, printed.splitlines())) <= 80
    assert not [word for word in INVOKES_OWN if word in printed]


def test_help_behind_other_commands_and_values_executes_nothing(says):
    assert says("build", "--target=phone", "clean", "--cache", "--help") == says("clean", "--help")
    assert says("bench", "model.tflite", "--help") == says("bench", "--help")


def test_a_folder_may_stand_behind_init_or_not(says):
    for words in ([], ["shop"], ["--folder=shop"]):
        assert says("init", *words, "--help") == says("init", "--help")


def test_help_of_invoke_that_nobody_reads_is_one_line(tmp_path):
    (tmp_path / "tasks.py").write_text("from edgekit.tasks import namespace\n")
    line = f"set -o pipefail; {sys.executable} -m invoke build --help | (exec <&-; sleep 1)"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr == "edgekit: standard output was closed before all was printed\n"


def test_short_forms_are_the_same_everywhere():
    for task in TASKS:
        for argument in task.get_arguments():
            assert argument.nicknames in ((), (SHORT.get(argument.names[0], "h"),))
    assert parsed("build -t phone -m a.keras -o out -j")[0].args.out.value == "out"


def test_all_commands_are_listed_once_by_group(says):
    printed = says()
    assert printed.startswith("No project here yet: type edgekit init ")
    assert printed == says("--help") and max(map(len, printed.splitlines())) <= 80
    assert not [word for word in INVOKES_OWN if word in printed]
    groups = dict(re.findall(r"^(\w[\w ]*):\n((?:  .*\n)+)", printed, re.MULTILINE))
    assert [*groups] == [*GROUPS.values()]
    for group, title in GROUPS.items():
        rows = [line.split(maxsplit=1) for line in groups[title].splitlines()]
        expected = [[t.name, inspect.getdoc(t).splitlines()[0]] for t in TASKS if t.group == group]
        assert rows == expected
    assert 4 <= len(groups["Daily work"].splitlines()) <= 5


def test_the_list_needs_no_heavy_library():
    code = (
        "import sys; sys.argv = ['edgekit']\nfrom edgekit.__main__ import main\ntry: main()\nexcept SystemExit: pass\n"
    )
    heavy = "{'numpy', 'tensorflow', 'keras', 'rich', 'matplotlib', 'PIL', 'jinja2', 'psutil'}"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}print({heavy} & {{*sys.modules}})"],
        capture_output=True,
        text=True,
        env=os.environ,
    )
    assert done.stdout.splitlines()[-1] == "set()", done.stderr
