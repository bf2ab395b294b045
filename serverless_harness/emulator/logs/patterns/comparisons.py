"""Comparisons of a value with a number, a text with wildcards, or a regular expression.

Source: CloudWatch Logs user guide, "Using filter patterns to match terms in JSON log events": `*` stands
for any text at the beginning or the end of a term, and for itself within it; a term without quotes that is
a number is compared as one; `<`, `<=`, `>` and `>=` take numbers alone.
"""

import operator
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from serverless_harness.emulator.logs.patterns.base import InvalidPatternError
from serverless_harness.emulator.logs.patterns.regex import compile_regex
from serverless_harness.emulator.logs.patterns.scanner import Kind, Scanner, Token

Comparison = Callable[[str, Decimal | None], bool]
"""Whether a value meets a condition, by its text and, where it is a number, as that."""

OPERATORS = ("=", "!=", "<", "<=", ">", ">=")
_ORDERS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def number_of(text: str) -> Decimal | None:
    """Return the number that a text is; None where it is none."""
    try:
        return Decimal(text) if _NUMBER.fullmatch(text) else None
    except InvalidOperation:
        return None


def read_comparison(scanner: Scanner) -> Comparison:
    """Read an operator and what it compares with."""
    sign = scanner.take_if(*OPERATORS)
    if sign is None or scanner.next.kind not in (Kind.WORD, Kind.PHRASE, Kind.REGEX):
        raise scanner.unexpected()
    term = scanner.take()
    if sign.text in _ORDERS:
        return _in_order(_ORDERS[sign.text], term)
    equals = _equality(term)
    return equals if sign.text == "=" else _negated(equals)


def _in_order(holds: Callable[[Decimal, Decimal], bool], term: Token) -> Comparison:
    limit = number_of(term.text) if term.kind is Kind.WORD else None
    if limit is None:
        raise InvalidPatternError.of_term(term.source)
    return lambda text, number: number is not None and holds(number, limit)


def _equality(term: Token) -> Comparison:
    if term.kind is Kind.REGEX:
        expression = compile_regex(term.text)
        return lambda text, number: expression.search(text) is not None
    expected = number_of(term.text) if term.kind is Kind.WORD else None
    matches = _wildcards(term.text)
    if expected is None:
        return lambda text, number: matches(text)
    return lambda text, number: matches(text) if number is None else number == expected


def _negated(comparison: Comparison) -> Comparison:
    return lambda text, number: not comparison(text, number)


def _wildcards(term: str) -> Callable[[str], bool]:
    core = term.strip("*")
    leading, trailing = term.startswith("*"), term.endswith("*")
    if not core and term:
        return lambda text: True
    if leading and trailing:
        return lambda text: core in text
    if leading:
        return lambda text: text.endswith(core)
    if trailing:
        return lambda text: text.startswith(core)
    return lambda text: text == term
