"""How long a model takes, and how much memory, under one runtime on this machine."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

from edgekit import runtimes
from edgekit.measure.intervals import quantile_rank, rank_interval
from edgekit.runtimes import Session
from edgekit.types import Measurement, Timing

if TYPE_CHECKING:
    import numpy as np

PERCENTILES = (50, 90, 99)
ENOUGH = 10
"""Runs without which even a slow model's time limit does not end the measurement."""


def latency(model: str, runtime: str, threads: int, settings: Timing) -> list[Measurement]:
    """Times a `.tflite`. Call it in a fresh process (`worker.call`): memory that others have freed hides growth.

    Returns:
      `load_time`: from the file to a session that is ready, in ns, the runtime already imported.
      `latency_min`, `latency_p50`, `latency_p90`, `latency_p99`: of single runs on random inputs, in ns. The intervals
        are those of order statistics; they speak of this process, and other processes can differ by more.
      `resident_memory`: growth of the process's resident memory (RSS) from before the load to after the warm-up, in B;
        model, tensors and what the runtime keeps, but not the timings.
      `arena`, `arena_used`: where the runtime has one, in B: the smallest with which the model runs, and what the
        runtime has recorded of it.

    Raises:
      TargetError, SetupError, ModelError: see `edgekit.runtimes.open_session`.
    """
    import psutil

    from edgekit.runtimes.values import random_inputs

    process = psutil.Process()
    runtimes.load(runtime)
    before = process.memory_info().rss
    start = time.perf_counter_ns()
    session = runtimes.open_session(runtime, model, threads)
    load_time = time.perf_counter_ns() - start
    inputs = random_inputs(session.inputs, settings.seed)
    _warm_up(session, inputs, settings.warmup)
    grown = process.memory_info().rss - before
    label = f"{session.name} {session.version}"
    return [
        Measurement("load_time", load_time, "ns", runtime=label),
        *summary(_time_runs(session, inputs, settings), label),
        Measurement(
            "resident_memory",
            max(0, grown),
            "B",
            runtime=label,
            reason="growth of the process's resident memory (RSS) from before the load to after the warm-up",
        ),
        *_arena(session, label),
    ]


def summary(samples: list[int], runtime: str) -> list[Measurement]:
    """`latency_min` and percentiles of single runs in ns, at least one; each percentile is one of the samples."""
    ordered = sorted(samples)
    count = len(ordered)
    found = [Measurement("latency_min", ordered[0], "ns", runtime=runtime, samples=count)]
    for percentile in PERCENTILES:
        low, high = rank_interval(count, percentile / 100)
        found.append(
            Measurement(
                f"latency_p{percentile}",
                ordered[quantile_rank(count, percentile / 100) - 1],
                "ns",
                runtime=runtime,
                samples=count,
                low=None if low is None else ordered[low - 1],
                high=None if high is None else ordered[high - 1],
                reason="" if low and high else f"{count} runs are too few for both ends of the interval",
            )
        )
    return found


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
        samples.append(_time_run(session, inputs))
        elapsed = time.perf_counter() - start
        if elapsed >= settings.seconds and len(samples) >= settings.runs:
            return samples
        if elapsed >= settings.limit and len(samples) >= ENOUGH:
            return samples


def _time_run(session: Session, inputs: list[np.ndarray]) -> int:
    """One run, in ns; the inputs are set anew, for TFLM reuses their memory during a run."""
    session.reset()
    session.set_inputs(inputs)
    start = time.perf_counter_ns()
    session.invoke()
    return time.perf_counter_ns() - start


def _arena(session: Session, label: str) -> list[Measurement]:
    smallest, used = session.arena_bytes(), session.arena_used_bytes()
    if smallest is None or used is None:
        return []
    return [
        Measurement(
            "arena",
            smallest,
            "B",
            runtime=label,
            reason="the smallest arena with which the model runs on this machine; pointers are 8 bytes here",
        ),
        Measurement("arena_used", used, "B", runtime=label, reason="what the allocator has recorded"),
    ]
