"""Builds spread over processes: the same files as without, whoever dies, and only among workers that are alike."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from command_line import ENVIRONMENT, ROOT, edgekit
from slow_part import all_but

MODELS = ("left", "right", "third")
NO_ANSWER = {
    "tcp://127.0.0.1:1": (3, "no scheduler answers"),
    "here": (2, "missing port number"),
    "carrier-pigeon://roof:1": (2, "unknown address scheme"),
}


@pytest.fixture(scope="module")
def models(once):
    """A project of three small models that are pruned."""

    def fill(folder):
        program = (
            "import keras, numpy\n"
            "x = numpy.random.default_rng(1).random((400, 8)).astype('float32')\n"
            "y = (x[:, 0] > x[:, 1]).astype('int64')\n"
            "numpy.savez('data.npz', x_train=x[:300], y_train=y[:300], x_test=x[300:], y_test=y[300:])\n"
            "for number, name in enumerate(" + repr(MODELS) + "):\n"
            "    keras.utils.set_random_seed(number)\n"
            "    layers = [keras.Input((8,)), keras.layers.Dense(16, 'relu'), keras.layers.Dense(2, 'softmax')]\n"
            "    keras.Sequential(layers).save(f'{name}.keras')\n"
        )
        subprocess.run([sys.executable, "-c", program], cwd=folder, check=True, capture_output=True)
        tables = [f'[tool.edgekit.models.{name}]\nmodel = "{name}.keras"\ndata = "data.npz"\n' for name in MODELS]
        (folder / "pyproject.toml").write_text("".join(tables))
        (folder / "targets").mkdir()
        (folder / "targets/small.toml").write_text(
            'description = "small"\n[recipe.prune]\nsparsity = 0.5\nepochs = 3\n[recipe.quantize]\n'
            '[runtimes]\nship = "litert"\n'
        )

    return once("models of a cluster", fill)


@pytest.fixture
def project(models, tmp_path):
    return Path(shutil.copytree(models, tmp_path / "project"))


def shipped(project):
    return {name: (project / f"build/small/{name}/model.tflite").read_bytes() for name in MODELS}


@pytest.fixture(scope="module")
def alone(models, tmp_path_factory):
    """What is shipped where one process makes all."""
    project = Path(shutil.copytree(models, tmp_path_factory.mktemp("alone") / "project"))
    done = edgekit(project, "build", "--target=small")
    assert done.returncode == 0, done.stderr
    return shipped(project)


@pytest.fixture
def dask(tmp_path):
    """`dask(workers)`: a scheduler and workers as a person starts them, somewhere else; gives its address and them."""
    started = []

    def start(*command, **environment):
        with open(tmp_path / f"log{len(started)}", "w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=tmp_path,
                env=ENVIRONMENT | environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        started.append(process)
        return process

    def cluster(workers, **environment):
        file = tmp_path / "scheduler.json"
        start("distributed.cli.dask_scheduler", "--port=0", "--no-dashboard", f"--scheduler-file={file}")
        made = [
            start(
                "distributed.cli.dask_worker",
                f"--scheduler-file={file}",
                "--nthreads=1",
                "--no-dashboard",
                "--no-nanny",
                **environment,
            )
            for _ in range(workers)
        ]
        while True:  # until all are there
            log = (tmp_path / "log0").read_text()
            if file.exists() and log.count("Register worker") >= workers:
                return msgspec.json.decode(file.read_bytes())["address"], made
            assert all(process.poll() is None for process in started), log
            time.sleep(0.2)

    yield cluster
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.mark.slow
def test_processes_of_this_machine_make_the_same_files(project, alone):
    done = edgekit(project, "build", "--target=small", "--workers=2")
    assert done.returncode == 0, done.stderr
    assert shipped(project) == alone
    assert done.stderr == ""


@pytest.mark.slow
def test_a_worker_that_is_killed_loses_nothing(project, alone, dask):
    address, workers = dask(2)
    command = [sys.executable, "-m", "edgekit", "build", "--target=small", f"--cluster={address}"]
    with subprocess.Popen(
        command, cwd=project, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as build:
        while not list((project / ".edgekit/results").rglob("*.json")):  # somebody is at work
            assert build.poll() is None, build.stderr.read()
            time.sleep(0.05)
        os.killpg(workers[0].pid, signal.SIGKILL)
        out, said = build.communicate(timeout=300)
    assert build.returncode == 0, out + said
    assert shipped(project) == alone


def test_a_worker_with_another_edgekit_is_refused_by_name(project, dask, tmp_path):
    shutil.copytree(ROOT / "edgekit", tmp_path / "other/edgekit", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "other/edgekit/units.py").open("a") as file:
        file.write("OTHER = 1\n")
    address, _ = dask(1, PYTHONPATH=str(tmp_path / "other"))
    done = edgekit(project, "build", "--target=small", f"--cluster={address}")
    assert done.returncode == 3 and not (project / "build").exists()
    assert done.stderr.count("\n") == 1 and "worker tcp://" in done.stderr and "has edgekit " in done.stderr


@pytest.mark.parametrize("address", all_but(("tcp://127.0.0.1:1",), NO_ANSWER))
def test_a_cluster_that_does_not_answer(project, address):
    status, said = NO_ANSWER[address]
    done = edgekit(project, "build", "--target=small", f"--cluster={address}")
    assert (done.returncode, done.stderr.count("\n")) == (status, 1)
    assert said in done.stderr and f"--cluster={address}" in done.stderr


@pytest.mark.slow
def test_a_cluster_without_workers(project, dask):
    address, _ = dask(0)
    done = edgekit(project, "build", "--target=small", f"--cluster={address}")
    assert done.returncode == 3 and "has no worker" in done.stderr
