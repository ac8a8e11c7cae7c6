"""Writes the parts of the pages that are made from the code: `python docs/generate`.

With `--check` nothing is written; it names the pages that are of an older code, and ends with status 1.

Such a part stands between `<!-- code: NAME ARGUMENTS -->` and `<!-- end of code -->`.
"""

import re
import sys
from pathlib import Path

from blocks import BLOCKS

DOCS = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"(<!-- code: (\w+)([^\n]*?) -->\n).*?(<!-- end of code -->)", re.DOTALL)


def current(text: str) -> str:
    """A page with its parts as the code is now."""
    return BLOCK.sub(lambda found: f"{found[1]}{BLOCKS[found[2]](*found[3].split())}\n{found[4]}", text)


def stale() -> dict[Path, str]:
    """The pages whose parts are of an older code, as they should be."""
    texts = {page: page.read_text() for page in sorted(DOCS.rglob("*.md"))}
    return {page: made for page, text in texts.items() if (made := current(text)) != text}


if __name__ == "__main__":
    pages = stale()
    for page, made in pages.items():
        print(page.relative_to(DOCS))
        if "--check" not in sys.argv:
            page.write_text(made)
    sys.exit("--check" in sys.argv and bool(pages))
