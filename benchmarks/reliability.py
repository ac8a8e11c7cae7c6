"""All campaigns one after the other, each for a share of the time; figures go into docs/measured/reliability.md.

python benchmarks/reliability.py [--seconds=3600] [--seed=0]      exit status 1 if anything was found

CI runs two minutes of it (`--dry`, which writes nothing) and reports.
"""

import argparse
import re
import subprocess
import sys
import time

from commands import ROOT

from edgekit.report.markdown import table

PAGE = ROOT / "docs/measured/reliability.md"
START, END = "<!-- figures: made by `python benchmarks/reliability.py` -->\n", "<!-- end of figures -->"
CAMPAIGNS = {
    "chaos": (0.3, "builds are killed, crowded, starved of disk, cut off"),
    "fuzz": (0.3, "mutants of every kind of file, to the commands that read them"),
    "fuzz_ccode": (0.25, "mutants of graphs; the C of those that are taken runs under sanitizers"),
    "fuzz_keras": (0.15, "hostile Keras files and SavedModels, loaded under observation"),
}
"""By the name of their file: the share of the time, and what is done."""


def main() -> int:
    """Runs the campaigns."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="of the campaigns; all by default")
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dry", action="store_true")
    options = parser.parse_args()
    names = options.names or list(CAMPAIGNS)
    whole, rows, details = sum(CAMPAIGNS[name][0] for name in names), [], []
    for name in names:
        share, what = CAMPAIGNS[name]
        seconds = options.seconds * share / whole
        command = [sys.executable, str(ROOT / "benchmarks" / f"{name}.py"), f"--seconds={seconds:.0f}"]
        start = time.monotonic()
        done = subprocess.run([*command, f"--seed={options.seed}"], capture_output=True, text=True, check=False)
        print(done.stdout.replace("\r", "\n"), done.stderr, sep="", flush=True)
        minutes, said = f"{(time.monotonic() - start) / 60:.0f}", counts(done.stdout)
        rows.append([name, what, minutes, said or "broke off", "some" if done.returncode or not said else "none"])
        details += [line for line in done.stdout.splitlines() if line.startswith("|")]
    bad = sum(row[-1] != "none" for row in rows)
    block = table(["campaign", "what", "minutes", "counts", "findings"], rows)
    print(block)
    if not options.dry:
        text = PAGE.read_text()
        block = START + block + "\n\n" + "\n".join(_spaced(details)) + "\n" + END
        PAGE.write_text(re.sub(f"{re.escape(START)}.*?{re.escape(END)}", lambda _: block, text, flags=re.DOTALL))
    return int(bad > 0)


def counts(printed: str) -> str:
    """What a campaign counted: the columns of the table at its end, added up, or else its last line of counts."""
    lines = printed.replace("\r", "\n").splitlines()
    heads = [number for number, line in enumerate(lines) if line.startswith("| ---")]
    if heads:
        rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines[heads[-1] - 1 :] if line.startswith("|")]
        columns = [[cell.strip() for cell in column] for column in zip(*rows, strict=True)]
        numbers = {name: [cell.replace(",", "") for cell in cells] for name, _, *cells in columns}
        sums = {name: sum(map(int, cells)) for name, cells in numbers.items() if cells and all(map(str.isdigit, cells))}
        return ", ".join(f"{total:,} {name}" for name, total in sums.items())
    found = [line for line in lines if re.fullmatch(r"\d[\d,]* [a-zA-Z' ]+(, \d[\d,]* [a-zA-Z' ]+)*", line.strip())]
    return found[-1].strip() if found else ""


def _spaced(lines: list[str]) -> list[str]:
    """Tables with an empty line between them."""
    return [
        f"\n{line}" if n and lines[n + 1 : n + 2] and lines[n + 1].startswith("| ---") else line
        for n, line in enumerate(lines)
    ]


if __name__ == "__main__":
    sys.exit(main())
