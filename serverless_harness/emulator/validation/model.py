"""What a request's parameters must be by their service's model, and how AWS words what they aren't.

Source: the constraint traits of Smithy, by which AWS's services check requests before anything else, and what
they answer: "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not
be null".
"""

import functools
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

from botocore.model import OperationModel, Shape

WRONG_TYPE = "wrong type"
CONSTRAINTS_MAX = 10
"""As many violations are listed in one message at most."""

_TYPES: dict[str, type | tuple[type, ...]] = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
}
_JAVA_NAMES = {"integer": "Integer", "long": "Long", "float": "Float", "double": "Double"}


def fits(value: Any, shape: Any) -> bool:  # noqa: ANN401 - parameters and shapes of any type
    """Tell whether parameters, as they were parsed, have the types and required members of their shape."""
    check = _CHECKS.get(shape.type_name)
    if check is not None:
        return check(value, shape)
    expected = _TYPES.get(shape.type_name)
    if expected is None or _is_written_boolean(value, shape):
        return True
    return isinstance(value, expected) and not (expected is int and value is True)


def _is_written_boolean(value: Any, shape: Any) -> bool:  # noqa: ANN401
    """Tell whether a value is `true` or `false` of a query string or header, which are parsed as texts."""
    outside_of_body = shape.serialization.get("location") in ("querystring", "header")
    return shape.type_name == "boolean" and outside_of_body and value in ("true", "false")


def _structure_fits(value: Any, shape: Any) -> bool:  # noqa: ANN401
    if shape.is_document_type or shape.serialization.get("eventstream"):
        return True
    members = shape.members
    if not isinstance(value, dict) or any(
        _is_missing(value.get(name), members[name]) for name in shape.required_members
    ):
        return False
    return all(
        member is None or name not in members or fits(member, members[name]) for name, member in value.items()
    )


def _is_missing(value: Any, shape: Any) -> bool:  # noqa: ANN401
    """Tell whether a required member isn't there; of a query string, an empty list is none."""
    return value is None or (value == [] and shape.serialization.get("location") == "querystring")


def _list_fits(value: Any, shape: Any) -> bool:  # noqa: ANN401
    return isinstance(value, list) and all(fits(member, shape.member) for member in value)


def _map_fits(value: Any, shape: Any) -> bool:  # noqa: ANN401
    return isinstance(value, dict) and all(
        isinstance(key, str) and (member is None or fits(member, shape.value))
        for key, member in value.items()
    )


_CHECKS: dict[str, Callable[[Any, Any], bool]] = {
    "structure": _structure_fits,
    "list": _list_fits,
    "map": _map_fits,
}


def missing_members(value: Any, shape: Any, path: str = "") -> Iterator[str]:  # noqa: ANN401
    """Yield the paths of required members that aren't there."""
    for member, where, _ in _walk(value, shape, path):
        if member is None:
            yield where


def wrong_type(value: Any, shape: Any) -> str | None:  # noqa: ANN401
    """Return what AWS says of the first value of another JSON type than its shape's; None: there is none."""
    for member, _, member_shape in _walk(value, shape, ""):
        expected = _TYPES.get(member_shape.type_name)
        if member is None or expected is None or getattr(member_shape, "is_document_type", False):
            continue
        if not isinstance(member, expected) and not _is_written_boolean(member, member_shape):
            return _conversion(member, member_shape.type_name)
    return None


def violations(value: Any, operation: OperationModel) -> list[str]:  # noqa: ANN401
    """Return all constraints that parameters violate, each in AWS's words."""
    shape = operation.input_shape
    if shape is None:
        return []
    found = []
    for member, where, member_shape in _walk(value, shape, ""):
        if member is None:
            found.append(f"Value null at '{where}' failed to satisfy constraint: Member must not be null")
            continue
        shown = f"'{_shown(member)}'"
        for constraint in _constraints(member, member_shape):
            found.append(f"Value {shown} at '{where}' failed to satisfy constraint: {constraint}")
    return found


def validation_message(found: list[str]) -> str:
    """Return the one message of all violations."""
    noun = "error" if len(found) == 1 else "errors"
    return f"{len(found)} validation {noun} detected: {'; '.join(found[:CONSTRAINTS_MAX])}"


def _walk(value: Any, shape: Any, path: str) -> Iterator[tuple[Any, str, Any]]:  # noqa: ANN401
    """Yield all values with their paths, as AWS writes them, and shapes; None for each that is missing."""
    yield value, path, shape
    match shape.type_name:
        case "structure" if isinstance(value, dict) and not shape.is_document_type:
            for name, member_shape in shape.members.items():
                member = value.get(name)
                where = f"{path}.{name[:1].lower()}{name[1:]}".lstrip(".")
                if name in shape.required_members and _is_missing(member, member_shape):
                    yield None, where, member_shape
                elif member is not None:
                    yield from _walk(member, member_shape, where)
        case "list" if isinstance(value, list):
            for number, member in enumerate(value, 1):
                yield from _walk(member, shape.member, f"{path}.{number}.member")
        case "map" if isinstance(value, dict):
            for key, member in value.items():
                yield from _walk(key, shape.key, f"{path}.{key}.key")
                if member is not None:
                    yield from _walk(member, shape.value, f"{path}.{key}.member")


def _constraints(value: Any, shape: Shape) -> Iterator[str]:  # noqa: ANN401
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if isinstance(value, str | list | dict):
        if least is not None and len(value) < least:
            yield f"Member must have length greater than or equal to {least}"
        if most is not None and len(value) > most:
            yield f"Member must have length less than or equal to {most}"
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if least is not None and value < float(least):
            yield f"Member must have value greater than or equal to {least}"
        if most is not None and value > float(most):
            yield f"Member must have value less than or equal to {most}"
        if isinstance(value, float) and not math.isfinite(value):
            yield "Member must be a finite number"
    if isinstance(value, str):
        enum = shape.metadata.get("enum")
        if enum and value not in enum:
            yield f"Member must satisfy enum value set: [{', '.join(enum)}]"
        pattern = shape.metadata.get("pattern")
        compiled = _compiled(pattern) if pattern else None
        if compiled and not compiled.fullmatch(value):
            yield f"Member must satisfy regular expression pattern: {pattern}"


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """Return a pattern of the model; None for one that only Java reads."""
    try:
        return re.compile(pattern)
    except re.error:
        return None


def _shown(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, list):
        return f"[{', '.join(_shown(member) for member in value[:20])}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}={_shown(member)}' for key, member in value.items())}}}"
    return str(value)


def _conversion(value: Any, kind: str) -> str:  # noqa: ANN401
    if kind in ("structure", "map", "list"):
        return "Unexpected field type" if not isinstance(value, list) else "Unexpected collection type"
    if isinstance(value, dict | list):
        return (
            "Start of structure or map found where not expected"
            if isinstance(value, dict)
            else (f"Unrecognized collection type class java.lang.{_java_name(kind)}")
        )
    if isinstance(value, bool):
        token = "TRUE_VALUE" if value else "FALSE_VALUE"
    elif isinstance(value, str):
        token = "STRING_VALUE"
    else:
        token = "NUMBER_VALUE" if isinstance(value, int) else "DECIMAL_VALUE"
    return f"{token} can not be converted to {_article(_java_name(kind))}"


def _java_name(kind: str) -> str:
    return _JAVA_NAMES.get(kind, kind.capitalize())


def _article(name: str) -> str:
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"
