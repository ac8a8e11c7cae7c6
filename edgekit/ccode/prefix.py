"""Names of a model's own: no header of a vendor and no other model's code in the same translation unit has them."""

from __future__ import annotations

import re

_DECLARED = re.compile(
    r"^(?:static (?:__attribute__\(\(\w+\)\) )?[\w *]*?(\w+)(?=[\[(]| =)|typedef [\w ]+ (\w+);|\} (\w+);)", re.MULTILINE
)
_DEFINED = re.compile(r"^#define (\w+)", re.MULTILINE)
_TOKEN = re.compile(r'/\*.*?\*/|"(?:\\.|[^"\\])*"|#(?:include|error|pragma)[^\n]*|\b[A-Za-z_]\w*', re.DOTALL)


def prefixed(text: str, name: str) -> str:
    """C code in which everything of file scope starts with a model's name: functions, constants, types, and macros.

    Every place where such a name stands is renamed, whatever it is there, so that the program stays the same; comments
    stay as they are. Names inside functions are local, in lower case, and no words that headers define.

    Args:
      text: whose declarations of file scope start a line; external names are not among them.
      name: an identifier.
    """
    names = {own: f"{name}_{own}" for found in _DECLARED.findall(text) for own in found if own}
    names |= {macro: f"{name.upper()}_{macro}" for macro in _DEFINED.findall(text)}
    return _TOKEN.sub(lambda token: names.get(token[0], token[0]), text)
