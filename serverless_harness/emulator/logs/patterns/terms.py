"""Patterns of terms, for messages without a structure: `ERROR -Exiting "exact phrase" ?WARN ?FATAL`.

Source: CloudWatch Logs user guide, "Using filter patterns to match terms in unstructured log events". Terms
are case-sensitive and found anywhere, in the midst of words too. All must be there, none of the excluded
ones; with `?` one of them suffices. Together with other terms those with `?` have no effect.
"""

import re
from collections.abc import Mapping

from serverless_harness.emulator.logs.patterns.base import (
    NOTHING_EXTRACTED,
    InvalidPatternError,
    Unstructured,
)

_TERM = re.compile(
    r"""\s*(?P<sign>[-?]?)\s*(?:"(?P<phrase>(?:[^"\\]|\\.)+)"|(?P<word>[A-Za-z0-9_]+))""", re.S
)
_ESCAPE = re.compile(r"\\(.)", re.S)
_INVALID = re.compile(r"\s*([^A-Za-z0-9_\s]+)")
AFTER_WORD = re.compile(r'\s|"|$')


def parse(text: str) -> "TermsPattern":
    """Compile a pattern of terms."""
    found: dict[str, list[str]] = {"": [], "-": [], "?": []}
    position = 0
    while position < len(text):
        term = _TERM.match(text, position)
        if term is None or not AFTER_WORD.match(text, term.end()):
            invalid = _INVALID.match(text, term.end() if term else position)
            raise InvalidPatternError.of_term(invalid[1] if invalid else text[position:].strip())
        phrase, word = term["phrase"], term["word"]
        found[term["sign"]].append(_ESCAPE.sub(r"\1", phrase) if phrase else word)
        position = term.end()
    return TermsPattern(required=found[""], excluded=found["-"], optional=found["?"])


class TermsPattern(Unstructured):
    """Terms that are required, excluded, or of which one suffices."""

    def __init__(self, required: list[str], excluded: list[str], optional: list[str]) -> None:
        self._required, self._excluded = required, excluded
        self._optional = [] if required or excluded else optional

    def match(self, message: str) -> Mapping[str, str] | None:
        """Look for the terms."""
        matches = (
            all(term in message for term in self._required)
            and not any(term in message for term in self._excluded)
            and (not self._optional or any(term in message for term in self._optional))
        )
        return NOTHING_EXTRACTED if matches else None
