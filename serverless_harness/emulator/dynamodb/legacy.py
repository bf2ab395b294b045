"""The older parameters that expressions replaced, read as expressions.

AWS developer guide, "Legacy DynamoDB conditional parameters": Expected, AttributeUpdates, KeyConditions,
QueryFilter, ScanFilter, ConditionalOperator and AttributesToGet.
"""

from collections.abc import Mapping
from typing import Any

from serverless_harness.emulator.dynamodb.errors import INVALID_VALUES, ValidationError
from serverless_harness.emulator.dynamodb.expression_checks import ConditionTree, UpdateTree
from serverless_harness.emulator.dynamodb.expression_evaluation import (
    Action,
    And,
    Between,
    Bindings,
    Comparison,
    Condition,
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
from serverless_harness.emulator.dynamodb.request_expressions import BoundCondition, BoundUpdate
from serverless_harness.emulator.dynamodb.values import (
    SET_MEMBER_TYPES,
    AttributeValue,
    canonical,
    check_names,
    sort_key,
    value_type,
)

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
KEY_CONDITIONS_MAX = 2
_KEY_OPERATORS = ("EQ", "LE", "LT", "GE", "GT", "BEGINS_WITH", "BETWEEN")
_SCALARS = ("S", "N", "B")
_OPERAND_TYPES = {
    **dict.fromkeys(("LE", "LT", "GE", "GT", "CONTAINS", "NOT_CONTAINS", "IN", "BETWEEN"), _SCALARS),
    "BEGINS_WITH": ("S", "B"),
}
"""The types that an operator takes; EQ and NE take all."""


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
        if request.get("ConditionalOperator") and parameter != "KeyConditions":
            raise ValidationError("ConditionalOperator cannot be used without Filter or Expected")
        return None
    values = _Values()
    check_names(entries)
    terms = tuple(_condition(name, entry, values, parameter) for name, entry in entries.items())
    either = request.get("ConditionalOperator") == "OR" and parameter != "KeyConditions"
    root: Condition = terms[0] if len(terms) == 1 else Or(terms) if either else And(terms)
    return BoundCondition(ConditionTree(root), values.bindings())


def _condition(name: str, entry: Mapping[str, Any], values: _Values, parameter: str) -> Condition:
    path = Path((name,), literal=True)
    operator, operands = entry.get("ComparisonOperator"), entry.get("AttributeValueList")
    if "Value" in entry and operands is not None:
        raise _invalid(f"Value and AttributeValueList cannot be used together for Attribute: {name}")
    if operator is None:
        if operands is not None:
            raise _invalid(
                f"AttributeValueList can only be used with a ComparisonOperator for Attribute: {name}"
            )
        return _existence(name, path, entry, values)
    if "Exists" in entry:
        raise _invalid(f"Exists and ComparisonOperator cannot be used together for Attribute: {name}")
    if "Value" in entry:
        operands = [entry["Value"]]
    if operands is None and parameter == "Expected" and _OPERAND_COUNTS.get(operator) != 0:
        raise _invalid(
            "Value or AttributeValueList must be used with ComparisonOperator: "
            f"{operator} for Attribute: {name}"
        )
    placeholders = [values.placeholder(operand) for operand in operands or []]
    _check_operands(operator, [values.collected[each.name] for each in placeholders])
    return _comparison(operator, path, placeholders)


def _existence(name: str, path: Path, entry: Mapping[str, Any], values: _Values) -> Condition:
    if entry.get("Exists") is False:
        if "Value" in entry:
            raise _invalid(f"Value cannot be used when Exists is false for Attribute: {name}")
        return Function("attribute_not_exists", (path,))
    if "Value" not in entry:
        exists = "true" if entry.get("Exists") else "null"
        raise _invalid(f"Value must be provided when Exists is {exists} for Attribute: {name}")
    return Comparison("=", path, values.placeholder(entry["Value"]))


def check_key_conditions(request: Mapping[str, Any]) -> None:
    """Raise ValidationError for a KeyConditions that no key could meet."""
    entries = request.get("KeyConditions") or {}
    if len(entries) > KEY_CONDITIONS_MAX:
        raise ValidationError("Conditions can be of length 1 or 2 only")
    for entry in entries.values():
        if entry["ComparisonOperator"] not in _KEY_OPERATORS:
            raise ValidationError("Attempted conditional constraint is not an indexable operation")


def _check_operands(operator: str, operands: list[AttributeValue]) -> None:
    expected = _OPERAND_COUNTS.get(operator)
    if (not operands) if expected is None else (len(operands) != expected):
        raise _invalid(f"Invalid number of argument(s) for the {operator} ComparisonOperator")
    kinds = [value_type(operand) for operand in operands]
    if len(set(kinds)) > 1:
        raise _invalid("AttributeValues inside AttributeValueList must be of same type")
    if kinds and kinds[0] not in _OPERAND_TYPES.get(operator, kinds):
        raise _invalid(f"ComparisonOperator {operator} is not valid for {kinds[0]} AttributeValue type")
    if operator == "BETWEEN" and sort_key(operands[0]) > sort_key(operands[1]):
        raise ValidationError(
            "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound"
        )


def _comparison(operator: str, path: Path, operands: list[Placeholder]) -> Condition:
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
            # An absent attribute doesn't contain anything, and yet fails: the operator is about a value.
            exists = Function("attribute_exists", (path,))
            return And((exists, Not(Function("contains", (path, *operands)))))
        case _:
            return Comparison(_COMPARATORS[operator], path, operands[0])


def _invalid(detail: str) -> ValidationError:
    return ValidationError(INVALID_VALUES + detail)


def read_attribute_updates(request: Mapping[str, Any]) -> BoundUpdate | None:
    """Return the update of AttributeUpdates, or None without it."""
    if not request.get("AttributeUpdates"):
        return None
    values = _Values()
    check_names(request["AttributeUpdates"])
    actions = tuple(
        _action(name, entry.get("Action", "PUT"), entry.get("Value"), values)
        for name, entry in request["AttributeUpdates"].items()
    )
    return BoundUpdate(UpdateTree(actions), values.bindings(), is_legacy=True)


def _action(name: str, action: str, value: AttributeValue | None, values: _Values) -> Action:
    path = Path((name,), literal=True)
    if value is None:
        if action != "DELETE":
            raise _invalid("Only DELETE action is allowed when no attribute value is specified")
        return RemoveAction(path)
    operand = values.placeholder(value)
    if action == "PUT":
        return SetAction(path, operand)
    kind = value_type(value)
    if action == "DELETE" and kind not in SET_MEMBER_TYPES:
        raise _invalid(f"DELETE action with value is not supported for the type {kind}")
    if action == "ADD" and kind not in ("N", "L", *SET_MEMBER_TYPES):
        raise _invalid(f"ADD action is not supported for the type {kind}")
    return MemberAction(action, path, operand)


def read_attributes_to_get(request: Mapping[str, Any]) -> list[ResolvedPath] | None:
    """Return the paths of AttributesToGet, or None without it."""
    names = request.get("AttributesToGet")
    if not names:
        return None
    check_names(names)
    if len(set(names)) != len(names):
        duplicate = next(name for number, name in enumerate(names) if name in names[:number])
        raise _invalid(f"Duplicate value in attribute name: {duplicate}")
    return [(name,) for name in names]
