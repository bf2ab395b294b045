r"""Text of functions', clients' and packages' making, shown so that a terminal does nothing but print it.

Escape sequences move the cursor and rename windows, carriage returns and bidirectional marks have a line read
as another. They are shown as Python would write them, `\x1b`; line feeds and tabs stay.
"""

import unicodedata

_KEPT = "\n\t\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
"""Control and format characters that text needs: the joiners are in words and in emoji."""
_CATEGORIES = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Controls, formats (bidirectional marks among them), lone surrogates, line and paragraph separators."""


def escaped(text: str) -> str:
    """Return `text` with whatever isn't printed itself written out."""
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    if character.isprintable() or character in _KEPT or unicodedata.category(character) not in _CATEGORIES:
        return character
    return character.encode("unicode_escape").decode()
