"""What a projection takes from an item."""

from collections.abc import Iterable
from typing import Any

from serverless_harness.emulator.dynamodb.errors import Attributes
from serverless_harness.emulator.dynamodb.expression_evaluation import ResolvedPath
from serverless_harness.emulator.dynamodb.values import AttributeValue


def project(item: Attributes, paths: Iterable[ResolvedPath]) -> Attributes:
    """Return what an item has at some paths, in its documents' shape; list elements move together."""
    wanted: dict[str | int, Any] = {}
    for path in paths:
        branch = wanted
        for step in path:
            branch = branch.setdefault(step, {})
    picked = ((name, _pick(item[name], wanted[name])) for name in wanted if name in item)
    return {name: value for name, value in picked if value is not None}


def _pick(value: AttributeValue, wanted: dict[str | int, Any]) -> AttributeValue | None:
    if not wanted:
        return value
    kind, content = next(iter(value.items()))
    if kind == "M":
        fields = {name: _pick(content[name], wanted[name]) for name in wanted if name in content}
        kept = {name: field for name, field in fields.items() if field is not None}
        return {"M": kept} if kept else None
    if kind == "L":
        indexes = sorted(step for step in wanted if isinstance(step, int) and step < len(content))
        elements = [_pick(content[index], wanted[index]) for index in indexes]
        found = [element for element in elements if element is not None]
        return {"L": found} if found else None
    return None
