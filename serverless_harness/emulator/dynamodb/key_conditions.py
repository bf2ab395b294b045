"""Key conditions of a query: one value of the hash key, and a test of the range key.

AWS developer guide, "Key condition expressions for the Query operation in DynamoDB".
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from moto.dynamodb.models.table import Table

from serverless_harness.emulator.dynamodb.errors import INVALID_VALUES, Attributes, ValidationError
from serverless_harness.emulator.dynamodb.expression_checks import ConditionTree
from serverless_harness.emulator.dynamodb.expression_tree import (
    And,
    Between,
    Bindings,
    Comparison,
    Condition,
    Function,
    In,
    Not,
    Operand,
    Or,
    Path,
    Placeholder,
)
from serverless_harness.emulator.dynamodb.expressions import BoundCondition
from serverless_harness.emulator.dynamodb.keys import attribute_type
from serverless_harness.emulator.dynamodb.values import AttributeValue, value_type

_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class _Term:
    """A condition on one key attribute and the values that it compares with."""

    name: str
    condition: Condition
    is_equality: bool
    values: tuple[AttributeValue, ...]


@dataclass(slots=True)
class KeyCondition:
    """The terms of a key condition; `check` sorts them into hash and range key."""

    terms: list[_Term]
    bindings: Bindings
    hash_value: AttributeValue = field(init=False, default_factory=dict)
    _range: BoundCondition | None = field(init=False, default=None)

    def check(self, table: Table, names: tuple[str, ...]) -> None:
        """Raise ValidationError unless the terms fit the key attributes `names`, hash key first."""
        if len(self.terms) > len(names):
            raise ValidationError(
                f"The number of query conditions ({len(self.terms)}) exceeds the number of key attributes "
                f"defined in the schema ({len(names)})"
            )
        by_name = {term.name: term for term in self.terms}
        for name in names[: max(1, len(self.terms))]:
            if name not in by_name:
                raise ValidationError(f"Query condition missed key schema element: {name}")
        for name, term in by_name.items():
            _check_values(table, name, term)
        hash_term = by_name[names[0]]
        if not hash_term.is_equality:
            raise ValidationError("Query key condition not supported")
        (self.hash_value,) = hash_term.values
        range_term = by_name.get(names[1]) if len(names) > 1 else None
        self._range = (
            BoundCondition(ConditionTree(range_term.condition), self.bindings) if range_term else None
        )

    def range_holds(self, item: Attributes) -> bool:
        """Tell whether an item's range key meets the condition on it, if there is one."""
        return self._range is None or self._range.holds(item)


def _check_values(table: Table, name: str, term: _Term) -> None:
    for value in term.values:
        if value_type(value) != attribute_type(table, name):
            raise ValidationError(f"{INVALID_VALUES}Condition parameter type does not match schema type")
        if next(iter(value.values())) in ("", b""):
            kind = "string" if "S" in value else "binary"
            raise ValidationError(
                "One or more parameter values are not valid. The AttributeValue for a key attribute "
                f"cannot contain an empty {kind} value. Key: {name}"
            )


def read_key_condition(condition: BoundCondition | None) -> KeyCondition:
    """Return the terms of a key condition; raise ValidationError for one that can't be a key condition."""
    if condition is None:
        raise ValidationError(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."
        )
    terms = [_term(node, condition.bindings) for node in _conjuncts(condition.tree.root)]
    if len({term.name for term in terms}) != len(terms):
        raise _invalid("KeyConditionExpressions must only contain one condition per key")
    return KeyCondition(terms, condition.bindings)


def _conjuncts(node: Condition) -> Iterator[Condition]:
    if isinstance(node, And):
        for term in node.terms:
            yield from _conjuncts(term)
    else:
        yield node


def _term(node: Condition, bindings: Bindings) -> _Term:
    match node:
        case Comparison(operator, left, right) if operator in _MIRRORED:
            if isinstance(left, Placeholder):
                operator, left, right = _MIRRORED[operator], right, left
                node = Comparison(operator, left, right)
            return _on_key(node, left, (right,), bindings, is_equality=operator == "=")
        case Between(operand, lower, upper):
            return _on_key(node, operand, (lower, upper), bindings)
        case Function("begins_with", (operand, prefix)):
            return _on_key(node, operand, (prefix,), bindings)
    raise ValidationError(f"Invalid operator used in KeyConditionExpression: {_operator(node)}")


def _operator(node: Condition) -> str:
    match node:
        case Or():
            return "OR"
        case Not():
            return "NOT"
        case In():
            return "IN"
        case Comparison(operator, _, _):
            return operator
        case Function(name, _):
            return name
    return type(node).__name__.upper()


def _on_key(
    node: Condition,
    subject: Operand,
    operands: tuple[Operand, ...],
    bindings: Bindings,
    *,
    is_equality: bool = False,
) -> _Term:
    if not isinstance(subject, Path):
        raise ValidationError("Invalid condition in KeyConditionExpression: No key attribute specified")
    path = subject.resolve(bindings)
    if len(path) > 1:
        raise _invalid("KeyConditionExpressions cannot have conditions on nested attributes")
    values = [bindings.values[operand.name] for operand in operands if isinstance(operand, Placeholder)]
    if len(values) != len(operands):
        raise ValidationError(
            "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition"
        )
    return _Term(str(path[0]), node, is_equality, tuple(values))


def _invalid(detail: str) -> ValidationError:
    return ValidationError(f"Invalid KeyConditionExpression: {detail}")
