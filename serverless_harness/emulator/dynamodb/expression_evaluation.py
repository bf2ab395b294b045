"""What an expression means: the nodes that the parser makes, evaluated against an item (updates: `updates`).

A node holds no request's names or values: the parser keeps trees from request to request, and each
request brings its `Bindings`. Semantics: AWS developer guide, "Using expressions in DynamoDB".
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from serverless_harness.emulator.dynamodb.errors import Attributes, ValidationError
from serverless_harness.emulator.dynamodb.values import (
    SET_MEMBER_TYPES,
    AttributeValue,
    sort_key,
    value_type,
)

ORDERED_TYPES = ("S", "N", "B")


@dataclass(frozen=True, slots=True)
class Bindings:
    """A request's ExpressionAttributeNames and its ExpressionAttributeValues, canonical."""

    names: Mapping[str, str]
    values: Mapping[str, AttributeValue]


class ExpressionError(Exception):
    """What is wrong with an expression; whoever knows the parameter's name adds it to the message."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def named(self, parameter: str) -> ValidationError:
        return ValidationError(f"Invalid {parameter}: {self.detail}")


ResolvedPath = tuple[str | int, ...]
"""A document path with its names substituted: attribute names and list indexes."""


class Node:
    """What an expression consists of."""

    __slots__ = ()

    def nodes(self) -> "Iterator[Node]":
        """Yield the node and all that it holds, in order of appearance."""
        yield self
        names: tuple[str, ...] = tuple(self.__slots__)
        for name in names:
            held = getattr(self, name)
            for each in held if isinstance(held, tuple) else (held,):
                if isinstance(each, Node):
                    yield from each.nodes()


@dataclass(frozen=True, slots=True)
class Path(Node):
    """A document path; a step is a name, a placeholder that starts with `#`, or a list index."""

    steps: tuple[str | int, ...]
    literal: bool = False
    """Whether a step that starts with `#` is a name nonetheless: in the older, non-expression parameters."""

    def resolve(self, bindings: Bindings) -> ResolvedPath:
        if self.literal:
            return self.steps
        return tuple(
            bindings.names[step] if isinstance(step, str) and step[0] == "#" else step for step in self.steps
        )

    def value(self, item: Attributes, bindings: Bindings) -> AttributeValue | None:
        return value_at(item, self.resolve(bindings))


@dataclass(frozen=True, slots=True)
class Placeholder(Node):
    """A value's placeholder, `:name`."""

    name: str

    def value(self, item: Attributes, bindings: Bindings) -> AttributeValue | None:
        return bindings.values[self.name]


@dataclass(frozen=True, slots=True)
class Size(Node):
    """The function `size`: bytes (of a string, in UTF-8) or elements of what its operand holds."""

    operand: "Path | Placeholder"

    def value(self, item: Attributes, bindings: Bindings) -> AttributeValue | None:
        measured = self.operand.value(item, bindings)
        if measured is None:
            return None
        kind, content = next(iter(measured.items()))
        if kind in ("N", "BOOL", "NULL"):
            return None
        return {"N": str(len(content.encode()) if kind == "S" else len(content))}


Operand = Path | Placeholder | Size


def value_at(item: Attributes, path: ResolvedPath) -> AttributeValue | None:
    """Return the value at a path of an item, or None if there is none."""
    value = item.get(path[0])  # type: ignore[arg-type]
    for step in path[1:]:
        if value is None:
            return None
        kind, content = next(iter(value.items()))
        if isinstance(step, str):
            value = content.get(step) if kind == "M" else None
        else:
            value = content[step] if kind == "L" and step < len(content) else None
    return value


class Condition(Node):
    """A node that holds or doesn't."""

    __slots__ = ()

    def holds(self, item: Attributes, bindings: Bindings) -> bool:
        raise NotImplementedError


ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


@dataclass(frozen=True, slots=True)
class Comparison(Condition):
    """`left operator right`; of different types, two values are unequal and in no order."""

    operator: str
    left: Operand
    right: Operand

    def holds(self, item: Attributes, bindings: Bindings) -> bool:
        left, right = self.left.value(item, bindings), self.right.value(item, bindings)
        if left is None or right is None:
            return self.operator == "<>"
        if self.operator == "=":
            return left == right
        if self.operator == "<>":
            return left != right
        return _same_ordered_type(left, right) and ORDERINGS[self.operator](sort_key(left), sort_key(right))


def _same_ordered_type(left: AttributeValue, right: AttributeValue) -> bool:
    return value_type(left) in ORDERED_TYPES and value_type(left) == value_type(right)


@dataclass(frozen=True, slots=True)
class Between(Condition):
    """`operand BETWEEN lower AND upper`, both bounds included."""

    operand: Operand
    lower: Operand
    upper: Operand

    def holds(self, item: Attributes, bindings: Bindings) -> bool:
        return (
            Comparison("<=", self.lower, self.operand).holds(item, bindings)
            and Comparison("<=", self.operand, self.upper).holds(item, bindings)
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class In(Condition):
    """`operand IN (choice, …)`."""

    operand: Operand
    choices: tuple[Operand, ...]

    def holds(self, item: Attributes, bindings: Bindings) -> bool:
        value = self.operand.value(item, bindings)
        return value is not None and any(value == choice.value(item, bindings) for choice in self.choices)


@dataclass(frozen=True, slots=True)
class Function(Condition):
    """A function that is a condition of its own."""

    name: str
    arguments: tuple[Operand, ...]

    def holds(self, item: Attributes, bindings: Bindings) -> bool:
        values = [argument.value(item, bindings) for argument in self.arguments]
        if self.name == "attribute_exists":
            return values[0] is not None
        if self.name == "attribute_not_exists":
            return values[0] is None
        subject, operand = values
        if subject is None or operand is None:
            return False
        if self.name == "attribute_type":
            return value_type(subject) == operand.get("S")
        if self.name == "begins_with":
            return _begins_with(subject, operand)
        return _contains(subject, operand)


FUNCTION_ARITY = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
}


def _begins_with(subject: AttributeValue, prefix: AttributeValue) -> bool:
    kind, content = next(iter(subject.items()))
    return kind in ("S", "B") and value_type(prefix) == kind and bool(content.startswith(prefix[kind]))


def _contains(subject: AttributeValue, operand: AttributeValue) -> bool:
    kind, content = next(iter(subject.items()))
    operand_kind, operand_content = next(iter(operand.items()))
    if kind == "L":
        return operand in content
    if kind in SET_MEMBER_TYPES:
        return SET_MEMBER_TYPES[kind] == operand_kind and operand_content in content
    return kind in ("S", "B") and kind == operand_kind and operand_content in content


@dataclass(frozen=True, slots=True)
class And(Condition):
    """Every term holds."""

    terms: tuple[Condition, ...]

    def holds(self, item: Attributes, bindings: Bindings) -> bool:
        for term in self.terms:  # noqa: SIM110 - a frame less for each level of a deep expression
            if not term.holds(item, bindings):
                return False
        return True


@dataclass(frozen=True, slots=True)
class Or(Condition):
    """One of the terms holds."""

    terms: tuple[Condition, ...]

    def holds(self, item: Attributes, bindings: Bindings) -> bool:
        for term in self.terms:  # noqa: SIM110 - a frame less for each level of a deep expression
            if term.holds(item, bindings):
                return True
        return False


@dataclass(frozen=True, slots=True)
class Not(Condition):
    """The term doesn't hold."""

    term: Condition

    def holds(self, item: Attributes, bindings: Bindings) -> bool:
        return not self.term.holds(item, bindings)


@dataclass(frozen=True, slots=True)
class IfNotExists(Node):
    """`if_not_exists(path, fallback)` of an update."""

    path: Path
    fallback: "UpdateOperand"


@dataclass(frozen=True, slots=True)
class ListAppend(Node):
    """`list_append(left, right)` of an update."""

    left: "UpdateOperand"
    right: "UpdateOperand"


@dataclass(frozen=True, slots=True)
class Arithmetic(Node):
    """`left + right` or `left - right` of an update."""

    operator: str
    left: "UpdateOperand"
    right: "UpdateOperand"


UpdateOperand = Path | Placeholder | IfNotExists | ListAppend
SetValue = UpdateOperand | Arithmetic


@dataclass(frozen=True, slots=True)
class SetAction(Node):
    """`path = operand` of SET."""

    path: Path
    operand: SetValue


@dataclass(frozen=True, slots=True)
class RemoveAction(Node):
    """A path of REMOVE."""

    path: Path


@dataclass(frozen=True, slots=True)
class MemberAction(Node):
    """`ADD path :value` or `DELETE path :value`."""

    clause: str
    path: Path
    operand: Placeholder


Action = SetAction | RemoveAction | MemberAction
