"""Takes the conditions of JSON and space-delimited patterns apart into tokens."""

import re
from enum import Enum
from typing import NamedTuple

from serverless_harness.emulator.logs.patterns.base import InvalidPatternError

MAX_REGEXES = 2
"""In one pattern: CloudWatch Logs user guide, "Supported regular expressions (regex) syntax", quotas."""


class Kind(Enum):
    """What a token is."""

    SELECTOR = "selector"
    PHRASE = "phrase"
    REGEX = "regex"
    WORD = "word"
    OPERATOR = "operator"
    MARK = "mark"
    END = "end"


class Token(NamedTuple):
    """A token and its text, a phrase's and a regular expression's without what encloses them."""

    kind: Kind
    text: str
    source: str


_TOKEN = re.compile(
    r"""\s*(?:
        (?P<selector>\$(?:\.(?:[A-Za-z0-9_-]+|\*)|\.?\[(?:\d+|\*|'(?:[^'\\]|\\.)+'|"(?:[^"\\]|\\.)+")\])+)
      | "(?P<phrase>(?:[^"\\]|\\.)*)"
      | %(?P<regex>[^%]+)%
      | (?P<word>[A-Za-z0-9_.*+-]+)
      | (?P<operator>&&|\|\||!=|<=|>=|[=<>])
      | (?P<mark>[(),])
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_INVALID = re.compile(r"[^A-Za-z0-9_\s]+|\S+")


class Scanner:
    """Gives the tokens one by one, with one token of foresight."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self.regex_count = 0
        self.next = self._scan()

    def take(self) -> Token:
        """Return the next token and go on."""
        token = self.next
        self.next = self._scan()
        return token

    def take_if(self, *texts: str) -> Token | None:
        """Return the next token if it is one of these operators, marks or words; else stay."""
        is_plain = self.next.kind in (Kind.OPERATOR, Kind.MARK, Kind.WORD)
        return self.take() if is_plain and self.next.text in texts else None

    def expect(self, kind: Kind) -> Token:
        """Return the next token, which must be of that kind."""
        if self.next.kind is not kind:
            raise self.unexpected()
        return self.take()

    def unexpected(self) -> InvalidPatternError:
        """Return the error that the next token has no place where it stands."""
        return InvalidPatternError.of_term(self.next.source)

    def _scan(self) -> Token:
        found = _TOKEN.match(self._text, self._position)
        if found is None:
            rest = self._text[self._position :].strip()
            if not rest:
                return Token(Kind.END, "", "")
            invalid = _INVALID.match(rest)
            raise InvalidPatternError.of_term(invalid[0] if invalid else rest)
        self._position = found.end()
        kind = Kind(found.lastgroup)
        text = found[kind.value]
        if kind is Kind.PHRASE:
            text = _ESCAPE.sub(r"\1", text)
        if kind is Kind.REGEX:
            self.regex_count += 1
            if self.regex_count > MAX_REGEXES:
                raise InvalidPatternError(
                    f"A filter pattern can hold at most {MAX_REGEXES} regular expressions"
                )
        return Token(kind, text, found[0].strip())
