"""Run in a worker: a copy of the process that dies."""

import os
import signal


def crash() -> int:
    from edgekit.measure.fresh import in_fresh_process

    return in_fresh_process(_die, returns=int)


def _die() -> int:
    os.kill(os.getpid(), signal.SIGSEGV)
    return 0
