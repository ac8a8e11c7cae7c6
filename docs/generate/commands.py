"""The commands with all their arguments and examples, from the tasks themselves."""

from edgekit.tasks import namespace
from edgekit.tasks.help import described, explained
from edgekit.tasks.task import GROUPS, HelpfulTask, spelled

HIDDEN = ("help", "json")


def commands() -> str:
    """A section for each command, in the groups of the command line."""
    tasks = [task for task in namespace.tasks.values() if isinstance(task, HelpfulTask)]
    parts = []
    for group, title in GROUPS.items():
        parts += [f"## {title}", *(_section(task) for task in tasks if task.group == group)]
    return "\n" + "\n\n".join(parts) + "\n"


def _section(task: HelpfulTask) -> str:
    examples = [f"# {said}\nedgekit {line}" for line, said in task.examples.items()]
    parts = [f"### {task.name}", *described(task), f"```\nedgekit {task.name} {task.usage}\n```"]
    rows = [
        f"| `{spelled(argument, task.usage)}` | {explained(argument)} |".replace("|PATH", "\\|PATH")
        for argument in task.get_arguments()
        if argument.name not in HIDDEN
    ]
    if rows:
        parts.append("\n".join(["| argument | |", "|---|---|", *rows]))
    return "\n\n".join([*parts, "\n".join(["```sh", *examples, "```"])])
