"""Writes of single items: what a request asks, what may go wrong, and what comes of it.

Each kind of write is checked in three steps, because a transaction reports them differently: what the
request alone tells (the constructors `from_request`), what the table's schema tells (`locate`), and what
the item tells (`result`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from moto.dynamodb.models.table import Table

from serverless_harness.emulator.dynamodb.errors import (
    INVALID_VALUES,
    Attributes,
    ValidationError,
    condition_failed,
)
from serverless_harness.emulator.dynamodb.expression_evaluation import Action, MemberAction, RemoveAction
from serverless_harness.emulator.dynamodb.keys import (
    check_index_keys,
    check_item_key,
    check_updated_index_keys,
    key_names,
    refuse_empty_keys,
)
from serverless_harness.emulator.dynamodb.legacy import read_attribute_updates, read_conditions
from serverless_harness.emulator.dynamodb.projections import project
from serverless_harness.emulator.dynamodb.request_expressions import (
    BoundCondition,
    BoundUpdate,
    read_expressions,
)
from serverless_harness.emulator.dynamodb.store import ItemKey, get, item_key, locate, replace
from serverless_harness.emulator.dynamodb.updates import updated
from serverless_harness.emulator.dynamodb.values import ITEM_MAX_BYTES, canonical_attributes, item_size_bytes

LEGACY_CONDITION = ("Expected", "ConditionalOperator")


@dataclass(frozen=True, slots=True)
class Write:
    """One write to one item of a table; `attributes` is its key, or for a put the whole item."""

    table_name: str
    attributes: Attributes
    condition: BoundCondition | None
    returns_item_on_failure: bool

    attributes_member: ClassVar[str] = "Key"

    @classmethod
    def _read(cls, request: Mapping[str, Any], condition: BoundCondition | None, **more: Any) -> Self:  # noqa: ANN401
        return cls(
            table_name=request["TableName"],
            attributes=canonical_attributes(request[cls.attributes_member]),
            condition=condition or read_conditions(request, "Expected"),
            returns_item_on_failure=request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD",
            **more,
        )

    def locate(self, table: Table) -> ItemKey:
        """Return the item's key; raise ValidationError or SchemaError if the table doesn't take it."""
        return locate(table, self.attributes)

    def result(self, table: Table, current: Attributes | None) -> Attributes | None:
        """Return what the item becomes; None removes it. Raise ValidationError if it can't become so."""
        raise NotImplementedError

    def evaluate(self, table: Table, current: Attributes | None) -> Attributes | None:
        """Return `result` if the condition holds, else raise ConditionalCheckFailedException."""
        if self.condition and not self.condition.holds(current):
            raise condition_failed(current if self.returns_item_on_failure else None)
        return self.result(table, current)


@dataclass(frozen=True, slots=True)
class Put(Write):
    """Puts a whole item in the place of the one of its key."""

    attributes_member: ClassVar[str] = "Item"

    @classmethod
    def from_request(cls, request: Mapping[str, Any]) -> Self:
        expressions = read_expressions(request, ("ConditionExpression",), LEGACY_CONDITION)
        put = cls._read(request, expressions.condition())
        if item_size_bytes(put.attributes) > ITEM_MAX_BYTES:
            raise ValidationError("Item size has exceeded the maximum allowed size")
        _check_return_values(request)
        return put

    def locate(self, table: Table) -> ItemKey:
        refuse_empty_keys(table, self.attributes)
        check_item_key(table, self.attributes)
        check_index_keys(table, self.attributes)
        return item_key(table, self.attributes)

    def result(self, table: Table, current: Attributes | None) -> Attributes | None:
        return self.attributes


def _check_return_values(request: Mapping[str, Any]) -> None:
    """Refuse what only an update can return."""
    if request.get("ReturnValues") not in (None, "NONE", "ALL_OLD"):
        raise ValidationError("ReturnValues can only be ALL_OLD or NONE")


@dataclass(frozen=True, slots=True)
class Delete(Write):
    """Removes an item, if it is there."""

    @classmethod
    def from_request(cls, request: Mapping[str, Any]) -> Self:
        expressions = read_expressions(request, ("ConditionExpression",), LEGACY_CONDITION)
        _check_return_values(request)
        return cls._read(request, expressions.condition())

    def result(self, table: Table, current: Attributes | None) -> Attributes | None:
        return None


@dataclass(frozen=True, slots=True)
class ConditionCheck(Write):
    """Changes nothing; a transaction depends on its condition."""

    @classmethod
    def from_request(cls, request: Mapping[str, Any]) -> Self:
        return cls._read(request, read_expressions(request, ("ConditionExpression",)).condition())

    def result(self, table: Table, current: Attributes | None) -> Attributes | None:
        return current


@dataclass(frozen=True, slots=True)
class Update(Write):
    """Changes attributes of an item, creating it if it isn't there."""

    update: BoundUpdate | None

    @classmethod
    def from_request(cls, request: Mapping[str, Any]) -> Self:
        expressions = read_expressions(
            request, ("UpdateExpression", "ConditionExpression"), ("AttributeUpdates", *LEGACY_CONDITION)
        )
        update = expressions.update() or read_attribute_updates(request)
        return cls._read(request, expressions.condition(), update=update)

    def locate(self, table: Table) -> ItemKey:
        key = Write.locate(self, table)
        for name in key_names(table):
            if name in self.updated_names:
                raise ValidationError(
                    f"{INVALID_VALUES}Cannot update attribute {name}. This attribute is part of the key"
                )
        return key

    @property
    def updated_names(self) -> set[str | int]:
        """The top-level attributes that the update writes or removes."""
        return {path[0] for path in self.updated_paths}

    @property
    def updated_paths(self) -> list[tuple[str | int, ...]]:
        if not self.update:
            return []
        return [action.path.resolve(self.update.bindings) for action in self.update.tree.roots]

    @property
    def _only_removes(self) -> bool:
        """Whether it takes attributes and members away and adds none: this creates no item."""
        actions = self.update.tree.roots if self.update else ()
        return bool(actions) and all(_removes(action) for action in actions)

    def result(self, table: Table, current: Attributes | None) -> Attributes | None:
        if current is None and self._only_removes:
            return None
        item = current if current is not None else self.attributes
        if not self.update:
            return item
        item = updated(item, self.update.tree, self.update.bindings)
        if table.indexes or table.global_indexes:
            changed = {name: item[name] for name in self.updated_names if name in item}
            check = check_index_keys if self.update.is_legacy else check_updated_index_keys
            check(table, changed)
        if item_size_bytes(item) > ITEM_MAX_BYTES:
            raise ValidationError("Item size to update has exceeded the maximum allowed size")
        return item


def _removes(action: Action) -> bool:
    return isinstance(action, RemoveAction) or (
        isinstance(action, MemberAction) and action.clause == "DELETE"
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """An item before and after a write; None where there is none."""

    old: Attributes | None
    new: Attributes | None


def perform(write: Write, table: Table) -> Outcome:
    """Carry out a write; the caller holds the database's lock."""
    key = write.locate(table)
    old = get(table, key)
    new = write.evaluate(table, old)
    if new is not old:
        replace(table, key, new)
    return Outcome(old, new)


def returned_attributes(write: Write, outcome: Outcome, return_values: str | None) -> dict[str, Any]:
    """Return the Attributes member that ReturnValues asks for; AWS leaves it out when it is empty."""
    item = outcome.new if return_values in ("ALL_NEW", "UPDATED_NEW") else outcome.old
    if not item or return_values in (None, "NONE"):
        return {}
    if return_values in ("UPDATED_NEW", "UPDATED_OLD") and isinstance(write, Update):
        item = project(item, write.updated_paths)
    return {"Attributes": item} if item else {}
