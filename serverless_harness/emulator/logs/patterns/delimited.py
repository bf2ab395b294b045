"""Patterns for messages of fields with spaces between them: `[ip, user, ..., status = 4*, bytes]`.

Source: CloudWatch Logs user guide, "Using filter patterns to match terms in space-delimited log events".
What stands between `[` and `]`, or between double quotes, is one field. A message matches where it has as
many fields as the pattern, or more in the place of `...`, and they meet the conditions.
"""

import re
from collections.abc import Mapping, Sequence

from serverless_harness.emulator.logs.patterns.base import InvalidPatternError
from serverless_harness.emulator.logs.patterns.comparisons import (
    OPERATORS,
    Comparison,
    number_of,
    read_comparison,
)
from serverless_harness.emulator.logs.patterns.scanner import Kind, Scanner

ELLIPSIS = "..."
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_FIELD = re.compile(r'"((?:[^"\\]|\\.)*)"(?=\s|$)|\[([^\]]*)\](?=\s|$)|(\S+)', re.DOTALL)


class Field:
    """A field of a pattern: its name, where it has one, and its condition, alternatives of comparisons."""

    def __init__(self, name: str | None, alternatives: Sequence[Sequence[Comparison]]) -> None:
        self.name = name
        self._alternatives = alternatives

    def accepts(self, text: str) -> bool:
        """Whether a message's field meets the condition."""
        if not self._alternatives:
            return True
        number = number_of(text)
        return any(all(each(text, number) for each in group) for group in self._alternatives)


def parse(body: str) -> "DelimitedPattern":
    """Compile what stands between the brackets."""
    scanner = Scanner(body)
    before: list[Field] = []
    after: list[Field] | None = None
    while True:
        fields = before if after is None else after
        if scanner.take_if(ELLIPSIS):
            if after is not None:
                raise InvalidPatternError.of_term(ELLIPSIS)
            after = []
        else:
            fields.append(_field(scanner))
        if not scanner.take_if(","):
            break
    scanner.expect(Kind.END)
    if not after and len(before) == 1 and before[0].name is None:
        raise InvalidPatternError.of_term("[]")
    return DelimitedPattern(before, after, scanner.regex_count)


def _field(scanner: Scanner) -> Field:
    if scanner.next.kind is not Kind.WORD:
        return Field(None, ())
    name = _name(scanner)
    if scanner.next.text not in OPERATORS:
        return Field(name, ())
    alternatives = [[read_comparison(scanner)]]
    while sign := scanner.take_if("&&", "||"):
        if _name(scanner) != name:
            raise InvalidPatternError(f"The condition of the field '{name}' names another field")
        if sign.text == "&&":
            alternatives[-1].append(read_comparison(scanner))
        else:
            alternatives.append([read_comparison(scanner)])
    return Field(name, alternatives)


def _name(scanner: Scanner) -> str:
    if scanner.next.kind is not Kind.WORD or not _NAME.fullmatch(scanner.next.text):
        raise scanner.unexpected()
    return scanner.take().text


def fields_of(message: str) -> list[str]:
    """Return a message's fields."""
    return [
        next(group for group in found.groups() if group is not None) for found in _FIELD.finditer(message)
    ]


class DelimitedPattern:
    """Conditions on the fields of a message."""

    def __init__(self, before: Sequence[Field], after: Sequence[Field] | None, regex_count: int) -> None:
        self._before, self._after = before, after
        self.regex_count = regex_count

    def match(self, message: str) -> Mapping[str, str] | None:
        """Compare field by field; the names begin with `$`, and unnamed fields are called by their number."""
        found = fields_of(message)
        omitted = len(found) - len(self._before) - len(self._after or ())
        if omitted < 0 or (omitted and self._after is None):
            return None
        fields = [*self._before, *[Field(None, ())] * omitted, *(self._after or ())]
        if not all(field.accepts(text) for field, text in zip(fields, found, strict=True)):
            return None
        return {
            f"${field.name or number}": text
            for number, (field, text) in enumerate(zip(fields, found, strict=True), start=1)
        }

    def has_field(self, reference: str) -> bool:
        """Whether a field of the pattern has that name."""
        names = {f"${field.name}" for field in (*self._before, *(self._after or ())) if field.name}
        return reference in names or re.fullmatch(r"\$[1-9]\d*", reference) is not None

    def value(self, message: str, reference: str) -> str | None:
        """Return that field's text."""
        return (self.match(message) or {}).get(reference)
