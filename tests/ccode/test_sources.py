"""Kernels for several types have them as macros: what is written for one is what a C preprocessor makes of it."""

import re
import subprocess

import pytest

from edgekit.ccode.sources import FOLDER, INCLUDE, INT8, INT16, MACRO, source, sources

TYPED = sorted(path.stem for path in FOLDER.glob("*.c") if MACRO.search(path.read_text()))
TOKEN = re.compile(r'"[^"]*"|\w+|[^\w\s]')
PAIRS = [("int8", "int16"), ("int8", "uint8"), ("int32", "int8"), ("int16", "int32")]


def preprocessed(kernel: str, macros: dict[str, str], suffix: str) -> list[str]:
    """The tokens of a file as the C compiler sees them; other macros than those of types stay."""
    text = re.sub(r"#(?=define|if|else|endif|error|pragma)", "@", INCLUDE.sub("", (FOLDER / f"{kernel}.c").read_text()))
    flags = [f"-D{name}={value}" for name, value in macros.items()] + [
        f"-DTYPED(name)=name{'##' + suffix if suffix else ''}"
    ]
    done = subprocess.run(["gcc", "-E", "-P", "-x", "c", *flags, "-"], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return TOKEN.findall(done.stdout.replace("@", "#"))


def tokens(text: str) -> list[str]:
    """Of C without comments."""
    return TOKEN.findall(re.sub(r"/\*.*?\*/", " ", INCLUDE.sub("", text), flags=re.DOTALL))


@pytest.mark.parametrize("kernel", [kernel for kernel in TYPED if kernel != "rescale"])
def test_a_typed_kernel_is_what_the_preprocessor_makes_of_it(kernel):
    assert tokens(source(kernel)[0]) == preprocessed(kernel, INT8, "")
    if not (FOLDER / f"{kernel}16.c").exists():
        assert tokens(source(f"{kernel}16")[0]) == preprocessed(kernel, INT16, "16")


@pytest.mark.parametrize(("given", "made"), PAIRS)
def test_a_kernel_from_one_type_to_another_is_what_the_preprocessor_makes_of_it(given, made):
    low = "0" if made.startswith("u") else f"{made.upper()}_MIN"
    macros = {"FROM": f"{given}_t", "TO": f"{made}_t", "TO_MIN": low, "TO_MAX": f"{made.upper()}_MAX"}
    kernel = f"rescale_{given}_{made}"
    assert tokens(source(kernel)[0]) == preprocessed("rescale", macros, f"_{given}_{made}")


def test_what_is_included_is_of_the_same_type():
    both = "\n".join(sources(["add", "add16", "window", "larger_dsp16", "max_pool16"]))
    for name in ("clamp", "clamp16", "add", "add16", "requantize", "max_pool16", "larger16"):
        assert len(re.findall(rf"^static [^;={{]*\b{name}\(", both, re.MULTILINE)) == 1, name
    assert "max_pool(" not in both and not MACRO.search(re.sub(r"/\*.*?\*/", "", both, flags=re.DOTALL))
