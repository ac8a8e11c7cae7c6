"""The commands with all their options, from the tasks themselves."""

from edgekit.tasks import namespace

HIDDEN = ("help", "json")


def commands() -> str:
    """A section for each command."""
    return "\n" + "\n\n".join(_section(name) for name in sorted(namespace.task_names)) + "\n"


def _section(name: str) -> str:
    task = namespace[name]
    said = "\n".join(line.strip() for line in (task.__doc__ or "").strip().splitlines())
    arguments = [a for a in task.get_arguments() if a.name not in HIDDEN]
    positional = " ".join(a.name.upper() for a in arguments if a.positional)
    lines = [f"## `{name}`", said, f"```\nedgekit {name} {positional} [OPTIONS]".replace("  ", " ") + "\n```"]
    if arguments:
        rows = [f"| {_written(a)} | {_default(a)} | {(a.help or '').replace('|', chr(92) + '|')} |" for a in arguments]
        lines.append("| option | default | |\n|---|---|---|\n" + "\n".join(rows))
    return "\n\n".join(lines)


def _written(argument) -> str:  # type: ignore[no-untyped-def]
    name = argument.name.replace("_", "-")
    if argument.positional:
        return f"`{name.upper()}`"
    return f"`--{name}`" if argument.kind is bool else f"`--{name}=…`"


def _default(argument) -> str:  # type: ignore[no-untyped-def]
    value = argument.default
    return f"`{value}`" if isinstance(value, (str, int)) and value not in ("", False) else ""
