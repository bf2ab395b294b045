"""An update applied to an item, which leaves the original untouched."""

import contextlib
from dataclasses import dataclass
from typing import Any

from serverless_harness.emulator.dynamodb.errors import Attributes, ValidationError
from serverless_harness.emulator.dynamodb.expression_checks import UpdateTree
from serverless_harness.emulator.dynamodb.expression_evaluation import (
    Arithmetic,
    Bindings,
    IfNotExists,
    ListAppend,
    MemberAction,
    Path,
    Placeholder,
    RemoveAction,
    ResolvedPath,
    SetAction,
    SetValue,
    value_at,
)
from serverless_harness.emulator.dynamodb.values import AttributeValue, add, sort_set, subtract, value_type

PATH_INVALID = "The document path provided in the update expression is invalid for update"
ATTRIBUTE_MISSING = "The provided expression refers to an attribute that does not exist in the item"
TYPE_INCORRECT = "An operand in the update expression has an incorrect data type"
TYPE_MISMATCH = "Type mismatch for attribute to update"
"""The same of the older AttributeUpdates."""


@dataclass(frozen=True, slots=True)
class _Assignment:
    path: ResolvedPath
    value: AttributeValue | None
    """None removes what is at the path."""


def updated(item: Attributes, tree: UpdateTree, bindings: Bindings) -> Attributes:
    """Return an item as an update leaves it; raise ValidationError if the update doesn't fit it.

    Every operand is read from the item as it was; indexes of lists mean the list as it was.
    """
    assignments = [_assignment(action, item, bindings) for action in tree.roots]
    assignments.sort(key=_application_order)
    for assignment in assignments:
        item = _assign(item, assignment)
    return item


def _application_order(assignment: _Assignment) -> tuple[bool, tuple[int, ...]]:
    """Order sets by list index, as new elements are appended, then removals from a list's end to its start.

    No index shifts before its turn.
    """
    removes = assignment.value is None
    sign = -1 if removes else 1
    return removes, tuple(sign * step if isinstance(step, int) else 0 for step in assignment.path)


def _assignment(
    action: SetAction | RemoveAction | MemberAction, item: Attributes, bindings: Bindings
) -> _Assignment:
    path = action.path.resolve(bindings)
    if isinstance(action, RemoveAction):
        return _Assignment(path, None)
    if isinstance(action, SetAction):
        return _Assignment(path, _evaluate(action.operand, item, bindings))
    present, operand = value_at(item, path), bindings.values[action.operand.name]
    if present is not None and value_type(present) != value_type(operand):
        raise ValidationError(TYPE_MISMATCH if action.path.literal else TYPE_INCORRECT)
    change = _with_members if action.clause == "ADD" else _without_members
    return _Assignment(path, change(present, operand))


def _evaluate(operand: SetValue, item: Attributes, bindings: Bindings) -> AttributeValue:
    match operand:
        case Placeholder(name):
            return bindings.values[name]
        case Path():
            value = operand.value(item, bindings)
        case IfNotExists(path, fallback):
            value = path.value(item, bindings) or _evaluate(fallback, item, bindings)
        case ListAppend(left, right):
            value = {"L": _content("L", left, item, bindings) + _content("L", right, item, bindings)}
        case Arithmetic(operator, left, right):
            compute = add if operator == "+" else subtract
            value = {"N": compute(_content("N", left, item, bindings), _content("N", right, item, bindings))}
    if value is None:
        raise ValidationError(ATTRIBUTE_MISSING)
    return value


def _content(kind: str, operand: SetValue, item: Attributes, bindings: Bindings) -> Any:  # noqa: ANN401
    value = _evaluate(operand, item, bindings)
    if value_type(value) != kind:
        raise ValidationError(TYPE_INCORRECT)
    return value[kind]


def _with_members(present: AttributeValue | None, operand: AttributeValue) -> AttributeValue:
    """Return the value after ADD: a sum, or a union of sets."""
    kind, content = next(iter(operand.items()))
    if present is None:
        return operand
    if kind == "N":
        return {"N": add(present["N"], content)}
    if kind == "L":
        # Undocumented: the older AttributeUpdates append to a list.
        return {"L": [*present["L"], *content]}
    return {kind: sort_set(kind, {*present[kind], *content})}


def _without_members(present: AttributeValue | None, operand: AttributeValue) -> AttributeValue | None:
    """Return the set after DELETE, None if nothing is left of it."""
    kind, content = next(iter(operand.items()))
    if present is None:
        return None
    left = set(present[kind]).difference(content)
    return {kind: sort_set(kind, left)} if left else None


def _assign(item: Attributes, assignment: _Assignment) -> Attributes:
    name, *rest = assignment.path
    assert isinstance(name, str)  # a path starts with a name
    changed = dict(item)
    if rest:
        if name not in item:
            raise ValidationError(PATH_INVALID)
        changed[name] = _assign_nested(item[name], rest, assignment.value)
    elif assignment.value is None:
        changed.pop(name, None)
    else:
        changed[name] = assignment.value
    return changed


def _assign_nested(
    container: AttributeValue, steps: list[str | int], value: AttributeValue | None
) -> AttributeValue:
    """Return a copy of a map or list in which what is at `steps` is replaced; the rest is shared."""
    step, *rest = steps
    kind, content = next(iter(container.items()))
    if kind != ("M" if isinstance(step, str) else "L"):
        raise ValidationError(PATH_INVALID)
    copied = content.copy()
    if rest:
        copied[step] = _assign_nested(_child(content, step), rest, value)
    elif value is None:
        _remove(copied, step)
    elif isinstance(step, int) and step >= len(copied):
        copied.append(value)
    else:
        copied[step] = value
    return {kind: copied}


def _child(content: Any, step: str | int) -> AttributeValue:  # noqa: ANN401 - a map's or a list's content
    try:
        child: AttributeValue = content[step]
    except (KeyError, IndexError):
        raise ValidationError(PATH_INVALID) from None
    return child


def _remove(content: Any, step: str | int) -> None:  # noqa: ANN401 - a map's or a list's content
    with contextlib.suppress(KeyError, IndexError):
        del content[step]
