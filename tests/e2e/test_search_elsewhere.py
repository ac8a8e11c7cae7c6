"""A search whose trials are made by workers with a shared store: the same winner, whoever dies, whatever is damaged."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from command_line import ENVIRONMENT, edgekit
from test_many_machines import dask  # noqa: F401 (a fixture)

pytestmark = pytest.mark.campaign
TRIALS = 12
S3 = Path(__file__).parents[1] / "engine/s3.py"


@pytest.fixture(scope="module")
def model(once):
    """A project of a small model with a budget to solve for."""

    def fill(folder):
        program = (
            "import keras, numpy\n"
            "x = numpy.random.default_rng(1).random((600, 8)).astype('float32')\n"
            "y = (x[:, 0] > x[:, 1]).astype('int64')\n"
            "numpy.savez('data.npz', x_train=x[:450], y_train=y[:450], x_test=x[450:], y_test=y[450:])\n"
            "keras.utils.set_random_seed(1)\n"
            "sizes = [keras.layers.Dense(n, 'relu') for n in (32, 16)]\n"
            "net = keras.Sequential([keras.Input((8,)), *sizes, keras.layers.Dense(2, 'softmax')])\n"
            "net.compile('adam', 'sparse_categorical_crossentropy')\n"
            "net.fit(x[:450], y[:450], epochs=30, verbose=0)\n"
            "net.save('net.keras')\n"
        )
        subprocess.run([sys.executable, "-c", program], cwd=folder, check=True, capture_output=True)
        (folder / "pyproject.toml").write_text('[tool.edgekit.models.net]\nmodel = "net.keras"\ndata = "data.npz"\n')
        (folder / "targets").mkdir()
        (folder / "targets/small.toml").write_text(
            'description = "small"\n[recipe.quantize]\n[runtimes]\nship = "litert"\n[budget]\nmodel_size = "2.6 KiB"\n'
            'accuracy_drop = "20 %"\n[solve]\nepochs = 4\ntechniques = ["channels", "prune"]\n'
        )

    return once("model of a search", fill)


def solved(project):
    """What became of each trial, and which one won, without the time that it took."""
    found = msgspec.json.decode((project / "build/solve/small/net/solve.json").read_bytes())
    return found["winner"], [{k: v for k, v in t.items() if k != "seconds"} for t in found["trials"]]


def test_one_killed_and_one_entry_damaged_give_the_same_winner(model, tmp_path, dask):  # noqa: F811
    undisturbed = Path(shutil.copytree(model, tmp_path / "undisturbed"))
    done = edgekit(undisturbed, "solve", "--target=small", f"--trials={TRIALS}", "--workers=4")
    assert done.returncode == 0, done.stderr

    with subprocess.Popen(
        [sys.executable, str(S3), "bucket"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as server:
        s3 = {
            "AWS_ENDPOINT_URL": server.stdout.readline().decode().strip(),
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "EDGEKIT_STORE": "s3://bucket/edgekit",
        }
        address, workers = dask(4, **s3)
        project = Path(shutil.copytree(model, tmp_path / "disturbed"))
        command = [sys.executable, "-m", "edgekit", "solve", "--target=small", f"--trials={TRIALS}"]
        with subprocess.Popen(
            [*command, f"--cluster={address}"], cwd=project, env=ENVIRONMENT | s3, stdout=subprocess.PIPE, text=True
        ) as search:
            for line in search.stdout:
                if "trial 1 " in line:
                    break
            os.killpg(workers[2].pid, signal.SIGKILL)
            search.communicate(timeout=600)
        assert search.returncode == 0
        assert solved(project) == solved(undisturbed)

        # Another machine, to which one entry comes damaged.
        damage(s3)
        elsewhere = Path(shutil.copytree(model, tmp_path / "elsewhere"))
        done = edgekit(elsewhere, "solve", "--target=small", f"--trials={TRIALS}", "--workers=4", **s3)
        assert done.returncode == 0, done.stderr
        assert solved(elsewhere) == solved(undisturbed)
        server.stdin.close()


def damage(s3):
    """Cuts the weights that most entries of the bucket go on from."""
    import s3fs

    bucket = s3fs.S3FileSystem(
        key=s3["AWS_ACCESS_KEY_ID"], secret=s3["AWS_SECRET_ACCESS_KEY"], endpoint_url=s3["AWS_ENDPOINT_URL"]
    )
    name = max(bucket.find("bucket/edgekit/files"), key=bucket.size)
    bucket.pipe_file(name, bucket.cat_file(name)[:-9])
