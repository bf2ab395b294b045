"""Logs Insights as far as it goes: `fields … | filter … | sort … | limit …`. Other commands are refused.

Source: CloudWatch Logs user guide, "CloudWatch Logs Insights language query syntax". moto's own reads past
commands that it doesn't know, so that a query with `filter` finds everything.
"""

import re
import time
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from localstack.aws.api.logs import MalformedQueryException
from moto.logs.models import LogGroup, LogQuery

from serverless_harness.emulator.logs.event_fields import Record, records
from serverless_harness.emulator.logs.ingestion import event_id
from serverless_harness.emulator.logs.patterns.comparisons import number_of

MAX_RESULTS = 10_000
DEFAULT_FIELDS = ("@timestamp", "@message")

Condition = Callable[[Record], bool]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<regex>/(?:[^/\\]|\\.)+/i?)
      | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<operator>!=|<=|>=|=~|[=<>()\[\],|])
      | (?P<word>`[^`]+`|[@A-Za-z0-9_.$:-]+)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class InsightsQuery(LogQuery):
    """A query that was run, as moto keeps it."""

    def __init__(
        self, text: str, groups: Sequence[LogGroup], start_s: int, end_s: int, limit: int | None
    ) -> None:
        self.query_id = str(uuid.uuid4())
        self.query = text
        self.start_time, self.end_time = start_s, end_s
        self.log_group_names = [group.name for group in groups]
        self.create_time = time.time() * 1000
        self.results = Query(text).run(groups, start_s, end_s)[:limit]
        self.status = "Complete"
        self._scanned = sum(len(stream.events) for group in groups for stream in list(group.streams.values()))

    def to_result_json(self) -> dict[str, Any]:
        """Return it as GetQueryResults does."""
        statistics = {
            "recordsMatched": float(len(self.results)),
            "recordsScanned": float(self._scanned),
            "bytesScanned": 0.0,
        }
        return {**super().to_result_json(), "queryLanguage": "CWLI", "statistics": statistics}


class Query:
    """A query, compiled.

    Raises:
        MalformedQueryException: It isn't one, or has a command that isn't emulated.
    """

    def __init__(self, text: str) -> None:
        self.fields: list[str] = []
        self._conditions: list[Condition] = []
        self._sort: list[tuple[str, bool]] = []
        self._limit = MAX_RESULTS
        self._tokens = _tokens(text)
        self._position = 0
        while self._peek() is not None:
            self._command()
            if self._peek() is not None:
                self._expect("|")
        self._sort = self._sort or [("@timestamp", True)]

    def run(self, groups: Sequence[LogGroup], start_s: int, end_s: int) -> list[dict[str, str]]:
        """Return the events found, each as its fields' values by their names, `@ptr` among them."""
        found = [
            (event, record)
            for event, record in records(groups, start_s, end_s)
            if all(condition(record) for condition in self._conditions)
        ]
        for name, descending in reversed(self._sort):
            found.sort(key=lambda each: _order(each[1](name)), reverse=descending)
        results: list[dict[str, str]] = []
        for event, record in found[: self._limit]:
            values = {name: record(name) for name in self.fields or DEFAULT_FIELDS}
            result = {name: value for name, value in values.items() if value is not None}
            results.append(result | {"@ptr": event_id(event)})
        return results

    def _command(self) -> None:
        name = (self._take() or "").lower()
        if name in ("fields", "display"):
            names = [self._field()]
            while self._take_if(","):
                names.append(self._field())
            self.fields = [*(self.fields if name == "fields" else ()), *names]
        elif name == "filter":
            self._conditions.append(self._alternatives())
        elif name == "sort":
            self._sort = [self._sort_key()]
            while self._take_if(","):
                self._sort.append(self._sort_key())
        elif name in ("limit", "head"):
            count = self._take() or ""
            if not count.isdecimal() or not 1 <= int(count) <= MAX_RESULTS:
                raise MalformedQueryException(f"limit takes a number from 1 to {MAX_RESULTS}, not '{count}'")
            self._limit = int(count)
        else:
            raise MalformedQueryException(
                f"the command '{name}' of Logs Insights is not emulated (docs/services.md)."
            )

    def _sort_key(self) -> tuple[str, bool]:
        name = self._field()
        order = self._take_if("asc", "desc")
        return name, order != "asc"

    def _alternatives(self) -> Condition:
        parts = [self._conjunction()]
        while self._take_if("or"):
            parts.append(self._conjunction())
        return lambda record: any(part(record) for part in parts)

    def _conjunction(self) -> Condition:
        parts = [self._unit()]
        while self._take_if("and"):
            parts.append(self._unit())
        return lambda record: all(part(record) for part in parts)

    def _unit(self) -> Condition:
        if self._take_if("not"):
            inner = self._unit()
            return lambda record: not inner(record)
        if self._take_if("("):
            inner = self._alternatives()
            self._expect(")")
            return inner
        name = self._field()
        if name.lower() == "ispresent":
            self._expect("(")
            field = self._field()
            self._expect(")")
            return lambda record: record(field) is not None
        return self._comparison(name)

    def _comparison(self, name: str) -> Condition:
        if self._take_if("not"):
            if (self._peek() or "").lower() not in ("like", "in"):
                raise self._unexpected()
            comparison = self._comparison(name)
            return lambda record: not comparison(record)
        operator = (self._take() or "").lower()
        if operator in ("like", "=~"):
            pattern = self._pattern()
            return lambda record: pattern.search(record(name) or "") is not None
        if operator == "in":
            self._expect("[")
            members = [self._literal()]
            while self._take_if(","):
                members.append(self._literal())
            self._expect("]")
            return lambda record: any(_holds("=", record(name), member) for member in members)
        if operator not in _HOLDS:
            self._position -= 1
            raise self._unexpected()
        literal = self._literal()
        return lambda record: _holds(operator, record(name), literal)

    def _pattern(self) -> re.Pattern[str]:
        token = self._take() or ""
        if token.startswith("/"):
            body, _, flag = token[1:].rpartition("/")
            try:
                return re.compile(body, re.IGNORECASE if flag == "i" else 0)
            except re.error as error:
                raise MalformedQueryException(f"invalid regular expression {token}: {error}") from None
        if token[:1] in "\"'" and token:
            return re.compile(re.escape(_unquoted(token)))
        self._position -= 1
        raise self._unexpected()

    def _literal(self) -> str:
        token = self._take() or ""
        if token[:1] in ("'", '"'):
            return _unquoted(token)
        if number_of(token) is None and token.lower() not in ("true", "false"):
            self._position -= 1
            raise self._unexpected()
        return token

    def _field(self) -> str:
        token = self._take()
        if token is None or not re.fullmatch(r"`[^`]+`|[@A-Za-z_$][@A-Za-z0-9_.$:-]*", token):
            self._position -= 1
            raise self._unexpected()
        if (self._peek() or "").lower() == "as":
            raise MalformedQueryException("'as' of Logs Insights is not emulated (docs/services.md).")
        return token.strip("`")

    def _peek(self) -> str | None:
        return self._tokens[self._position] if self._position < len(self._tokens) else None

    def _take(self) -> str | None:
        token = self._peek()
        self._position += 1
        return token

    def _take_if(self, *words: str) -> str | None:
        token = (self._peek() or "").lower()
        if token not in words:
            return None
        self._position += 1
        return token

    def _expect(self, word: str) -> None:
        if not self._take_if(word):
            raise self._unexpected()

    def _unexpected(self) -> MalformedQueryException:
        token = self._peek()
        return MalformedQueryException(
            f"unexpected symbol found {token} in the query" if token else "the query ends too early"
        )


def _tokens(text: str) -> list[str]:
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    tokens: list[str] = []
    position = 0
    while found := _TOKEN.match(lines, position):
        tokens.append(found[0].strip())
        position = found.end()
    if rest := lines[position:].strip():
        raise MalformedQueryException(f"unexpected symbol found {rest[0]} in the query")
    return tokens


def _unquoted(token: str) -> str:
    return _ESCAPE.sub(r"\1", token[1:-1])


_HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}


def _holds(operator: str, value: str | None, literal: str) -> bool:
    if value is None:
        return operator == "!="
    numbers = number_of(value), number_of(literal)
    if None not in numbers:
        return _HOLDS[operator](*numbers)
    return _HOLDS[operator](value, literal)


def _order(value: str | None) -> tuple[int, Decimal, str]:
    if value is None:
        return (0, Decimal(), "")
    number = number_of(value)
    return (1, number, "") if number is not None else (2, Decimal(), value)
