"""The commands with all their arguments and examples, from the tasks themselves."""

from edgekit.tasks import namespace
from edgekit.tasks.help import described, explained
from edgekit.tasks.task import GROUPS, HelpfulTask, spelled

HIDDEN = ("help", "json")


def commands() -> str:
    """A section for each command, by group."""
    tasks = [task for task in namespace.tasks.values() if isinstance(task, HelpfulTask)]
    return "\n" + "\n\n".join(_section(task) for group in GROUPS for task in tasks if task.group == group) + "\n"


def _section(task: HelpfulTask) -> str:
    examples = [f"edgekit {line}  # {said}" for line, said in task.examples.items()]
    parts = [f"## `{task.name}`", *described(task), "\n".join(["```sh", *examples, "```"])]
    rows = [
        f"| `{spelled(argument, task.usage)}` | {explained(argument)} |"
        for argument in task.get_arguments()
        if argument.name not in HIDDEN
    ]
    if rows:
        parts.append("\n".join([f"| `edgekit {task.name} {task.usage}` | |", "|---|---|", *rows]))
    return "\n\n".join(parts)
