"""The constraints of the service model: lengths, patterns, enumerations, what must be there.

All violations of a request are told in one message, as the service's front end does: "2 validation errors
detected: Value …; Value …". The constraints are those that botocore's model of DynamoDB has; here is what it
leaves out, has wrong for the answers of today, or has in another order. The wording is that of most regions
(us-east-1 among them); since June 2026 some answer with paths in PascalCase and without the value.
"""

import re
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import OperationModel, Shape

from serverless_harness.emulator.dynamodb.errors import ValidationError

Check = Callable[[Any, str, list[str]], None]
"""Appends the violations of a value at a path."""

VIOLATIONS_MAX = 10
NAME_PATTERN = "[a-zA-Z0-9_.-]+"
_ENUM_ORDERS = {
    "ReturnValue": ["ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW"],
    "Select": ["SPECIFIC_ATTRIBUTES", "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES"],
    "ComparisonOperator": [
        "IN", "NULL", "BETWEEN", "LT", "NOT_CONTAINS", "EQ", "GT", "NOT_NULL", "NE", "LE", "BEGINS_WITH",
        "GE", "CONTAINS",
    ],
    "ConditionalOperator": ["OR", "AND"],
    "ScalarAttributeType": ["B", "N", "S"],
    "ProjectionType": ["ALL", "INCLUDE", "KEYS_ONLY"],
}  # fmt: skip
"""In the order of the service's messages."""

_OWN_CHECKS = {"AttributeValue", "AttributeName"}
"""Shapes whose limits are told in other words, elsewhere."""

_LENGTHS: dict[tuple[str, str], tuple[int, int]] = {
    ("CreateTableInput", "KeySchema"): (1, 2),
    ("LocalSecondaryIndex", "KeySchema"): (1, 2),
    ("GlobalSecondaryIndex", "KeySchema"): (1, 8),
    ("CreateGlobalSecondaryIndexAction", "KeySchema"): (1, 8),
}
"""Least and greatest length of lists whose bounds depend on the structure that they are members of."""

_REQUIRED = {"CreateTableInput": ("AttributeDefinitions", "KeySchema")}
"""Required unless the table is to be another's replica."""

_UNITED = {"BatchGetItem", "BatchWriteItem"}
"""Operations that word an empty RequestItems in a sentence of their own."""

TABLE_OPERATIONS = frozenset({"CreateTable", "DescribeTable", "UpdateTable", "DeleteTable"})
"""Operations that word what is wrong with the table's name in sentences of their own."""


def check(operation: OperationModel, request: Mapping[str, Any]) -> None:
    """Raise ValidationError with up to ten of a request's violations of the service model."""
    shape = operation.input_shape
    if shape is None:
        return
    if operation.name in TABLE_OPERATIONS:
        _check_table_name(request)
    elif operation.name in _UNITED and request.get("RequestItems") == {}:
        raise ValidationError(f"The requestItems parameter is required for {operation.name}")
    violations: list[str] = []
    check_input = _check_of(shape)
    if check_input:
        check_input(request, "", violations)
    if violations:
        number = min(len(violations), VIOLATIONS_MAX)
        detected = f"{number} validation error{'s' if number > 1 else ''} detected: "
        raise ValidationError(detected + "; ".join(violations[:number]))


def _check_table_name(request: Mapping[str, Any]) -> None:
    name = request.get("TableName")
    if name is None:
        raise ValidationError("The parameter 'TableName' is required but was not present in the request")
    if not name.startswith("arn:") and not 3 <= len(name) <= 255:
        raise ValidationError("TableName must be at least 3 characters long and at most 255 characters long")


def _violation(shape: Shape, value: Any, path: str, constraint: str) -> str:  # noqa: ANN401
    return f"Value '{echo(shape, value)}' at '{path}' failed to satisfy constraint: {constraint}"


def echo(shape: Any, value: Any) -> str:  # noqa: ANN401 - any shape and its value
    """Return a value as the service repeats it: as Java prints it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if shape.name == "AttributeValue":
        return f"com.amazonaws.dynamodb.v20120810.AttributeValue@{zlib.crc32(repr(value).encode()):x}"
    text = str(value)
    match shape.type_name:
        case "list":
            text = f"[{', '.join(echo(shape.member, member) for member in value)}]"
        case "map":
            text = "{" + ", ".join(f"{name}={echo(shape.value, each)}" for name, each in value.items()) + "}"
        case "structure":
            members = (
                f"{_lower(name)}={echo(member, value.get(name))}" for name, member in shape.members.items()
            )
            text = f"{shape.name}({', '.join(members)})"
    return text


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]


_checks: dict[str, Check | None] = {}


def _check_of(shape: Shape) -> Check | None:
    """Return the check of a shape, or None if neither it nor what it holds is constrained."""
    if shape.name not in _checks:
        _checks[shape.name] = None if shape.name in _OWN_CHECKS else _make_check(shape)
    return _checks[shape.name]


def _make_check(shape: Any) -> Check | None:  # noqa: ANN401 - a shape of any type
    match shape.type_name:
        case "structure":
            return _structure_check(shape)
        case "list":
            return _list_check(shape, shape.metadata.get("min"), shape.metadata.get("max"))
        case "map":
            return _map_check(shape)
        case "string" | "integer" | "long":
            return _scalar_check(shape)
    return None


def _structure_check(shape: Any) -> Check | None:  # noqa: ANN401
    required = {*shape.required_members, *_REQUIRED.get(shape.name, ())}
    members = []
    for name, member in shape.members.items():
        bounds = _LENGTHS.get((shape.name, name))
        member_check = _list_check(member, *bounds) if bounds else _check_of(member)
        if member_check or name in required:
            members.append((name, _lower(name), name in required, member_check))
    optional = _REQUIRED.get(shape.name, ())
    if not members:
        return None

    def check_structure(value: Any, path: str, violations: list[str]) -> None:  # noqa: ANN401
        prefix = f"{path}." if path else ""
        for name, lower, is_required, check_member in members:
            member = value.get(name)
            if member is not None:
                if check_member:
                    check_member(member, prefix + lower, violations)
            elif is_required and not (name in optional and "GlobalTableSourceArn" in value):
                violations.append(
                    f"Value null at '{prefix}{lower}' failed to satisfy constraint: Member must not be null"
                )

    return check_structure


def _list_check(shape: Any, least: int | None, most: int | None) -> Check | None:  # noqa: ANN401
    if shape.member.type_name in ("structure", "map", "list"):
        check_member = _check_of(shape.member)
        united = None
    else:
        check_member = None
        united = _united_constraint(shape.member)
    if check_member is None and least is None and most is None and united is None:
        return None

    def check_list(value: Any, path: str, violations: list[str]) -> None:  # noqa: ANN401
        if least is not None and len(value) < least:
            violations.append(_length_violation(shape, value, path, "greater", least))
        if most is not None and len(value) > most:
            violations.append(_length_violation(shape, value, path, "less", most))
        if united and not all(united[0](member) for member in value if member is not None):
            constraint = f"Member must satisfy constraint: {united[1]}"
            violations.append(_violation(shape, value, path, constraint))
        if check_member:
            for number, member in enumerate(value, start=1):
                if member is not None:
                    check_member(member, f"{path}.{number}.member", violations)

    return check_list


def _length_violation(shape: Shape, value: Any, path: str, than: str, bound: int) -> str:  # noqa: ANN401
    return _violation(shape, value, path, f"Member must have length {than} than or equal to {bound}")


def _map_check(shape: Any) -> Check | None:  # noqa: ANN401
    key_rule = _united_constraint(shape.key)
    value_rule = _united_constraint(shape.value) if shape.value.type_name == "list" else None
    check_value = _check_of(shape.value) if shape.value.type_name == "structure" else None
    if shape.value.type_name == "list":
        check_member = _check_of(shape.value.member)
        check_value = _members_check(check_member) if check_member else None
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if not (key_rule or value_rule or check_value or least or most):
        return None

    def check_map(value: Any, path: str, violations: list[str]) -> None:  # noqa: ANN401
        if least is not None and len(value) < least:
            violations.append(_length_violation(shape, value, path, "greater", least))
        if most is not None and len(value) > most:
            violations.append(_length_violation(shape, value, path, "less", most))
        if key_rule and not all(map(key_rule[0], value)):
            constraint = f"Map keys must satisfy constraint: {key_rule[1]}"
            violations.append(_violation(shape, value, path, constraint))
        if value_rule and not all(value_rule[0](each) for each in value.values() if each is not None):
            constraint = f"Map value must satisfy constraint: {value_rule[1]}"
            violations.append(_violation(shape, value, path, constraint))
        if check_value:
            for name, each in value.items():
                if each is not None:
                    check_value(each, f"{path}.{name}.member", violations)

    return check_map


def _members_check(check_member: Check) -> Check:
    def check_members(value: Any, path: str, violations: list[str]) -> None:  # noqa: ANN401
        for number, member in enumerate(value, start=1):
            if member is not None:
                check_member(member, f"{path}.{number}.member", violations)

    return check_members


def _bounds(shape: Shape) -> tuple[int | None, int | None, str | None]:
    """Return the least and the greatest length or value, and the pattern; an ARN may stand for a name."""
    if shape.name in ("TableArn", "TableName"):
        return 3, 255, NAME_PATTERN
    metadata = shape.metadata
    return metadata.get("min"), metadata.get("max"), metadata.get("pattern")


def _is_arn(shape: Shape, value: Any) -> bool:  # noqa: ANN401
    return shape.name == "TableArn" and value.startswith("arn:")


def _united_constraint(shape: Shape) -> tuple[Callable[[Any], bool], str] | None:
    """Return a test of keys, or of members that have no path of their own, and the constraints' text."""
    if shape.name in _OWN_CHECKS:
        return None
    least, most, pattern = _bounds(shape)
    if least is None and most is None and pattern is None:
        return None
    texts = []
    if most is not None:
        texts.append(f"Member must have length less than or equal to {most}")
    if least is not None:
        texts.append(f"Member must have length greater than or equal to {least}")
    if pattern is not None:
        texts.append(f"Member must satisfy regular expression pattern: {pattern}")
    compiled = re.compile(pattern) if pattern is not None else None

    def satisfies(value: Any) -> bool:  # noqa: ANN401
        if _is_arn(shape, value):
            return True
        fits = (least is None or len(value) >= least) and (most is None or len(value) <= most)
        return fits and (compiled is None or compiled.fullmatch(value) is not None)

    return satisfies, f"[{', '.join(texts)}]"


def _scalar_check(shape: Any) -> Check | None:  # noqa: ANN401
    if shape.metadata.get("enum"):
        return _enum_check(shape)
    least, most, pattern = _bounds(shape)
    if least is None and most is None and pattern is None:
        return None
    measure: Callable[[Any], int] = len if shape.type_name == "string" else int
    kind = "length" if shape.type_name == "string" else "value"
    is_java = pattern is not None and pattern.startswith(("\\p", "[\\u"))
    compiled = re.compile(pattern) if pattern is not None and not is_java else None
    is_name = shape.name == "TableArn"

    def check_scalar(value: Any, path: str, violations: list[str]) -> None:  # noqa: ANN401
        if is_name and value.startswith("arn:"):
            return
        if compiled and not compiled.fullmatch(value):
            constraint = f"Member must satisfy regular expression pattern: {pattern}"
            violations.append(_violation(shape, value, path, constraint))
        if least is not None and measure(value) < least:
            constraint = f"Member must have {kind} greater than or equal to {least}"
            violations.append(_violation(shape, value, path, constraint))
        if most is not None and measure(value) > most:
            constraint = f"Member must have {kind} less than or equal to {most}"
            violations.append(_violation(shape, value, path, constraint))

    return check_scalar


def _enum_check(shape: Any) -> Check:  # noqa: ANN401
    allowed = _ENUM_ORDERS.get(shape.name, shape.metadata["enum"])
    constraint = f"Member must satisfy enum value set: [{', '.join(allowed)}]"

    def check_enum(value: Any, path: str, violations: list[str]) -> None:  # noqa: ANN401
        if value not in allowed:
            violations.append(_violation(shape, value, path, constraint))

    return check_enum
