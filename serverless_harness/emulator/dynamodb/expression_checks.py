"""What a request's names and values must be for its expressions, checked before anything is evaluated."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from serverless_harness.emulator.dynamodb.expression_evaluation import (
    ORDERED_TYPES,
    ORDERINGS,
    Action,
    Arithmetic,
    Between,
    Bindings,
    Comparison,
    Condition,
    ExpressionError,
    Function,
    In,
    ListAppend,
    MemberAction,
    Node,
    Operand,
    Path,
    Placeholder,
    ResolvedPath,
    Size,
)
from serverless_harness.emulator.dynamodb.values import (
    SET_MEMBER_TYPES,
    TYPE_NAMES,
    AttributeValue,
    sort_key,
    value_type,
)


class Tree:
    """What every kind of expression has: its nodes and the placeholders that they use."""

    roots: tuple[Any, ...]

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        return tuple(node for root in self.roots for node in root.nodes())

    @cached_property
    def name_placeholders(self) -> tuple[str, ...]:
        """The `#names` used, in order of appearance."""
        steps = (
            step for node in self.nodes if isinstance(node, Path) and not node.literal for step in node.steps
        )
        return tuple(dict.fromkeys(step for step in steps if isinstance(step, str) and step[0] == "#"))

    @cached_property
    def value_placeholders(self) -> tuple[str, ...]:
        """The `:values` used, in order of appearance."""
        return tuple(dict.fromkeys(node.name for node in self.nodes if isinstance(node, Placeholder)))

    def check(self, bindings: Bindings) -> None:
        """Raise ExpressionError for a placeholder without definition or an operand of a wrong type."""
        for name in self.name_placeholders:
            if name not in bindings.names:
                raise ExpressionError(
                    "An expression attribute name used in the document path is not defined; "
                    f"attribute name: {name}"
                )
        for node in self.nodes:
            if isinstance(node, Placeholder) and node.name not in bindings.values:
                raise ExpressionError(
                    "An expression attribute value used in expression is not defined; "
                    f"attribute value: {node.name}"
                )
        for node in self.nodes:
            check_operands(node, bindings)


@dataclass(frozen=True)
class ConditionTree(Tree):
    """A condition, filter or key condition expression."""

    root: Condition

    @property
    def roots(self) -> tuple[Any, ...]:  # type: ignore[override]
        return (self.root,)


@dataclass(frozen=True)
class UpdateTree(Tree):
    """An update expression: its actions in order of appearance."""

    roots: tuple[Action, ...]

    def check(self, bindings: Bindings) -> None:
        super().check(bindings)
        check_disjoint([action.path.resolve(bindings) for action in self.roots])


@dataclass(frozen=True)
class ProjectionTree(Tree):
    """A projection expression: its paths."""

    roots: tuple[Path, ...]

    def check(self, bindings: Bindings) -> None:
        super().check(bindings)
        check_disjoint([path.resolve(bindings) for path in self.roots])


def check_disjoint(paths: list[ResolvedPath]) -> None:
    """Raise ExpressionError if one path is another's beginning, or takes its map for a list."""
    if len(paths) < 2:
        return
    for index, later in enumerate(paths):
        for earlier in paths[:index]:
            shared = min(len(earlier), len(later))
            differing = next((n for n in range(shared) if earlier[n] != later[n]), shared)
            if differing == shared:
                raise ExpressionError(_paths_message("overlap", earlier, later))
            if isinstance(earlier[differing], str) != isinstance(later[differing], str):
                raise ExpressionError(_paths_message("conflict", earlier, later))


def _paths_message(relation: str, one: ResolvedPath, two: ResolvedPath) -> str:
    return (
        f"Two document paths {relation} with each other; must remove or rewrite one of these paths; "
        f"path one: {path_text(one)}, path two: {path_text(two)}"
    )


def path_text(path: ResolvedPath) -> str:
    """Return a path as error messages print it: `[a, [0], b]`."""
    return f"[{', '.join(step if isinstance(step, str) else f'[{step}]' for step in path)}]"


def check_operands(node: Node, bindings: Bindings) -> None:
    """Raise ExpressionError if an operand given in the request is of a type that the operator refuses."""
    match node:
        case Comparison(operator, left, right):
            _check_distinct(operator, left, (right,), bindings)
            if operator in ORDERINGS:
                _check_types(operator, (left, right), ORDERED_TYPES, bindings)
        case Between(operand, lower, upper):
            _check_types("BETWEEN", (operand, lower, upper), ORDERED_TYPES, bindings)
            _check_bounds(lower, upper, bindings)
        case In(operand, choices):
            _check_distinct("IN", operand, choices, bindings)
        case Function("begins_with", arguments):
            _check_distinct("begins_with", arguments[0], arguments[1:], bindings)
            _check_types("begins_with", arguments, ("S", "B"), bindings)
        case Function("contains", arguments):
            _check_distinct("contains", arguments[0], arguments[1:], bindings)
        case Function("attribute_type", (_, operand)):
            _check_types("attribute_type", (operand,), ("S",), bindings)
            _check_type_name(operand, bindings)
        case Size(operand):
            _check_types("size", (operand,), ("S", "B", "SS", "NS", "BS", "L", "M"), bindings)
        case Arithmetic(operator, left, right):
            _check_types(operator, (left, right), ("N",), bindings)
        case ListAppend(left, right):
            _check_types("list_append", (left, right), ("L",), bindings)
        case MemberAction(clause, path, operand) if not path.literal:
            _check_member_operand(clause, operand, bindings)


def _check_distinct(operator: str, first: Operand, others: tuple[Operand, ...], bindings: Bindings) -> None:
    if not isinstance(first, Path):
        return
    path = first.resolve(bindings)
    if any(isinstance(other, Path) and other.resolve(bindings) == path for other in others):
        raise ExpressionError(
            "The first operand must be distinct from the remaining operands for this operator or function; "
            f"operator: {operator}, first operand: {path_text(path)}"
        )


def _check_types(
    operator: str, operands: tuple[Any, ...], allowed: tuple[str, ...], bindings: Bindings
) -> None:
    for operand in operands:
        if isinstance(operand, Size):
            kind = "N"
        elif isinstance(operand, ListAppend):
            kind = "L"
        elif isinstance(operand, Placeholder):
            kind = value_type(bindings.values[operand.name])
        else:
            continue
        if kind not in allowed:
            raise ExpressionError(
                "Incorrect operand type for operator or function; "
                f"operator or function: {operator}, operand type: {kind}"
            )


def _check_bounds(lower: Operand, upper: Operand, bindings: Bindings) -> None:
    if not (isinstance(lower, Placeholder) and isinstance(upper, Placeholder)):
        return
    low, high = bindings.values[lower.name], bindings.values[upper.name]
    operands = f"lower bound operand: {_value_text(low)}, upper bound operand: {_value_text(high)}"
    if value_type(low) != value_type(high):
        raise ExpressionError(
            f"The BETWEEN operator requires same data type for lower and upper bounds; {operands}"
        )
    if sort_key(low) > sort_key(high):
        raise ExpressionError(
            "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "
            + operands
        )


def _value_text(value: AttributeValue) -> str:
    kind, content = next(iter(value.items()))
    return f"AttributeValue: {{{kind}:{content}}}"


def _check_type_name(operand: Operand, bindings: Bindings) -> None:
    if isinstance(operand, Placeholder):
        name = bindings.values[operand.name]["S"]
        if name not in TYPE_NAMES:
            valid = ",".join(["B", "NULL", "SS", "BOOL", "L", "BS", "N", "NS", "S", "M"])
            raise ExpressionError(
                f"Invalid attribute type name found; type: {name}, valid types: {{{valid}}}"
            )


def _check_member_operand(clause: str, operand: Placeholder, bindings: Bindings) -> None:
    kind = value_type(bindings.values[operand.name])
    if kind not in SET_MEMBER_TYPES and not (clause == "ADD" and kind == "N"):
        raise ExpressionError(
            f"Incorrect operand type for operator or function; operator: {clause}, "
            f"operand type: {TYPE_NAMES[kind]}, typeSet: ALLOWED_FOR_{clause}_OPERAND"
        )
