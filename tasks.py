"""`invoke TASK` in this repository: edgekit's own tasks, and the chores of its developers."""

from typing import Any

from invoke import Context, task

from edgekit.tasks import namespace


@task
def lint(c: Context) -> None:
    """Run the linter, the formatter's check, and those of types and imports."""
    c.run("ruff check . && ruff format --check . && mypy && lint-imports")


@task
def schema(c: Context) -> None:
    """Write the JSON Schema of report.json anew from its type."""
    c.run("python -m edgekit.report.schema")


@task
def benchmarks(c: Context) -> None:
    """Run the side-by-side comparisons and write docs/measured/benchmarks.md."""
    c.run("python benchmarks/run.py")


@task
def figures(c: Context) -> None:
    """Build all targets and write what that prints into the README."""
    c.run("python docs/figures.py")


@task
def settings(c: Context) -> None:
    """Write docs/reference/recipe.md anew from the settings' types."""
    c.run("python docs/settings.py")


@task
def docs(c: Context) -> None:
    """Build the documentation as a site in site/; a broken link or anchor is an error."""
    c.run("zensical build --strict --clean")


chores: list[Any] = [lint, schema, settings, benchmarks, figures, docs]
for chore in chores:
    namespace.add_task(chore)
