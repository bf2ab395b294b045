"""Key conditions of a query: one value of the partition key, and bounds of the sort key.

AWS developer guide, "Key condition expressions for the Query operation in DynamoDB" and "Multi-attribute
keys pattern".
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from moto.dynamodb.models.table import Table

from serverless_harness.emulator.dynamodb.errors import INVALID_VALUES, ValidationError
from serverless_harness.emulator.dynamodb.expression_evaluation import (
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
from serverless_harness.emulator.dynamodb.keys import attribute_type
from serverless_harness.emulator.dynamodb.request_expressions import BoundCondition
from serverless_harness.emulator.dynamodb.sources import TOP, AfterPrefix, Position, Source
from serverless_harness.emulator.dynamodb.values import AttributeValue, sort_key, value_type

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
    """The terms of a key condition; `check` sorts them into partition and sort key."""

    terms: list[_Term]
    hash_values: dict[str, AttributeValue] = field(init=False, default_factory=dict)
    """The values of the partition key's attributes."""
    _range_terms: list[_Term] = field(init=False, default_factory=list)

    def check(self, source: Source) -> None:
        """Raise ValidationError unless the terms fit the source's key.

        All of the partition key's attributes are compared for equality, the sort key's from the left, and
        only the last of these that the condition names otherwise than for equality.
        """
        names = source.key_names
        if len(self.terms) > len(names):
            raise ValidationError(
                f"The number of query conditions ({len(self.terms)}) exceeds the number of key attributes "
                f"defined in the schema ({len(names)})"
            )
        by_name = {term.name: term for term in self.terms}
        for name in names[: max(len(source.hash_names), len(self.terms))]:
            if name not in by_name:
                raise ValidationError(f"Query condition missed key schema element: {name}")
        for name, term in by_name.items():
            _check_values(source.table, name, term)
        hash_terms = [by_name[name] for name in source.hash_names]
        self._range_terms = [by_name[name] for name in source.range_names if name in by_name]
        if not all(term.is_equality for term in (*hash_terms, *self._range_terms[:-1])):
            raise ValidationError("Query key condition not supported")
        self.hash_values = {term.name: term.values[0] for term in hash_terms}

    def bounds(self, source: Source) -> tuple[Position, Position]:
        """Return the position from which on, and the one before which, items meet the condition."""
        start: Position = (source.partition(self.hash_values),)
        for term in self._range_terms[:-1]:
            start = (*start, sort_key(term.values[0]))
        low, high = start, (*start, TOP)
        if not self._range_terms:
            return low, high
        values = [sort_key(value) for value in self._range_terms[-1].values]
        first, last = (*start, values[0]), (*start, values[-1])
        match self._range_terms[-1].condition:
            case Comparison("<", _, _):
                high = first
            case Comparison("<=", _, _):
                high = (*first, TOP)
            case Comparison(">", _, _):
                low = (*first, TOP)
            case Comparison(">=", _, _):
                low = first
            case Function():
                low, high = first, (*start, AfterPrefix(values[0]))
            case _:
                low, high = first, (*last, TOP)
        return low, high


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
    return KeyCondition(terms)


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
