"""The commit of a project: what a report says of the tree that it was built from."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from edgekit.records.commit import commit_of
from edgekit.report.types import Commit

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder: Path, *words: str) -> None:
    dates = {"GIT_COMMITTER_DATE": "2026-02-03T04:05:06 +0100", "GIT_AUTHOR_DATE": "2026-02-03T04:05:06 +0100"}
    who = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, env=dict(os.environ) | dates)


@pytest.fixture
def project(tmp_path) -> Path:
    """A project in a folder of a repository, with a build that is tracked too."""
    root = tmp_path / "repository" / "project"
    (root / "build").mkdir(parents=True)
    (root / "model.keras").write_text("a")
    (root / "build" / "report.html").write_text("b")
    git(root.parent, "init", "-q")
    git(root.parent, "add", "-A")
    git(root.parent, "commit", "-q", "-m", "one")
    return root


def clean(found: Commit | None) -> bool:
    assert found is not None
    return found.clean


def test_the_date_is_the_commits_in_its_own_time(project):
    found = commit_of(project, project / "build")
    assert found is not None and found.clean
    assert len(found.sha) == 40 and found.date == "2026-02-03 04:05 +0100"


def test_what_is_changed_anywhere_but_in_the_builds_own_folder_counts(project):
    (project / "build" / "report.html").write_text("another")
    assert clean(commit_of(project, project / "build"))
    assert not clean(commit_of(project, project / "elsewhere"))
    git(project, "checkout", "build")
    (project.parent / "above").write_text("not tracked")
    assert clean(commit_of(project, project / "build"))
    (project / "model.keras").write_text("trained again")
    assert not clean(commit_of(project, project / "build"))


def test_a_folder_that_git_does_not_know_and_a_repository_without_commits_have_none(tmp_path):
    assert commit_of(tmp_path, tmp_path / "build") is None
    git(tmp_path, "init", "-q")
    assert commit_of(tmp_path, tmp_path / "build") is None


def test_a_program_that_the_repository_names_is_not_run(project, tmp_path):
    ran = tmp_path / "ran"
    program = tmp_path / "monitor"
    program.write_text(f"#!/bin/sh\ntouch {ran}\n")
    program.chmod(0o755)
    git(project, "config", "core.fsmonitor", str(program))
    assert clean(commit_of(project, project / "build")) and not ran.exists()


def test_variables_that_point_to_another_repository_do_not_count(project, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    assert clean(commit_of(project, project / "build"))
