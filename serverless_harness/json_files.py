"""JSON that people write, read by the standard's letter."""

import json
from collections.abc import Callable
from decimal import Decimal, DecimalException
from pathlib import Path
from typing import Any, NoReturn

from serverless_harness import paths
from serverless_harness.errors import UserError


def read_json(file: Path, parse_fraction: Callable[[str], object] = Decimal) -> object:
    """Read a file as `parse_json` does; raises UserError, also where the file can't be read."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"can't read {paths.shown(file)}: {error.strerror}") from None
    except ValueError as error:
        raise UserError(f"{paths.shown(file)} is not JSON: {error}") from None
    return parse_json(text, paths.shown(file), parse_fraction)


def parse_json(text: str, name: str, parse_fraction: Callable[[str], object] = Decimal) -> object:
    """Read a text; numbers with a fraction or an exponent are `parse_fraction`'s to make.

    Raises UserError that calls it `name` where it is not JSON: also for what Python's parser lets pass (NaN,
    infinities, a key twice in one object) and for what it breaks on (deep nesting, huge exponents).
    """
    try:
        value: object = json.loads(
            text,
            parse_float=parse_fraction,
            parse_constant=_refuse_constant,
            object_pairs_hook=_without_duplicates,
        )
    except DecimalException:
        raise UserError(f"{name} is not JSON: a number is out of range") from None
    except RecursionError:
        raise UserError(f"{name} is nested too deeply") from None
    except ValueError as error:
        raise UserError(f"{name} is not JSON: {error}") from None
    return value


def finite_float(text: str) -> float:
    """Make a float of a JSON number; raises ValueError where none is large enough."""
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text[:20]} is out of range")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    for name, value in pairs:
        if name in mapping:
            raise ValueError(f"the key '{name}' occurs twice in one object")
        mapping[name] = value
    return mapping
