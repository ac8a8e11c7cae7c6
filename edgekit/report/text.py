"""Text from files as people may see it."""


def printable(text: str, longest: int = 60) -> str:
    """Without characters that a terminal, a browser or a parser would obey, and not longer than that."""
    return "".join(c if c.isprintable() else "?" for c in text[:longest])
