"""What a model as a C array costs to compile, form by form: `python benchmarks/carray_compile.py [MiB]`.

Prints a markdown table of seconds and peak memory (of the compiler's largest process) for gcc and g++. All forms hold
the same random bytes, and are compiled one after the other in one run. `edgekit` emits the first form for small models
and the third for large ones: see `edgekit/emit/array_forms.py`.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from edgekit.emit.array_forms import byte_rows, word_rows

COMPILERS = {"gcc": ["gcc", "-std=c99", "-xc"], "g++": ["g++", "-std=c++11", "-xc++"]}
ARRAY = "#include <stdint.h>\nextern const {0} model[];\nconst {0} model[] = {{\n{1}\n}};\n"
LITERAL = "extern const unsigned char model[];\nconst unsigned char model[] =\n{0};\n"


def decimal_rows(data: bytes) -> Iterator[str]:
    for start in range(0, len(data), 16):
        yield ",".join(map(str, data[start : start + 16])) + ","


def literal_rows(data: bytes, escape: str) -> Iterator[str]:
    for start in range(0, len(data), 32):
        yield '"' + "".join(escape.format(byte) for byte in data[start : start + 32]) + '"'


FORMS: dict[str, Callable[[bytes], str]] = {
    "bytes, hexadecimal": lambda data: ARRAY.format("unsigned char", "\n".join(byte_rows(data))),
    "bytes, decimal": lambda data: ARRAY.format("unsigned char", "\n".join(decimal_rows(data))),
    "64-bit words": lambda data: ARRAY.format("uint64_t", "\n".join(word_rows(data))),
    "string literal, octal": lambda data: LITERAL.format("\n".join(literal_rows(data, "\\{:03o}"))),
    "string literal, hexadecimal": lambda data: LITERAL.format("\n".join(literal_rows(data, "\\x{:02x}"))),
}


def write_form(form: str, mebibytes: float, path: Path) -> None:
    path.write_text(FORMS[form](random.Random(0).randbytes(int(mebibytes * 2**20))))


def compile_one(command: list[str]) -> tuple[float, float, bool]:
    """Seconds, peak MB, and whether there was a warning."""
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(command, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{' '.join(command)}: failed")
        return seconds, usage.ru_maxrss / 1000, errors.tell() > 0 or os.fstat(errors.fileno()).st_size > 0


def main() -> None:
    mebibytes = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    print(f"| {mebibytes:g} MiB as | source MB | gcc s | gcc MB | g++ s | g++ MB | -Wpedantic |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for form in FORMS:
            source = Path(folder) / "model.c"
            # In a process of its own: a child's peak memory starts with what its parent holds.
            subprocess.run([sys.executable, __file__, "--write", form, str(mebibytes), str(source)], check=True)
            cells = [form, f"{source.stat().st_size / 1e6:.0f}"]
            warned = []
            for name, compiler in COMPILERS.items():
                options = ["-O2", "-Wall", "-Wextra", "-Wpedantic", "-c", str(source), "-o", f"{folder}/model.o"]
                seconds, peak, warning = compile_one([*compiler, *options])
                cells += [f"{seconds:.2f}", f"{peak:.0f}"]
                warned += [name] * warning
            print(f"| {' | '.join(cells)} | {'warns: ' + ', '.join(warned) if warned else 'silent'} |", flush=True)


if __name__ == "__main__":
    if "--write" in sys.argv:
        write_form(sys.argv[2], float(sys.argv[3]), Path(sys.argv[4]))
    else:
        main()
