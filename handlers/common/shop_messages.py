"""Strict reading of what arrives: JSON by its standard, numbers exact, fields of the type they must have."""

import json
import re
from decimal import Decimal, DecimalException
from typing import Any, NoReturn

SHOP_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What may follow the prefix in a KMS alias, without the slash, so that no id reaches into another prefix."""


class PermanentError(Exception):
    """An order that no retry can mend.

    `reason_code` is stable, for programs; `reason` is for people and never holds contents of the order.
    """

    def __init__(self, reason_code: str, reason: str) -> None:
        super().__init__(f"{reason_code}: {reason}")
        self.reason_code = reason_code
        self.reason = reason


def parse_json(text: str | bytes, what: str) -> object:
    """Parse `text`, with every fraction a Decimal; `what` names it in the error.

    Raises PermanentError (NOT_JSON) also for what Python's parser lets pass: NaN, infinities, a key twice in
    one object; and for what it breaks on: deep nesting, numbers of thousands of digits, huge exponents.
    """
    try:
        value: object = json.loads(
            text, parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_without_duplicates
        )
    except (ValueError, DecimalException, RecursionError) as error:
        # The parser's own message may quote the text.
        raise PermanentError("NOT_JSON", f"{what} is not valid JSON ({type(error).__name__})") from None
    return value


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError("not a JSON number")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise ValueError("duplicate key")
    return mapping


def require_object(value: object, what: str) -> dict[str, Any]:
    """Return `value` if it is a JSON object; raises PermanentError (NOT_AN_OBJECT)."""
    if not isinstance(value, dict):
        raise PermanentError("NOT_AN_OBJECT", f"{what} is not a JSON object")
    return value


def require_text(mapping: dict[str, Any], field: str) -> str:
    """Return a field that must be a string; raises PermanentError (FIELD_MISSING, FIELD_INVALID)."""
    if field not in mapping:
        raise PermanentError("FIELD_MISSING", f"field {field} is missing")
    value = mapping[field]
    if not isinstance(value, str):
        raise PermanentError("FIELD_INVALID", f"field {field} is not a string")
    return value


def require_shop_id(mapping: dict[str, Any]) -> str:
    """Return the field `shop_id`, fit to be logged and to be part of a KMS alias."""
    shop_id = require_text(mapping, "shop_id")
    if not SHOP_ID.fullmatch(shop_id):
        raise PermanentError("FIELD_INVALID", f"field shop_id does not match {SHOP_ID.pattern}")
    return shop_id
