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
    """Build a target and write what that prints into the README."""
    c.run("python docs/figures.py")


@task
def reference(c: Context) -> None:
    """Write the parts of the pages that are made from the code anew: commands, settings, report.json, layers."""
    c.run("python docs/generate")


@task
def docs(c: Context) -> None:
    """Build the documentation as a site in site/; a broken link or anchor is an error."""
    c.run("python -m zensical build --strict --clean")


chores: list[Any] = [lint, schema, reference, benchmarks, figures, docs]
for chore in chores:
    namespace.add_task(chore)
