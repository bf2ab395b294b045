"""The older parameters that expressions replaced, read as expressions.

AWS developer guide, "Legacy DynamoDB conditional parameters": Expected, AttributeUpdates, KeyConditions,
QueryFilter, ScanFilter, ConditionalOperator and AttributesToGet.
"""

from collections.abc import Mapping
from typing import Any

from serverless_harness.emulator.dynamodb.errors import INVALID_VALUES, ValidationError, constraint_error
from serverless_harness.emulator.dynamodb.expression_checks import ConditionTree, UpdateTree
from serverless_harness.emulator.dynamodb.expression_tree import (
    Action,
    And,
    Between,
    Bindings,
    Comparison,
    Condition,
    ExpressionError,
    Function,
    In,
    MemberAction,
    Not,
    Or,
    Path,
    Placeholder,
    RemoveAction,
    ResolvedPath,
    SetAction,
)
from serverless_harness.emulator.dynamodb.expressions import BoundCondition, BoundUpdate
from serverless_harness.emulator.dynamodb.values import AttributeValue, canonical

_COMPARATORS = {"EQ": "=", "NE": "<>", "LE": "<=", "LT": "<", "GE": ">=", "GT": ">"}
_OPERAND_COUNTS = {
    **dict.fromkeys(_COMPARATORS, 1),
    "NOT_NULL": 0,
    "NULL": 0,
    "CONTAINS": 1,
    "NOT_CONTAINS": 1,
    "BEGINS_WITH": 1,
    "BETWEEN": 2,
}


class _Values:
    """Collects values under placeholders of their own."""

    def __init__(self) -> None:
        self.collected: dict[str, AttributeValue] = {}

    def placeholder(self, value: AttributeValue) -> Placeholder:
        name = f":{len(self.collected)}"
        self.collected[name] = canonical(value)
        return Placeholder(name)

    def bindings(self) -> Bindings:
        return Bindings({}, self.collected)


def read_conditions(request: Mapping[str, Any], parameter: str) -> BoundCondition | None:
    """Return the condition of Expected, QueryFilter, ScanFilter or KeyConditions, or None without it."""
    entries = request.get(parameter)
    if not entries:
        return None
    values = _Values()
    terms = tuple(_condition(name, entry, values) for name, entry in entries.items())
    either = request.get("ConditionalOperator") == "OR" and parameter != "KeyConditions"
    root: Condition = terms[0] if len(terms) == 1 else Or(terms) if either else And(terms)
    bound = BoundCondition(ConditionTree(root), values.bindings())
    _check(bound)
    return bound


def _check(bound: BoundCondition | BoundUpdate) -> None:
    try:
        bound.tree.check(bound.bindings)
    except ExpressionError as error:
        raise ValidationError(f"{INVALID_VALUES}{error.detail}") from None


def _condition(name: str, entry: Mapping[str, Any], values: _Values) -> Condition:
    path = Path((name,), literal=True)
    operator, operands = entry.get("ComparisonOperator"), entry.get("AttributeValueList")
    if operator is None:
        return _existence(name, path, entry, values)
    if "Value" in entry:
        if operands is not None:
            raise _invalid(f"Value and AttributeValueList cannot be used together for Attribute: {name}")
        operands = [entry["Value"]]
    if operands is None and _OPERAND_COUNTS.get(operator) != 0:
        raise _invalid(
            "Value or AttributeValueList must be used with ComparisonOperator: "
            f"{operator} for Attribute: {name}"
        )
    return _comparison(operator, path, [values.placeholder(operand) for operand in operands or []])


def _existence(name: str, path: Path, entry: Mapping[str, Any], values: _Values) -> Condition:
    if entry.get("Exists") is False:
        if "Value" in entry:
            raise _invalid(f"Value cannot be used when Exists is false for Attribute: {name}")
        return Function("attribute_not_exists", (path,))
    if "Value" not in entry:
        exists = "true" if entry.get("Exists") else "null"
        raise _invalid(f"Value must be provided when Exists is {exists} for Attribute: {name}")
    return Comparison("=", path, values.placeholder(entry["Value"]))


def _comparison(operator: str, path: Path, operands: list[Placeholder]) -> Condition:
    expected = _OPERAND_COUNTS.get(operator)
    if (expected is None and operator != "IN") or (operator == "IN" and not operands):
        raise _invalid(f"Unsupported operator or no argument: {operator}")
    if expected is not None and len(operands) != expected:
        raise _invalid(f"Invalid number of argument(s) for the {operator} ComparisonOperator")
    match operator:
        case "NOT_NULL" | "NULL":
            name = "attribute_exists" if operator == "NOT_NULL" else "attribute_not_exists"
            return Function(name, (path,))
        case "IN":
            return In(path, tuple(operands))
        case "BETWEEN":
            return Between(path, *operands)
        case "CONTAINS" | "BEGINS_WITH":
            return Function(operator.lower(), (path, *operands))
        case "NOT_CONTAINS":
            return Not(Function("contains", (path, *operands)))
        case _:
            return Comparison(_COMPARATORS[operator], path, operands[0])


def _invalid(detail: str) -> ValidationError:
    return ValidationError(INVALID_VALUES + detail)


def read_attribute_updates(request: Mapping[str, Any]) -> BoundUpdate | None:
    """Return the update of AttributeUpdates, or None without it."""
    if not request.get("AttributeUpdates"):
        return None
    values = _Values()
    actions = tuple(
        _action(name, entry.get("Action", "PUT"), entry.get("Value"), values)
        for name, entry in request["AttributeUpdates"].items()
    )
    bound = BoundUpdate(UpdateTree(actions), values.bindings())
    _check(bound)
    return bound


def _action(name: str, action: str, value: AttributeValue | None, values: _Values) -> Action:
    if action not in ("ADD", "PUT", "DELETE"):
        constraint = "Member must satisfy enum value set: [ADD, PUT, DELETE]"
        raise constraint_error(action, f"attributeUpdates.{name}.member.action", constraint)
    path = Path((name,), literal=True)
    if value is None:
        if action != "DELETE":
            raise _invalid("Only DELETE action is allowed when no attribute value is specified")
        return RemoveAction(path)
    if action == "PUT":
        return SetAction(path, values.placeholder(value))
    return MemberAction(action, path, values.placeholder(value))


def read_attributes_to_get(request: Mapping[str, Any]) -> list[ResolvedPath] | None:
    """Return the paths of AttributesToGet, or None without it."""
    names = request.get("AttributesToGet")
    return [(name,) for name in names] if names else None
