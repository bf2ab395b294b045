"""Attribute values: validation, the one canonical form in which they are stored, size and order.

A canonical value has its numbers in plain notation without superfluous zeros and its set members sorted,
as DynamoDB returns them; two canonical values are equal exactly when DynamoDB says so.
Rules: AWS developer guide, "Supported data types and naming rules in Amazon DynamoDB" and
"Constraints in Amazon DynamoDB".
"""

import base64
import re
from collections.abc import Iterable, Mapping
from decimal import Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from serverless_harness.emulator.dynamodb.errors import INVALID_VALUES, Attributes, ValidationError

AttributeValue = dict[str, Any]
"""One typed value, `{"S": "text"}`: exactly one of the members S N B BOOL NULL SS NS BS L M."""

TYPE_NAMES = {
    "S": "STRING",
    "N": "NUMBER",
    "B": "BINARY",
    "BOOL": "BOOLEAN",
    "NULL": "NULL",
    "SS": "STRING_SET",
    "NS": "NUMBER_SET",
    "BS": "BINARY_SET",
    "L": "LIST",
    "M": "MAP",
}
SET_MEMBER_TYPES = {"SS": "S", "NS": "N", "BS": "B"}

ITEM_MAX_BYTES = 400 * 1024
NESTING_MAX_LEVELS = 32
NAME_MAX_BYTES = 65_535
NUMBER_MAX_DIGITS = 38
NUMBER_MAX_EXPONENT = 125
NUMBER_MIN_EXPONENT = -130

_PLAIN_INTEGER = re.compile(r"(?:0|-?[1-9][0-9]{0,37})\Z", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE](?P<exponent>[+-]?[0-9]+))?\Z", re.ASCII)
# Wide enough for the exact sum of the largest and the smallest number (1E125 + 1E-130).
_EXACT = Context(prec=2 * (NUMBER_MAX_EXPONENT - NUMBER_MIN_EXPONENT))


def value_type(value: AttributeValue) -> str:
    """Return the type of a value: its only member's name."""
    return next(iter(value))


def canonical_attributes(attributes: Attributes) -> Attributes:
    """Return the canonical form of an item or a key; raise ValidationError if a value isn't valid."""
    check_names(attributes)
    return {name: canonical(value) for name, value in attributes.items()}


def check_names(names: Iterable[str]) -> None:
    """Raise ValidationError for an attribute name that is empty or too long."""
    for name in names:
        if not name:
            raise ValidationError("Empty attribute name")
        if len(name) > NAME_MAX_BYTES // 4 and len(name.encode()) > NAME_MAX_BYTES:
            raise ValidationError(
                f"Attribute name is too large, must be less than {NAME_MAX_BYTES + 1} bytes"
            )


def canonical(value: AttributeValue, level: int = 1) -> AttributeValue:
    """Return the canonical form of one value; `level` is its nesting depth, 1 for a top-level attribute."""
    if len(value) != 1:
        for kind, content in value.items():
            canonical({kind: content}, level)
        raise ValidationError(member_count_message(value))
    kind, content = next(iter(value.items()))
    if kind in ("S", "B", "BOOL"):
        return value
    if kind == "N":
        number = canonical_number(content)
        return value if number == content else {"N": number}
    if kind == "NULL":
        if content is not True:
            raise ValidationError(f"{INVALID_VALUES}Null attribute value types must have the value of true")
        return value
    if kind in SET_MEMBER_TYPES:
        return {kind: _canonical_set(kind, content)}
    if level >= NESTING_MAX_LEVELS:
        raise ValidationError(
            "Nesting Levels have exceeded supported limits: "
            "Attributes in the item have nested levels beyond supported limit"
        )
    if kind == "L":
        return {"L": [canonical(element, level + 1) for element in content]}
    return {"M": {name: canonical(element, level + 1) for name, element in content.items()}}


def member_count_message(value: Mapping[str, Any]) -> str:
    """Return what is wrong with a union that hasn't exactly one member; the service names all alike."""
    if not value:
        return "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
    return (
        "Supplied AttributeValue has more than one datatypes set, "
        "must contain exactly one of the supported datatypes"
    )


_EMPTY_SET = {
    "SS": "An string set  may not be empty",
    "NS": "An number set  may not be empty",
    "BS": "Binary sets should not be empty",
}


def _canonical_set(kind: str, members: list[Any]) -> list[Any]:
    if not members:
        raise ValidationError(INVALID_VALUES + _EMPTY_SET[kind])
    if kind == "NS":
        members = [canonical_number(member) for member in members]
    ordered = sort_set(kind, set(members))
    if len(ordered) != len(members):
        raise ValidationError(f"{INVALID_VALUES}Input collection {_duplicates_text(kind, members)}")
    return ordered


def _duplicates_text(kind: str, members: list[Any]) -> str:
    if kind == "NS":
        return "contains duplicates."
    if kind == "BS":
        encoded = ",".join(f'"{base64.b64encode(member).decode()}"' for member in sorted(members))
        return f"[{encoded}]of type BS contains duplicates."
    quoted = ", ".join(f'"{member}"' for member in sorted(members))
    return f"[{quoted}] contains duplicates."


def sort_set(kind: str, members: Iterable[Any]) -> list[Any]:
    """Return a set's members in the order in which DynamoDB returns them."""
    return sorted(members, key=Decimal) if kind == "NS" else sorted(members)


def canonical_number(text: str) -> str:
    """Return a number in plain notation; raise ValidationError outside DynamoDB's range and precision."""
    return text if _PLAIN_INTEGER.match(text) else _parse_number(text)


@lru_cache(maxsize=4096)
def _parse_number(text: str) -> str:
    if not (match := _NUMBER.match(text)):
        echoed = f": {text}" if text else ""
        raise ValidationError(f"The parameter cannot be converted to a numeric value{echoed}")
    try:
        return format_number(Decimal(text))
    except InvalidOperation:
        raise _range_error(overflow=not (match["exponent"] or "").startswith("-")) from None


def format_number(number: Decimal) -> str:
    """Return the canonical text of a number; raise ValidationError if DynamoDB can't store it."""
    significant = "".join(map(str, number.as_tuple().digits)).strip("0")
    if not significant:
        return "0"
    if number.adjusted() > NUMBER_MAX_EXPONENT:
        raise _range_error(overflow=True)
    if number.adjusted() < NUMBER_MIN_EXPONENT:
        raise _range_error(overflow=False)
    if len(significant) > NUMBER_MAX_DIGITS:
        raise ValidationError("Attempting to store more than 38 significant digits in a Number")
    plain = format(number, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _range_error(*, overflow: bool) -> ValidationError:
    event, bound = ("overflow", "larger") if overflow else ("underflow", "smaller")
    return ValidationError(
        f"Number {event}. Attempting to store a number with magnitude {bound} than supported range"
    )


def add(left: str, right: str) -> str:
    """Return the exact sum of two canonical numbers."""
    return format_number(_EXACT.add(Decimal(left), Decimal(right)))


def subtract(left: str, right: str) -> str:
    """Return the exact difference of two canonical numbers."""
    return format_number(_EXACT.subtract(Decimal(left), Decimal(right)))


def sort_key(value: AttributeValue) -> Any:  # noqa: ANN401 - Decimal, str or bytes by the value's type
    """Return what orders values of one scalar type; str orders as UTF-8 bytes do."""
    kind, content = next(iter(value.items()))
    return Decimal(content) if kind == "N" else content


def item_size_bytes(attributes: Attributes) -> int:
    """Return an item's size as DynamoDB counts it against 400 KB and for capacity."""
    return sum(len(name.encode()) + _value_size_bytes(value) for name, value in attributes.items())


def _value_size_bytes(value: AttributeValue) -> int:
    kind, content = next(iter(value.items()))
    match kind:
        case "S":
            size = len(content.encode())
        case "N":
            size = _number_size_bytes(content)
        case "B":
            size = len(content)
        case "SS" | "NS" | "BS":
            size = sum(_value_size_bytes({SET_MEMBER_TYPES[kind]: member}) for member in content)
        case "L":
            size = 3 + sum(1 + _value_size_bytes(element) for element in content)
        case "M":
            size = 3 + sum(len(name.encode()) + 1 + _value_size_bytes(item) for name, item in content.items())
        case _:
            size = 1
    return size


def _number_size_bytes(number: str) -> int:
    """One byte, one for each two digits before and after the point, one for a minus sign."""
    integer, _, fraction = number.lstrip("-").partition(".")
    integer_digits = len(integer.strip("0")) if not fraction else len(integer.lstrip("0"))
    fraction_digits = len(fraction) if integer.strip("0") else len(fraction.lstrip("0"))
    return 1 + -(-integer_digits // 2) + -(-fraction_digits // 2) + number.startswith("-")


def to_json(value: Any) -> Any:  # noqa: ANN401 - any part of an attribute value
    """Return a copy in which bytes are base64 text: the form that moto stores."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {name: to_json(element) for name, element in value.items()}
    if isinstance(value, list):
        return [to_json(element) for element in value]
    return value


def from_json(value: AttributeValue) -> AttributeValue:
    """Return the canonical value of one in the form that moto stores."""
    return canonical(_decode_binary(value))


def _decode_binary(value: AttributeValue) -> AttributeValue:
    kind, content = next(iter(value.items()))
    match kind:
        case "B":
            return {"B": _bytes(content)}
        case "BS":
            return {"BS": [_bytes(member) for member in content]}
        case "L":
            return {"L": [_decode_binary(element) for element in content]}
        case "M":
            return {"M": {name: _decode_binary(element) for name, element in content.items()}}
    return value


def _bytes(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else base64.b64decode(content)
