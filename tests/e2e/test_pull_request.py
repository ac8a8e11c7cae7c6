"""The job of docs/how-to/ci.md, carried out as it stands there: two commits, both built, the comment that is made."""

import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pytest
import yaml
from command_line import ENVIRONMENT, ROOT, edgekit

PROJECT = '[tool.edgekit.models.{name}]\nmodel = "model.keras"\ndata = "data.npz"\n'
TARGET = """description = "a watch"
[recipe]
{recipe}
[runtimes]
ship = "litert"
[budget]
model_size = "{limit}"
"""


def jobs():
    page = (ROOT / "docs/how-to/ci.md").read_text()
    return [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]


def git(folder, *arguments):
    names = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *names, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def shell(script, folder, **environment):
    """Runs a step as the services do: bash, which ends at the first error."""
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    env = ENVIRONMENT | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"} | environment
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=600)


@pytest.fixture(scope="module")
def repository(once, models):
    """A clone in which a pull request is merged into main: a larger file, a lower limit. Not to be changed."""

    def fill(folder):
        origin, clone = folder / "origin", folder / "clone"
        origin.mkdir()
        git(origin, "init", "--quiet", "--initial-branch=main")
        shutil.copy(models / "sequential_keras3.keras", origin / "model.keras")
        np.savez(origin / "data.npz", x=np.random.default_rng(0).normal(size=(2000, 10, 10, 1)).astype(np.float32))
        (origin / "pyproject.toml").write_text(PROJECT.format(name="gesture"))
        (origin / ".gitignore").write_text(".edgekit/\nbuild/\n")
        (origin / "targets").mkdir()
        profile = origin / "targets/watch.toml"
        profile.write_text(TARGET.format(recipe="", limit="4 KiB"))
        git(origin, "add", ".")
        git(origin, "commit", "--quiet", "-m", "base")
        git(origin, "switch", "--quiet", "-c", "wider")
        profile.write_text(TARGET.format(recipe="shrink = false", limit="3 KiB"))
        git(origin, "commit", "--quiet", "-a", "-m", "wider")
        git(origin, "switch", "--quiet", "main")
        git(origin, "merge", "--quiet", "--no-ff", "-m", "merge", "wider")
        git(folder, "clone", "--quiet", "--depth=2", f"file://{origin}", str(clone))
        assert edgekit(clone, "build", "--target=watch").returncode == 1

    return once("repository", fill)


@pytest.fixture
def clone(repository, tmp_path):
    """The clone, to be changed, in which the pull request is built."""
    shutil.copytree(repository, tmp_path / "work")
    git(tmp_path / "work/clone", "remote", "set-url", "origin", f"file://{tmp_path}/work/origin")
    return tmp_path / "work/clone"


def assert_comment(text):
    lines = text.splitlines()
    assert lines[0] == "<!-- edgekit -->"
    assert "1 build is over budget by this change" in lines[2]
    assert "<code>gesture</code> for <code>watch</code>: pass → ❌ **fail**" in text
    first = next(line for line in lines if line.startswith(("| worse", "| **worse**")))
    assert "<code>model_size</code>" in first and "pass → **fail**" in first
    assert re.search(r"\+\d[\d.]* (KiB|B), \+\d+ %", first) and "≤ 4.0 KiB → ≤ 3.0 KiB" in first
    assert "recipe.shrink" in text


def test_the_job_of_github_makes_the_comment(clone, tmp_path):
    (github,) = (job for job in jobs() if "jobs" in job)
    steps = {step.get("name"): step for step in github["jobs"]["build"]["steps"]}
    summary = tmp_path / "summary.md"
    done = shell(steps["What changed"]["run"], clone, GITHUB_STEP_SUMMARY=str(summary))
    assert done.returncode == 0, done.stdout + done.stderr
    assert_comment((clone / "comment.md").read_text())
    assert summary.read_text() == (clone / "comment.md").read_text()


def test_a_commit_without_edgekit_before_makes_every_build_new(clone, tmp_path):
    (github,) = (job for job in jobs() if "jobs" in job)
    steps = {step.get("name"): step for step in github["jobs"]["build"]["steps"]}
    git(clone, "rm", "--quiet", "--cached", "pyproject.toml", "targets/watch.toml")
    git(clone, "commit", "--quiet", "-m", "nothing")
    git(clone, "add", "pyproject.toml", "targets")
    git(clone, "commit", "--quiet", "-m", "edgekit")
    done = shell(steps["What changed"]["run"], clone, GITHUB_STEP_SUMMARY=str(tmp_path / "summary.md"))
    assert done.returncode == 0, done.stdout + done.stderr
    text = (clone / "comment.md").read_text()
    assert "This build is new." in text and "<code>model_size</code>" in text and "≤ 3.0 KiB" in text


@pytest.fixture
def notes():
    """A service that keeps notes as GitLab does: a list of them, by their numbers."""
    kept = {3: "a remark"}

    class Notes(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.answer([{"id": number, "body": body} for number, body in sorted(kept.items())])

        def do_POST(self):
            kept[max(kept) + 1] = self.body()
            self.answer({})

        def do_PUT(self):
            kept[int(self.path.rpartition("/")[2])] = self.body()
            self.answer({})

        def body(self):
            assert self.headers["PRIVATE-TOKEN"] == "secret"
            return parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())["body"][0]

        def answer(self, value):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(value).encode())

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Notes)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield kept, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not here")
def test_the_job_of_gitlab_makes_one_note_and_brings_it_up_to_date(clone, notes):
    kept, address = notes
    (gitlab,) = (job["models"] for job in jobs() if "models" in job)
    script = "\n".join(line for line in gitlab["script"] if not line.startswith("python -m pip"))
    variables = {
        "CI_MERGE_REQUEST_IID": "7",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": git(clone, "rev-parse", "HEAD^1"),
        "CI_PROJECT_ID": "1",
        "CI_API_V4_URL": address,
        "EDGEKIT_TOKEN": "secret",
    }
    for _ in range(2):
        done = shell(script, clone, **variables)
        assert done.returncode == 1, done.stdout + done.stderr  # the budget is broken, which the job says too
        assert len(kept) == 2 and kept[3] == "a remark"
        assert_comment(kept[4])
        kept[4] = "<!-- edgekit --> of the push before"
