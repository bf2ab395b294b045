"""The event that a Lambda proxy integration hands to a function, and the answer that it takes from it.

Sources: API Gateway developer guide, "Input format of a Lambda function for proxy integration", "Output
format of a Lambda function for proxy integration", "Return binary media from a Lambda proxy integration".
"""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_MEDIA_TYPE = "application/json"
"""What a request without a content type is taken for."""

_ANSWER_FIELDS = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class MalformedAnswerError(ValueError):
    """A function's answer isn't one; the message says what is wrong with it."""


@dataclass(frozen=True)
class ProxyAnswer:
    """What a function answers: headers in their order, as often as they are to be sent."""

    status_code: int
    headers: tuple[tuple[str, str], ...]
    body: str
    is_base64_encoded: bool


def last_values(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return one value for each header, the last, by the name that it came with first."""
    names: dict[str, str] = {}
    values: dict[str, str] = {}
    for name, value in headers:
        values[names.setdefault(name.lower(), name)] = value
    return values


def all_values(headers: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return all values of each header."""
    names: dict[str, str] = {}
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(names.setdefault(name.lower(), name), []).append(value)
    return values


def is_binary(media_type: str | None, binary_media_types: Iterable[str]) -> bool:
    """Return whether a header's first media type is one that an API takes for binary."""
    first = (media_type or "").split(",")[0].split(";")[0].strip().lower()
    kind, _, subtype = first.partition("/")
    for each in binary_media_types:
        its_kind, _, its_subtype = each.split(";")[0].strip().lower().partition("/")
        if its_kind == "*" or (kind == its_kind and its_subtype in {"*", subtype}):
            return True
    return False


def event_body(
    body: bytes, content_type: str | None, binary_media_types: Iterable[str]
) -> tuple[str | None, bool]:
    """Return the event's `body` and `isBase64Encoded`: text, whatever it is, but for binary media types."""
    if not body:
        return None, False
    if is_binary(content_type or DEFAULT_MEDIA_TYPE, binary_media_types):
        return base64.b64encode(body).decode(), True
    return body.decode(errors="replace"), False


def parse_answer(payload: bytes) -> ProxyAnswer:
    """Read a function's answer.

    Raises:
        MalformedAnswerError: It isn't a JSON object of the fields that a proxy integration knows, each of its
            type.
    """
    try:
        answer = json.loads(payload)
    except ValueError:
        raise MalformedAnswerError("it is not JSON") from None
    if not isinstance(answer, dict):
        raise MalformedAnswerError("it is not a JSON object")
    if unknown := sorted(answer.keys() - _ANSWER_FIELDS):
        raise MalformedAnswerError(f"it has the unknown fields {', '.join(unknown)}")
    body = answer.get("body")
    if body is not None and not isinstance(body, str):
        raise MalformedAnswerError("its body is not a string")
    is_base64_encoded = answer.get("isBase64Encoded")
    if is_base64_encoded not in (None, True, False, "true", "false"):
        raise MalformedAnswerError("its isBase64Encoded is neither true nor false")
    return ProxyAnswer(
        _status_code(answer.get("statusCode")),
        tuple(_headers(answer)),
        body or "",
        is_base64_encoded in (True, "true"),
    )


def _status_code(value: object) -> int:
    if value is None:
        return 200
    text = str(value)
    if isinstance(value, (int, str)) and not isinstance(value, bool) and re.fullmatch(r"[1-5]\d\d", text):
        return int(text)
    raise MalformedAnswerError("its statusCode is not an HTTP status")


def _headers(answer: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Yield `multiValueHeaders`, then those of `headers` that aren't the same pair again."""
    multiple, single = answer.get("multiValueHeaders") or {}, answer.get("headers") or {}
    if not isinstance(multiple, dict) or not isinstance(single, dict):
        raise MalformedAnswerError("its headers are not a JSON object")
    if not all(isinstance(values, list) for values in multiple.values()):
        raise MalformedAnswerError("its multiValueHeaders have a value that is not a list")
    pairs = [(name, _header_value(name, value)) for name, values in multiple.items() for value in values]
    given = {(name.lower(), value) for name, value in pairs}
    yield from pairs
    for name, value in single.items():
        text = _header_value(name, value)
        if (name.lower(), text) not in given:
            yield name, text


def _header_value(name: str, value: object) -> str:
    if not _HEADER_NAME.fullmatch(name):
        raise MalformedAnswerError(f"{name!r} is not a valid header name")
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str) or "\n" in value or "\r" in value:
        raise MalformedAnswerError(f"the value of header {name} is not a single line of text")
    return value
