"""Patterns for JSON messages: `{ $.level = "ERROR" && ($.latency_ms > 1e3 || $.user.id NOT EXISTS) }`.

Source: CloudWatch Logs user guide, "Using filter patterns to match terms in JSON log events". A comparison
looks at texts, numbers and truth values alone: it fails, `!=` too, where the property is missing, null, an
object or an array. `[*]` and `.*` stand for any element; one that meets the condition suffices.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from serverless_harness.emulator.logs.patterns.base import NOTHING_EXTRACTED, InvalidPatternError
from serverless_harness.emulator.logs.patterns.comparisons import Comparison, read_comparison
from serverless_harness.emulator.logs.patterns.scanner import Kind, Scanner

Condition = Callable[[Any], bool]
"""Whether a message, as an object, meets a condition."""

_SEGMENT = re.compile(
    r"""\.(?P<name>[A-Za-z0-9_-]+) | \.?\[(?P<index>\d+)\] | (?P<any>\.?\[\*\]|\.\*)
      | \.?\['(?P<single>(?:[^'\\]|\\.)+)'\] | \.?\["(?P<double>(?:[^"\\]|\\.)+)"\]""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ANY = object()


class Selector:
    """Names values of a message: `$.a.b`, `$.a[0]`, `$.a[*].b`, `$['x.y']`."""

    def __init__(self, text: str) -> None:
        """Take the selector's text; raises InvalidPatternError for another text."""
        self._path: list[Any] = []
        position = 1
        while position < len(text):
            segment = _SEGMENT.match(text, position)
            if segment is None:
                break
            position = segment.end()
            self._path.append(_step(segment))
        if not text.startswith("$") or not self._path or position < len(text):
            raise InvalidPatternError.of_term(text)

    def values(self, message: Any) -> list[Any]:  # noqa: ANN401 - JSON
        """Return the values that it names in a message."""
        found = [message]
        for step in self._path:
            found = [inner for outer in found for inner in _children(outer, step)]
            if not found:
                break
        return found


def _step(segment: re.Match[str]) -> Any:  # noqa: ANN401 - a name, an index, or any
    if segment["any"]:
        return _ANY
    if segment["index"]:
        return int(segment["index"])
    return segment["name"] or _ESCAPE.sub(r"\1", segment["single"] or segment["double"])


def _children(value: Any, step: Any) -> Iterable[Any]:  # noqa: ANN401 - JSON
    if step is _ANY:
        return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(step, int):
        return value[step : step + 1] if isinstance(value, list) else ()
    return (value[step],) if isinstance(value, dict) and step in value else ()


def parse(body: str) -> "JsonPattern":
    """Compile what stands between the braces."""
    scanner = Scanner(body)
    condition = _alternatives(scanner)
    scanner.expect(Kind.END)
    return JsonPattern(condition, scanner.regex_count)


def _alternatives(scanner: Scanner) -> Condition:
    parts = [_conjunction(scanner)]
    while scanner.take_if("||"):
        parts.append(_conjunction(scanner))
    return parts[0] if len(parts) == 1 else lambda message: any(part(message) for part in parts)


def _conjunction(scanner: Scanner) -> Condition:
    parts = [_unit(scanner)]
    while scanner.take_if("&&"):
        parts.append(_unit(scanner))
    return parts[0] if len(parts) == 1 else lambda message: all(part(message) for part in parts)


def _unit(scanner: Scanner) -> Condition:
    if scanner.take_if("("):
        inner = _alternatives(scanner)
        if not scanner.take_if(")"):
            raise scanner.unexpected()
        return inner
    selector = Selector(scanner.expect(Kind.SELECTOR).text)
    if scanner.take_if("IS"):
        return _is(scanner, selector)
    if scanner.take_if("EXISTS"):
        return lambda message: bool(selector.values(message))
    if scanner.take_if("NOT"):
        if not scanner.take_if("EXISTS"):
            raise scanner.unexpected()
        return lambda message: not selector.values(message)
    comparison = read_comparison(scanner)
    return lambda message: any(_meets(value, comparison) for value in selector.values(message))


def _is(scanner: Scanner, selector: Selector) -> Condition:
    keyword = scanner.take_if("NULL", "TRUE", "FALSE")
    if keyword is None:
        raise scanner.unexpected()
    constant = {"NULL": None, "TRUE": True, "FALSE": False}[keyword.text]
    return lambda message: any(value is constant for value in selector.values(message))


def _meets(value: Any, comparison: Comparison) -> bool:  # noqa: ANN401 - JSON
    text = text_of(value)
    if text is None:
        return False
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    return comparison(text, Decimal(value) if is_number else None)


def text_of(value: Any) -> str | None:  # noqa: ANN401 - JSON
    """Return a text, number or truth value as text; None for anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | Decimal) else None


def _no_constant(name: str) -> Any:  # noqa: ANN401 - json wants it so
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant)


def loads(message: str) -> Any:  # noqa: ANN401 - JSON
    """Return a message as an object; None where it isn't JSON's object or array."""
    if not message.lstrip().startswith(("{", "[")):
        return None
    try:
        return _DECODER.decode(message)
    except (ValueError, RecursionError, InvalidOperation):
        return None


class JsonPattern:
    """A condition on JSON messages; others don't match."""

    def __init__(self, condition: Condition, regex_count: int) -> None:
        self._condition = condition
        self.regex_count = regex_count

    def match(self, message: str) -> Mapping[str, str] | None:
        """Evaluate the condition."""
        content = loads(message)
        return NOTHING_EXTRACTED if content is not None and self._condition(content) else None

    def has_field(self, reference: str) -> bool:
        """Whether it is a selector."""
        try:
            Selector(reference)
        except InvalidPatternError:
            return False
        return True

    def value(self, message: str, reference: str) -> str | None:
        """Return the first value that a selector names."""
        values = Selector(reference).values(loads(message))
        return text_of(values[0]) if values else None
