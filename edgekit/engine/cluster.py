"""Work on many processes and machines: a Dask cluster, of this machine or one that is there.

Dask carries functions of edgekit to its workers; results of stages travel by the store, which all of them reach. A
worker that dies loses nothing: what it had finished is in the store, and the rest is done again elsewhere.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

from edgekit.engine.libraries import library
from edgekit.errors import ProjectError, SetupError
from edgekit.files import sha256

if TYPE_CHECKING:
    from distributed import Client

T = TypeVar("T")
R = TypeVar("R")
ALIKE = ("tensorflow", "keras", "tf-keras", "numpy", "ai-edge-litert", "ai-edge-quantizer", "msgspec", "distributed")
"""Packages whose version decides results, or what a worker understands."""
TRIES = 3
"""Workers that may die of one piece of work before it is given up."""
PATIENCE = 10
"""Seconds in which a cluster has to answer."""


def opened(workers: int, address: str, files: Sequence[str]) -> AbstractContextManager[Client]:
    """The cluster at an address, or where there is none one of this machine; see `connected` and `local`.

    Raises:
      ProjectError: a number of workers that cannot be.
    """
    if workers < 0:
        raise ProjectError(f"--workers={workers}: has to be at least 1")
    return connected(address, files) if address else local(workers)


@contextlib.contextmanager
def local(workers: int) -> Iterator[Client]:
    """A cluster of processes of this machine.

    Args:
      workers: how many; each carries out one thing at a time.

    Raises:
      SetupError: Dask is not installed.
    """
    distributed = _distributed()
    with (
        distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            memory_limit=0,  # the processes that train are not Dask's own
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@contextlib.contextmanager
def connected(address: str, files: Sequence[str] = ()) -> Iterator[Client]:
    """A cluster that is there.

    Args:
      address: of its scheduler, `tcp://host:8786`.
      files: that every worker has to have, at the same place; what is no path is passed over.

    Raises:
      ProjectError: it is no address.
      SetupError: Dask is not installed, nothing answers, there is no worker, or one has other versions or files.
    """
    distributed = _distributed()
    try:
        client = distributed.Client(address, timeout=PATIENCE)
    except ValueError as problem:
        raise ProjectError(f"--cluster={address}: {problem}; write --cluster=tcp://HOST:8786") from None
    except OSError as problem:
        raise SetupError(
            f"--cluster={address}: no scheduler answers ({str(problem).splitlines()[0]}); start one with "
            "`dask scheduler`, and workers with `dask worker ADDRESS`"
        ) from None
    with client:
        check_alike(client, address)
        check_files(client, address, files)
        yield client


def check_alike(client: Client, address: str) -> None:
    """Refuses workers that would make other results.

    Raises:
      SetupError: names the worker and the package.
    """
    versions = client.run(versions_here)
    if not versions:
        raise SetupError(f"--cluster={address}: the scheduler has no worker; start some with `dask worker {address}`")
    ours = versions_here()
    for worker, theirs in versions.items():
        for package, version in ours.items():
            if (found := theirs.get(package)) != version:
                raise SetupError(
                    f"--cluster={address}: worker {worker} has {package} {found or '(none)'}, and here "
                    f"it is {version}; install the same version there"
                )


def check_files(client: Client, address: str, files: Sequence[str]) -> None:
    """Refuses workers that have another file, or none.

    Raises:
      SetupError: names the worker and the file.
    """
    ours = hashes(files)
    for worker, theirs in client.run(hashes, files).items():
        for path, digest in ours.items():
            if theirs[path] != digest:
                raise SetupError(
                    f"--cluster={address}: worker {worker}: {path} is {'another file' if theirs[path] else 'missing'} "
                    "there; give every worker the same project, at the same place"
                )


def hashes(files: Sequence[str]) -> dict[str, str]:
    """SHA-256 of files and folders by path; "" where there is none."""
    paths = [Path(file) for file in files if Path(file).is_absolute()]
    return {str(path): sha256(path) if path.exists() else "" for path in paths}


@functools.cache
def versions_here() -> dict[str, str]:
    """Version of each package that has to be the same everywhere; of edgekit a hash of its code."""
    package = Path(__file__).parents[1]
    sources = [f"{path.relative_to(package)} {sha256(path)}" for path in sorted(package.rglob("*.py"))]
    code = hashlib.sha256("\n".join(sources).encode()).hexdigest()[:12]
    return {"edgekit": code, "Python": platform.python_version()} | {name: library(name) for name in ALIKE}


def each(client: Client, function: Callable[[T], R], work: Sequence[T]) -> Iterator[tuple[T, R | BaseException]]:
    """Carries a function to the workers, once for each piece of work, and gives what came of it as it is done.

    Args:
      function: of edgekit, at the top of a module; its argument and result are types of `msgspec`.
    """
    from distributed import as_completed

    futures = {client.submit(function, item, pure=False): item for item in work}
    try:
        for future in as_completed(futures):
            yield futures[future], future.exception() or future.result()
    finally:
        client.cancel(list(futures))


def _distributed() -> ModuleType:
    try:
        import dask
        import distributed
    except ImportError:
        raise SetupError("--workers and --cluster need Dask; pip install distributed") from None
    dask.config.set({"distributed.scheduler.allowed-failures": TRIES, "distributed.admin.log-format": ""})
    return distributed
