"""Answers compared with recorded ones, with what differs from run to run put aside: ids, ARNs, times.

`stable` replaces such values by names, the same name for the same value throughout one answer, so that a
recorded answer still shows which id is which.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

type Transformer = Callable[[str], str]
"""Gives a text with what it knows replaced."""

UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
ISO_TIME = re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?")
ARN_PLACE = re.compile(r"\barn:(aws[\w-]*):([\w-]+):([\w-]*):(\d{12}|):")
TIME_NAMES = re.compile(r"(time|timestamp|date|epoch|modified|created|at)(_?ms)?$", re.IGNORECASE)
"""Names of members whose numbers are times."""
NOT_ANSWERED = ("ResponseMetadata",)
"""What boto3 adds of its own to an answer."""


def stable(value: object, names: Mapping[str, str] | None = None, *transformers: Transformer) -> object:
    """Give `value` (what JSON or boto3 gives) with all that differs from run to run replaced.

    UUIDs become `<uuid:1>`, `<uuid:2>`, …; times `<time>`; region and account in ARNs `<region>` and
    `<account>`. `names` maps texts of the test's own (`{table_name: "<table>"}`) to what stands for them;
    `transformers` change each text after that.
    """
    return _Stable(names or {}, transformers).of(value)


class _Stable:
    def __init__(self, names: Mapping[str, str], transformers: Sequence[Transformer]) -> None:
        self._names = sorted(names.items(), key=lambda pair: len(pair[0]), reverse=True)
        self._transformers = transformers
        self._uuids: dict[str, str] = {}

    def of(self, value: object, name: str = "") -> object:
        is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
        if isinstance(value, date) or (is_number and TIME_NAMES.search(name)):
            return "<time>"
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            members = ((str(key), member) for key, member in value.items() if key not in NOT_ANSWERED)
            return {self._text(key): self.of(member, key) for key, member in members}
        if isinstance(value, list | tuple):
            return [self.of(member, name) for member in value]
        if isinstance(value, set | frozenset):
            return sorted((self.of(member, name) for member in value), key=repr)
        return value

    def _text(self, text: str) -> str:
        for own, stands_for in self._names:
            text = text.replace(own, stands_for)
        text = ARN_PLACE.sub(_without_place, text)
        text = UUID.sub(self._numbered, text)
        text = ISO_TIME.sub("<time>", text)
        for transformer in self._transformers:
            text = transformer(text)
        return text

    def _numbered(self, found: re.Match[str]) -> str:
        return self._uuids.setdefault(found[0].lower(), f"<uuid:{len(self._uuids) + 1}>")


def _without_place(found: re.Match[str]) -> str:
    region = "<region>" if found[3] else ""
    account = "<account>" if found[4] else ""
    return f"arn:{found[1]}:{found[2]}:{region}:{account}:"


def replacing(pattern: str, stands_for: str) -> Transformer:
    """Make a transformer that puts `stands_for` in the place of whatever matches a regular expression."""
    compiled = re.compile(pattern)
    return lambda text: compiled.sub(stands_for, text)


def as_json(value: Any) -> Any:  # noqa: ANN401 (any JSON)
    """Give what JSON can hold of an answer: exact decimals as numbers, bytes as text."""
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case bytes() | bytearray():
            return bytes(value).decode("utf-8", "backslashreplace")
        case Mapping():
            return {str(key): as_json(member) for key, member in value.items()}
        case list() | tuple():
            return [as_json(member) for member in value]
    return value
