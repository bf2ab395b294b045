"""The expressions of one request: parsed, with the request's names and values, and checked."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from serverless_harness.emulator.dynamodb.errors import Attributes, ValidationError
from serverless_harness.emulator.dynamodb.expression_checks import (
    ConditionTree,
    ProjectionTree,
    Tree,
    UpdateTree,
)
from serverless_harness.emulator.dynamodb.expression_evaluation import Bindings, ExpressionError, ResolvedPath
from serverless_harness.emulator.dynamodb.expression_parser import (
    parse_condition,
    parse_projection,
    parse_update,
)
from serverless_harness.emulator.dynamodb.values import (
    AttributeValue,
    canonical,
    check_names,
    item_size_bytes,
)

PARSERS: dict[str, Callable[[str], Any]] = {
    "ConditionExpression": parse_condition,
    "FilterExpression": parse_condition,
    "KeyConditionExpression": parse_condition,
    "UpdateExpression": parse_update,
    "ProjectionExpression": parse_projection,
}
_NAME_PLACEHOLDER = re.compile(r"#[A-Za-z0-9_]+\Z", re.ASCII)
_VALUE_PLACEHOLDER = re.compile(r":[A-Za-z0-9_]+\Z", re.ASCII)
PLACEHOLDER_MAX_CHARACTERS = 255
BINDINGS_MAX_BYTES = 2 * 1024 * 1024
_NO_BINDINGS = Bindings({}, {})


@dataclass(frozen=True, slots=True)
class BoundCondition:
    """A condition with its names and values."""

    tree: ConditionTree
    bindings: Bindings

    def holds(self, item: Attributes | None) -> bool:
        """Tell whether it holds for an item; None is an item that doesn't exist."""
        return self.tree.root.holds(item or {}, self.bindings)


@dataclass(frozen=True, slots=True)
class BoundUpdate:
    """An update with its names and values."""

    tree: UpdateTree
    bindings: Bindings
    is_legacy: bool = False
    """Whether it was an AttributeUpdates, which words some refusals differently."""


@dataclass(frozen=True, slots=True)
class Expressions:
    """A request's expressions by parameter name."""

    trees: Mapping[str, Any]
    bindings: Bindings

    def condition(self, parameter: str = "ConditionExpression") -> BoundCondition | None:
        tree = self.trees.get(parameter)
        return BoundCondition(tree, self.bindings) if tree else None

    def update(self) -> BoundUpdate | None:
        tree = self.trees.get("UpdateExpression")
        return BoundUpdate(tree, self.bindings) if tree else None

    def projection(self) -> list[ResolvedPath] | None:
        """Return the paths of the ProjectionExpression, or None for whole items."""
        tree: ProjectionTree | None = self.trees.get("ProjectionExpression")
        return [path.resolve(self.bindings) for path in tree.roots] if tree else None


_NO_EXPRESSIONS = Expressions({}, _NO_BINDINGS)


def read_expressions(
    request: Mapping[str, Any], parameters: tuple[str, ...], legacy: tuple[str, ...] = ()
) -> Expressions:
    """Return the expressions of a request, checked; raise ValidationError for what is wrong with them.

    `parameters` are the expressions that the operation takes, `legacy` the older parameters that exclude
    them. Names and values that no expression uses are an error too.
    """
    texts = {name: request[name] for name in parameters if request.get(name) is not None}
    if legacy and texts:
        _refuse_mixture(request, texts, legacy)
    names, values = request.get("ExpressionAttributeNames"), request.get("ExpressionAttributeValues")
    if not texts and names is None and values is None:
        return _NO_EXPRESSIONS
    takes_values = tuple(name for name in parameters if name != "ProjectionExpression")
    _check_presence("ExpressionAttributeNames", names, bool(texts), ())
    _check_presence(
        "ExpressionAttributeValues", values, any(name in texts for name in takes_values), takes_values
    )
    _check_placeholders("ExpressionAttributeNames", names or {}, _NAME_PLACEHOLDER)
    _check_placeholders("ExpressionAttributeValues", values or {}, _VALUE_PLACEHOLDER)
    for placeholder, name in (names or {}).items():
        with _naming("ExpressionAttributeNames", placeholder):
            check_names((name,))
    bindings = Bindings(names or {}, _canonical_values(values or {}))
    trees = {name: _parse(name, text, bindings) for name, text in texts.items()}
    _refuse_unused("Names", bindings.names, [tree.name_placeholders for tree in trees.values()])
    _refuse_unused("Values", bindings.values, [tree.value_placeholders for tree in trees.values()])
    return Expressions(trees, bindings)


@contextmanager
def _naming(parameter: str, placeholder: str) -> Iterator[None]:
    """Have a refusal say which name or value of the request it is about."""
    try:
        yield
    except ValidationError as error:
        raise ValidationError(
            f"{parameter} contains invalid value: {error.message} for key {placeholder}"
        ) from None


def _canonical_values(values: Attributes) -> Attributes:
    found: Attributes = {}
    for placeholder, value in values.items():
        try:
            found[placeholder] = canonical(value)
        except ValidationError:
            with _naming("ExpressionAttributeValues", placeholder):
                raise
    if item_size_bytes(found) > BINDINGS_MAX_BYTES:
        raise ValidationError(
            "Combined size of ExpressionAttributeNames and ExpressionAttributeValues exceeds max size"
        )
    return found


def _refuse_mixture(request: Mapping[str, Any], texts: Mapping[str, str], legacy: tuple[str, ...]) -> None:
    if present := [name for name in legacy if request.get(name) is not None]:
        raise ValidationError(
            "Can not use both expression and non-expression parameters in the same request: "
            f"Non-expression parameters: {{{', '.join(present)}}} "
            f"Expression parameters: {{{', '.join(texts)}}}"
        )


def _check_presence(
    parameter: str, given: Mapping[str, Any] | None, usable: bool, users: tuple[str, ...]
) -> None:
    if given is None:
        return
    if not usable:
        null = f"{' and '.join(users)} {'is' if len(users) == 1 else 'are'} null"
        detail = f": {null}" if users else ""
        raise ValidationError(f"{parameter} can only be specified when using expressions{detail}")
    if not given:
        raise ValidationError(f"{parameter} must not be empty")


def _check_placeholders(parameter: str, given: Mapping[str, Any], pattern: re.Pattern[str]) -> None:
    for key in given:
        if not pattern.match(key):
            raise ValidationError(f'{parameter} contains invalid key: Syntax error; key: "{key}"')
        if len(key) > PLACEHOLDER_MAX_CHARACTERS:
            raise ValidationError(
                f"{parameter} contains invalid key: "
                f'The expression attribute map contains a key that is too long; key: "{key}"'
            )


def _parse(parameter: str, text: str, bindings: Bindings) -> Tree:
    try:
        tree: Tree = PARSERS[parameter](text)
        tree.check(bindings)
    except ExpressionError as error:
        raise error.named(parameter) from None
    return tree


def _refuse_unused(
    kind: str, given: Mapping[str, str] | Mapping[str, AttributeValue], used: list[tuple[str, ...]]
) -> None:
    if not given:
        return
    if unused := given.keys() - {placeholder for placeholders in used for placeholder in placeholders}:
        raise ValidationError(
            f"Value provided in ExpressionAttribute{kind} unused in expressions: "
            f"keys: {{{', '.join(key for key in given if key in unused)}}}"
        )
