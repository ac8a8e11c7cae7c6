"""Confinement of a process that reads a stranger's file: it reads what its user may, and reaches nothing else.

Three means of Linux, none of which needs a privilege; each takes only away, for the process and all that it starts:

- **Landlock**: files are written, made and removed in named folders only; no TCP, no signals to other processes.
- **seccomp**: no new socket of any kind; no reaching into other processes; what changes owner, mode or time of a file
  does nothing.
- **capabilities**: what root has beyond any user goes, but for reading and writing its own and others' files, which
  Landlock rules.

Source: the kernel's Documentation/userspace-api/landlock.rst, seccomp_filter.rst, and capabilities(7).
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import resource
import struct
from collections.abc import Sequence
from pathlib import Path

NOTHING = "what a model file makes a library do is not held back"
"""Said where the kernel offers no confinement."""

_CREATE, _ADD, _RESTRICT, _SECCOMP = 444, 445, 446, {"x86_64": 317, "aarch64": 277}
_WRITES = (1, 1), (4, 1), (5, 1), (6, 1), (7, 1), (8, 1), (9, 1), (10, 1), (11, 1), (12, 1), (13, 2), (14, 3), (15, 5)
"""Bits of access to files, each with the version of Landlock that brought it: write, remove, make, refer, truncate, and
control of devices. To read and to execute is not among them."""
_OF_FILES = 1 << 1 | 1 << 14
"""Those that a rule about a single file may grant."""
_TCP, _SCOPES = (0b11, 4), (0b11, 6)
"""To bind and to connect; abstract sockets and signals."""

_REFUSED = {
    # socket, ptrace, process_vm_writev, pidfd_getfd, unshare, setns, add_key, request_key, keyctl, bpf, io_uring_setup
    "x86_64": (41, 101, 311, 438, 272, 308, 248, 249, 250, 321, 425),
    "aarch64": (198, 117, 271, 438, 97, 268, 217, 218, 219, 280, 425),
}
_WITHOUT_EFFECT = {
    # chmod, fchmod, fchmodat, fchmodat2, chown, fchown, lchown, fchownat, utime, utimes, futimesat, utimensat,
    # setxattr and removexattr in their forms, setxattrat, removexattrat, file_setattr
    "x86_64": (
        *(90, 91, 268, 452, 92, 93, 94, 260, 132, 235, 261, 280),
        *(188, 189, 190, 197, 198, 199, 463, 466, 469),
    ),
    "aarch64": (52, 53, 452, 54, 55, 88, 5, 6, 7, 14, 15, 16, 463, 466, 469),
}
_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_PERMISSION = 1
_FILES_OF_OTHERS = 1 << 1 | 1 << 2
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH."""


def holds() -> tuple[str, ...]:
    """What confines workers on this machine, such as "Landlock 6" and "seccomp"; empty where nothing does."""
    version = _landlock()
    return tuple(filter(None, (f"Landlock {version}" if version else "", "seccomp" if _seccomp() else "")))


def confine(folders: Sequence[str], memory: int | None = None) -> None:
    """Takes from this process, which has one thread, all that it does not need.

    Args:
      folders: where it may write; `/dev/null` it always may.
      memory: bytes of data that it may have; what the machine has by default.

    Raises:
      OSError: the kernel offers a means and then refuses it.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    limit = min(memory or total_memory(), total_memory())
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (limit if hard < 0 else min(limit, hard),) * 2)
    if not holds():
        return
    libc = ctypes.CDLL(None, use_errno=True)
    _done(libc.prctl(38, 1, 0, 0, 0), "no_new_privs")
    if version := _landlock():
        _restrict_files(libc, version, folders)
    _drop_capabilities(libc)
    if _seccomp():
        _filter_calls(libc)


def total_memory() -> int:
    """Bytes of memory that this machine, or the control group that this process is in, has."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        (group,) = (line.removeprefix("0::") for line in lines if line.startswith("0::"))
        said = Path(f"/sys/fs/cgroup{group}/memory.max").read_text().strip()
    except (OSError, ValueError):
        return total
    return min(total, int(said)) if said.isdigit() else total


@functools.cache
def _landlock() -> int:
    """Version of Landlock, 0 where there is none."""
    return max(0, ctypes.CDLL(None).syscall(_CREATE, None, ctypes.c_size_t(0), 1))


@functools.cache
def _seccomp() -> bool:
    """Whether the kernel filters system calls, and we know their numbers."""
    action = struct.pack("I", _ERROR)
    number = _SECCOMP.get(platform.machine())
    return number is not None and ctypes.CDLL(None).syscall(number, 2, 0, action) == 0


def _restrict_files(libc: ctypes.CDLL, version: int, folders: Sequence[str]) -> None:
    writes = sum(1 << bit for bit, since in _WRITES if version >= since)
    rules = struct.pack("QQQ", writes, *(bits if version >= since else 0 for bits, since in (_TCP, _SCOPES)))
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = libc.syscall(_CREATE, rules, ctypes.c_size_t(size), 0)
    _done(ruleset, "Landlock")
    for place, granted in [(folder, writes) for folder in folders] + [("/dev/null", writes & _OF_FILES)]:
        opened = os.open(place, os.O_PATH | os.O_CLOEXEC)
        _done(libc.syscall(_ADD, ruleset, 1, struct.pack("=Qi", granted, opened), 0), f"Landlock: {place}")
        os.close(opened)
    _done(libc.syscall(_RESTRICT, ruleset, 0), "Landlock")
    os.close(ruleset)


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    """Leaves root what it needs to read files; others have none."""
    header, data = struct.pack("Ii", 0x20080522, 0), ctypes.create_string_buffer(24)
    _done(libc.capget(header, data), "capabilities")
    effective, permitted, _, *rest = struct.unpack("6I", data.raw)
    kept = effective & _FILES_OF_OTHERS, permitted & _FILES_OF_OTHERS, 0
    if any((effective, permitted, *rest)):
        _done(libc.capset(header, struct.pack("6I", *kept, 0, 0, 0)), "capabilities")


def _filter_calls(libc: ctypes.CDLL) -> None:
    machine = platform.machine()

    def load(offset: int) -> bytes:
        return struct.pack("HBBI", 0x20, 0, 0, offset)

    def answer(action: int) -> bytes:
        return struct.pack("HBBI", 0x06, 0, 0, action)

    def if_equal(value: int, action: int) -> bytes:
        return struct.pack("HBBI", 0x15, 0, 1, value) + answer(action)

    refused = answer(_ERROR | _PERMISSION)
    program = load(4) + struct.pack("HBBI", 0x15, 1, 0, _ARCHITECTURE[machine]) + refused + load(0)
    program += struct.pack("HBBI", 0x35, 0, 1, 0x40000000) + refused  # another set of numbers for the same calls
    program += b"".join(if_equal(number, _ERROR | _PERMISSION) for number in _REFUSED[machine])
    program += b"".join(if_equal(number, _ERROR) for number in _WITHOUT_EFFECT[machine]) + answer(_ALLOW)
    kept = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(kept))
    # Flag 4 keeps the processor's speculation as it is, without which old kernels slow down what is timed.
    _done(libc.syscall(_SECCOMP[machine], 1, 4, described), "seccomp")


def _done(status: int, what: str) -> None:
    if status < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")
