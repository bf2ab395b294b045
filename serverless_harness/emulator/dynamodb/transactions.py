"""TransactWriteItems and TransactGetItems: all or nothing, one after another.

AWS API reference, TransactWriteItems and TransactGetItems; developer guide, "Amazon DynamoDB Transactions:
How it works".
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localstack.aws.api.dynamodb import (
    ConditionalCheckFailedException,
    IdempotentParameterMismatchException,
)
from moto.dynamodb.models.table import Table

from serverless_harness.emulator.clock import clock
from serverless_harness.emulator.dynamodb.capacity import Meter, collection_metrics, read_units
from serverless_harness.emulator.dynamodb.errors import (
    CONDITION_FAILED,
    Attributes,
    SchemaError,
    ValidationError,
    transaction_cancelled,
)
from serverless_harness.emulator.dynamodb.projections import project
from serverless_harness.emulator.dynamodb.request_expressions import Expressions, read_expressions
from serverless_harness.emulator.dynamodb.single_writes import (
    ConditionCheck,
    Delete,
    Outcome,
    Put,
    Update,
    Write,
)
from serverless_harness.emulator.dynamodb.store import Database, ItemKey, get, locate, replace
from serverless_harness.emulator.dynamodb.values import ITEM_MAX_BYTES, canonical_attributes, item_size_bytes

ITEMS_MAX_BYTES = 4 * 1024 * 1024
TOKEN_VALID_SECONDS = 600
NO_REASON: dict[str, Any] = {"Code": "None"}

_ACTIONS: dict[str, type[Put] | type[Update] | type[Delete] | type[ConditionCheck]] = {
    "ConditionCheck": ConditionCheck,
    "Put": Put,
    "Delete": Delete,
    "Update": Update,
}


@dataclass(frozen=True, slots=True)
class TokenUse:
    """A ClientRequestToken that a completed transaction has used."""

    fingerprint: bytes
    used_at_seconds: float


Tokens = dict[str, TokenUse]
"""Uses by token, oldest first."""


@dataclass(frozen=True, slots=True)
class _Located:
    table: Table
    key: ItemKey | None
    refusal: SchemaError | None
    """Why the table doesn't take the key: this cancels the transaction instead of refusing it."""


def transact_write_items(database: Database, tokens: Tokens, request: Mapping[str, Any]) -> dict[str, Any]:
    """Carry out a transaction of writes, or nothing of it.

    A repeated ClientRequestToken within 10 minutes changes nothing and succeeds, or raises
    IdempotentParameterMismatchException if the request isn't the same.
    """
    token = request.get("ClientRequestToken")
    writes = [_read_action(action) for action in request["TransactItems"]]
    with database.lock:
        fingerprint = _fingerprint(request) if token else b""
        if token and _is_repetition(tokens, token, fingerprint):
            return _repeated(database, writes, request)
        located = [_locate(write, database.table(write.table_name)) for write in writes]
        _refuse_duplicates([(target.table, target.key) for target in located])
        outcomes = _evaluate(writes, located)
        _refuse_too_much(outcomes)
        for target, outcome in zip(located, outcomes, strict=True):
            if target.key and outcome.new is not outcome.old:
                replace(target.table, target.key, outcome.new)
        if token:
            tokens[token] = TokenUse(fingerprint, clock.now())
        return _written(request, writes, located, outcomes)


def _read_action(action: Mapping[str, Any]) -> Write:
    if len(action) != 1:
        raise ValidationError("TransactItems can only contain one of Check, Put, Update or Delete")
    kind, parameters = next(iter(action.items()))
    return _ACTIONS[kind].from_request(parameters)


def _locate(write: Write, table: Table) -> _Located:
    try:
        return _Located(table, write.locate(table), None)
    except SchemaError as refusal:
        return _Located(table, None, refusal)


def _refuse_duplicates(targets: Sequence[tuple[Table, ItemKey | None]]) -> None:
    known = [(table.name, key.hash, key.range) for table, key in targets if key]
    if len(set(known)) != len(known):
        raise ValidationError("Transaction request cannot include multiple operations on one item")


def _evaluate(writes: Sequence[Write], located: Sequence[_Located]) -> list[Outcome]:
    """Return every action's outcome; raise TransactionCanceledException with every action's reason."""
    outcomes, reasons = [], []
    for write, target in zip(writes, located, strict=True):
        outcome, reason = _outcome(write, target)
        outcomes.append(outcome)
        reasons.append(reason)
    if any(reason is not NO_REASON for reason in reasons):
        raise transaction_cancelled(reasons)
    return outcomes


def _outcome(write: Write, target: _Located) -> tuple[Outcome, dict[str, Any]]:
    if target.key is None:
        return Outcome(None, None), _validation_reason(target.refusal)
    old = get(target.table, target.key)
    try:
        return Outcome(old, write.evaluate(target.table, old)), NO_REASON
    except ConditionalCheckFailedException as failure:
        item = getattr(failure, "Item", None)
        reason = {"Code": "ConditionalCheckFailed", "Message": CONDITION_FAILED}
        return Outcome(old, old), {**reason, "Item": item} if item else reason
    except ValidationError as failure:
        return Outcome(old, old), _validation_reason(failure)


def _refuse_too_much(outcomes: Sequence[Outcome]) -> None:
    if len(outcomes) * ITEM_MAX_BYTES <= ITEMS_MAX_BYTES:
        return
    if sum(item_size_bytes(outcome.new) for outcome in outcomes if outcome.new) > ITEMS_MAX_BYTES:
        raise ValidationError("The aggregate size of the items in the transaction exceeds 4 MB")


def _validation_reason(error: Exception | None) -> dict[str, Any]:
    return {"Code": "ValidationError", "Message": str(error)}


def _written(
    request: Mapping[str, Any],
    writes: Sequence[Write],
    located: Sequence[_Located],
    outcomes: Sequence[Outcome],
) -> dict[str, Any]:
    meter = Meter(request.get("ReturnConsumedCapacity"), "WriteCapacityUnits")
    metrics: dict[str, list[dict[str, Any]]] = {}
    for write, target, outcome in zip(writes, located, outcomes, strict=True):
        meter.add_write(target.table, outcome.old, outcome.new)
        if request.get("ReturnItemCollectionMetrics") == "SIZE":
            for entry in collection_metrics(target.table, [write.attributes]):
                entries = metrics.setdefault(target.table.name, [])
                if entry not in entries:
                    entries.append(entry)
    return {**meter.several(), **({"ItemCollectionMetrics": metrics} if metrics else {})}


def _fingerprint(request: Mapping[str, Any]) -> bytes:
    parameters = {name: value for name, value in request.items() if name != "ClientRequestToken"}
    return hashlib.sha256(json.dumps(parameters, sort_keys=True, default=repr).encode()).digest()


def _is_repetition(tokens: Tokens, token: str, fingerprint: bytes) -> bool:
    """Tell whether a token was used already, forgetting those that have expired."""
    expired_before = clock.now() - TOKEN_VALID_SECONDS
    while tokens and tokens[oldest := next(iter(tokens))].used_at_seconds < expired_before:
        del tokens[oldest]
    use = tokens.get(token)
    if use is None:
        return False
    if use.fingerprint != fingerprint:
        raise IdempotentParameterMismatchException(
            "The request uses the same client token as a previous, but non-identical request. "
            "Do not reuse a client token with different parameters."
        )
    return True


def _repeated(database: Database, writes: Sequence[Write], request: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a repetition: it consumes the read units of the items, as AWS documents."""
    meter = Meter(request.get("ReturnConsumedCapacity"), "ReadCapacityUnits")
    for write in writes:
        table = database.table(write.table_name)
        item = get(table, write.locate(table))
        meter.add_read(table, _transactional_read_units(item))
    return meter.several()


def _transactional_read_units(item: Attributes | None) -> float:
    return 2 * read_units(item_size_bytes(item) if item else 0, consistent=True)


@dataclass(frozen=True, slots=True)
class _Get:
    table_name: str
    key: Attributes
    expressions: Expressions


def transact_get_items(database: Database, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return several items as they are at one moment, between transactions."""
    gets = [_read_get(action["Get"]) for action in request["TransactItems"]]
    meter = Meter(request.get("ReturnConsumedCapacity"), "ReadCapacityUnits")
    with database.lock:
        tables = [database.table(entry.table_name) for entry in gets]
        keys = _located_keys(gets, tables)
        _refuse_duplicates(list(zip(tables, keys, strict=True)))
        items = [get(table, key) for table, key in zip(tables, keys, strict=True)]
    responses = []
    for entry, table, item in zip(gets, tables, items, strict=True):
        meter.add_read(table, _transactional_read_units(item))
        responses.append(_response(entry, item))
    return {**meter.several(), "Responses": responses}


def _read_get(parameters: Mapping[str, Any]) -> _Get:
    expressions = read_expressions(parameters, ("ProjectionExpression",))
    return _Get(parameters["TableName"], canonical_attributes(parameters["Key"]), expressions)


def _located_keys(gets: Sequence[_Get], tables: Sequence[Table]) -> list[ItemKey]:
    keys, reasons = [], []
    for entry, table in zip(gets, tables, strict=True):
        try:
            keys.append(locate(table, entry.key))
            reasons.append(NO_REASON)
        except SchemaError as refusal:
            reasons.append(_validation_reason(refusal))
    if any(reason is not NO_REASON for reason in reasons):
        raise transaction_cancelled(reasons)
    return keys


def _response(entry: _Get, item: Attributes | None) -> dict[str, Any]:
    paths = entry.expressions.projection()
    if item is not None and paths is not None:
        item = project(item, paths)
    return {"Item": item} if item is not None else {}
