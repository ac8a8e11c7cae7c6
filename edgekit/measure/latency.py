"""How long a model takes in one fresh process, and how much memory it needs there."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

from edgekit import runtimes
from edgekit.measure.fresh import in_fresh_process
from edgekit.measure.intervals import SHARES, quantile_rank
from edgekit.runtimes.session import Session
from edgekit.types import Run, Timing

if TYPE_CHECKING:
    import numpy as np

ENOUGH = 10
"""Runs without which even a slow model's time limit does not end the measurement."""


def timed(model: str, runtime: str, threads: int, settings: Timing) -> Run:
    """Loads a model in a process that has loaded nothing but the runtime, and times single runs on random inputs.

    Raises:
      TargetError, SetupError, ModelError: see `edgekit.runtimes.open_session`.
      CrashError: the model ended its process.
    """

    runtimes.load_runtime(runtime)
    return in_fresh_process(_timed, model, runtime, threads, settings, returns=Run)


def resident_memory(model: str, runtime: str, threads: int) -> int:
    """By how much the process's resident memory (RSS) grows from before the load to after three runs, in B: model,
    tensors and what the runtime keeps. Call it in a process that has loaded no model before; copies will not do, for
    they also grow by pages that they share with their origin.

    Raises:
      SetupError, ModelError: see `edgekit.runtimes.open_session`.
    """
    import psutil

    from edgekit.runtimes.values import random_inputs

    runtimes.load_runtime(runtime)
    process = psutil.Process()
    before = process.memory_info().rss
    session = runtimes.open_session(runtime, model, threads)
    inputs = random_inputs(session.inputs, seed=0)
    for _ in range(3):
        _time_run(session, inputs)
    return max(0, process.memory_info().rss - before)


def _timed(model: str, runtime: str, threads: int, settings: Timing) -> Run:
    from edgekit.runtimes.values import random_inputs

    start = time.perf_counter_ns()
    session = runtimes.open_session(runtime, model, threads)
    load_time = time.perf_counter_ns() - start
    inputs = random_inputs(session.inputs, settings.seed)
    _warm_up(session, inputs, settings.warmup)
    samples = _time_runs(session, inputs, settings)
    half = len(samples) // 2
    ordered = sorted(samples)
    return Run(
        load_time=load_time,
        quantiles=[ordered[quantile_rank(len(ordered), share) - 1] for share in SHARES],
        count=len(samples),
        drift=median(samples[half:]) / median(samples[:half]) - 1,
    )


def _warm_up(session: Session, inputs: list[np.ndarray], seconds: float) -> None:
    """Runs the model until it gets no faster: the median of a batch is at least 98 % of that of the batch before.

    A batch is 5 runs or 10 ms, whichever is longer.
    """
    now = time.perf_counter()
    deadline = now + seconds
    before = float("inf")
    while now < deadline:
        batch: list[int] = []
        end = now + 0.01
        while (len(batch) < 5 or now < end) and (now < deadline or not batch):
            batch.append(_time_run(session, inputs))
            now = time.perf_counter()
        if median(batch) >= 0.98 * before:
            return
        before = median(batch)


def _time_runs(session: Session, inputs: list[np.ndarray], settings: Timing) -> list[int]:
    samples: list[int] = []
    start = time.perf_counter()
    while True:
        samples.append(_time_run(session, inputs, settings.slower))
        elapsed = time.perf_counter() - start
        if elapsed >= settings.seconds and len(samples) >= settings.runs:
            return samples
        if elapsed >= settings.limit and len(samples) >= ENOUGH:
            return samples


def _time_run(session: Session, inputs: list[np.ndarray], slower: float = 0.0) -> int:
    """One run, in ns; the inputs are set anew, for TFLM reuses their memory during a run."""
    session.reset()
    session.set_inputs(inputs)
    start = time.perf_counter_ns()
    session.invoke()
    end = time.perf_counter_ns()
    if slower:
        wait = end + slower * (end - start)
        while (end := time.perf_counter_ns()) < wait:
            pass
    return end - start
