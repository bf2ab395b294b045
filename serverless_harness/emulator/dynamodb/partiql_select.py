"""Selects: a Query of each partition that the WHERE clause names, or else a Scan.

AWS developer guide, "PartiQL select statements for DynamoDB": an equality or an IN on the partition key, or
an OR of equalities, doesn't read the whole table.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

from moto.dynamodb.models.table import Table

from serverless_harness.emulator.dynamodb import queries
from serverless_harness.emulator.dynamodb.errors import Attributes, ValidationError
from serverless_harness.emulator.dynamodb.expression_evaluation import (
    ORDERED_TYPES,
    Between,
    Comparison,
    Condition,
    Function,
    In,
    Or,
    Path,
    Placeholder,
    value_at,
)
from serverless_harness.emulator.dynamodb.keys import key_names
from serverless_harness.emulator.dynamodb.partiql_expressions import Expression, Request
from serverless_harness.emulator.dynamodb.partiql_parser import Statement, conjuncts
from serverless_harness.emulator.dynamodb.store import Database
from serverless_harness.emulator.dynamodb.values import (
    AttributeValue,
    canonical,
    from_json,
    sort_key,
    to_json,
    value_type,
)

TOKEN_MISMATCH = "NextToken does not match request"


def select(database: Database, statement: Statement, request: Mapping[str, Any]) -> Request:
    """Carry out a select; `request` is that of ExecuteStatement."""
    table = database.table(statement.table)
    names = _source_key_names(table, statement.index)
    terms = conjuncts(statement.where)
    partitions = next((term for term in terms if _partition_values(term, names[0])), None)
    range_terms = [term for name in names[1:] for term in _range_terms(terms, name)]
    rest = [term for term in terms if term is not partitions and term not in range_terms]
    ranges = [len(_range_terms(terms, name)) for name in names[1:]]
    is_query = partitions is not None and max(ranges, default=0) <= 1 and not _mentions(rest, names)
    _check_order(statement, names, is_query=is_query)
    read: Request = {"TableName": table.name, **_reading(statement, request)}
    if is_query:
        orders = [statement.order_by[name] for name in names[1:] if name in statement.order_by]
        read["ScanIndexForward"] = not any(orders or statement.order_by.values())
        queries_by_value = [
            (
                statement.values[value],
                {**read, **_conditions(statement, [_equality(names[0], value), *range_terms], rest)},
            )
            for value in _in_order(statement, _partition_values(partitions, names[0]), names[0])
        ]
        answer = _query_each(database, names[0], queries_by_value)
    else:
        answer = queries.scan(database, {**read, **_conditions(statement, [], terms)})
    result: Request = {"Items": [_projected(item, statement.projection) for item in answer["Items"]]}
    if last_key := answer.get("LastEvaluatedKey"):
        result["LastEvaluatedKey"] = last_key
        content = json.dumps([_digest(request), to_json(last_key)])
        result["NextToken"] = base64.b64encode(content.encode()).decode()
    if "ConsumedCapacity" in answer:
        result["ConsumedCapacity"] = answer["ConsumedCapacity"]
    return result


def _partition_values(term: Condition | None, name: str) -> list[str]:
    """Return the placeholders of the values that a term leaves to the partition key, none for all."""
    match term:
        case Comparison("=", Path((found,)), Placeholder(value)) if found == name:
            return [value]
        case In(Path((found,)), choices) if found == name:
            values = [choice.name for choice in choices if isinstance(choice, Placeholder)]
            return values if len(values) == len(choices) else []
        case Or(terms):
            found_values = [_partition_values(each, name) for each in terms]
            return [value for values in found_values for value in values] if all(found_values) else []
    return []


def _equality(name: str, value: str) -> Condition:
    return Comparison("=", Path((name,), literal=True), Placeholder(value))


def _check_order(statement: Statement, names: Sequence[str], *, is_query: bool) -> None:
    if statement.order_by and not is_query:
        raise ValidationError("Must have WHERE clause in the statement when using ORDER BY clause.")
    for name in statement.order_by:
        if name not in names:
            raise ValidationError(
                f"Variable reference {name} in ORDER BY clause must be part of the primary key"
            )


def _in_order(statement: Statement, values: Sequence[str], name: str) -> list[str]:
    """Return the placeholders of different values, in the values' order or as ORDER BY has it."""
    different = {repr(canonical(statement.values[value])): value for value in values}

    def order(value: str) -> tuple[str, Any]:
        kind = value_type(statement.values[value])
        return kind, sort_key(statement.values[value]) if kind in ORDERED_TYPES else ""

    return sorted(different.values(), key=order, reverse=statement.order_by.get(name, False))


def _conditions(statement: Statement, key_terms: Sequence[Any], rest: Sequence[Any]) -> Request:
    """Return the expressions of a Query, or without terms on keys of a Scan."""
    expression = Expression(statement.values)
    found: Request = {}
    if key_terms:
        found["KeyConditionExpression"] = expression.all_of(key_terms)
    if rest:
        found["FilterExpression"] = expression.all_of(rest)
    if statement.projection:
        found["ProjectionExpression"] = ", ".join(map(expression.operand, statement.projection))
    return {**found, **expression.parameters()}


def _query_each(database: Database, name: str, requests: Sequence[tuple[AttributeValue, Request]]) -> Request:
    """Carry out the queries of some partitions, one after another, up to the limit or a page's end."""
    answers: list[Request] = []
    start, limit = requests[0][1].get("ExclusiveStartKey"), requests[0][1].get("Limit")
    for value, request in requests:
        if start is not None and canonical(value) != start.get(name):
            continue
        if answers:
            request.pop("ExclusiveStartKey", None)
        start = None
        if limit is not None:
            request["Limit"] = limit - sum(answer["ScannedCount"] for answer in answers)
        answers.append(queries.query(database, request))
        if "LastEvaluatedKey" in answers[-1]:
            break
    if not answers:
        raise ValidationError(TOKEN_MISMATCH)
    total: Request = {**answers[-1], "Items": [item for answer in answers for item in answer["Items"]]}
    if "ConsumedCapacity" in total:
        total["ConsumedCapacity"] = reduce(_sum, [answer["ConsumedCapacity"] for answer in answers])
    return total


def _sum(one: Any, other: Any) -> Any:  # noqa: ANN401 - ConsumedCapacity, or a part of it
    """Return the capacity that two queries of one table or index consumed together."""
    if isinstance(one, dict):
        return {member: _sum(one[member], other[member]) for member in one}
    return one + other if isinstance(one, float) else one


def _source_key_names(table: Table, index_name: str | None) -> tuple[str, ...]:
    if index_name is None:
        return key_names(table)
    for index in table.all_indexes():
        if index.name == index_name:
            return tuple(index.schema_key_attrs)
    raise ValidationError(f"The table does not have the specified index: {index_name}")


def _reading(statement: Statement, request: Mapping[str, Any]) -> Request:
    found: Request = {"IndexName": statement.index} if statement.index else {}
    for member in ("Limit", "ConsistentRead", "ReturnConsumedCapacity"):
        if request.get(member) is not None:
            found[member] = request[member]
    if token := request.get("NextToken"):
        found["ExclusiveStartKey"] = _start_key(token, request)
    return found


def _digest(request: Mapping[str, Any]) -> str:
    """Return what a statement and its parameters are known by: a token is for these alone."""
    text = repr([request["Statement"], request.get("Parameters")])
    return hashlib.sha256(text.encode()).hexdigest()


def _start_key(token: str, request: Mapping[str, Any]) -> Attributes:
    try:
        digest, key = json.loads(base64.b64decode(token, validate=True))
        if digest != _digest(request):
            raise ValueError(digest)
        return {str(name): from_json(value) for name, value in key.items()}
    except (binascii.Error, ValueError, AttributeError, TypeError, StopIteration, RecursionError):
        raise ValidationError(TOKEN_MISMATCH) from None


def _range_terms(terms: Sequence[Any], name: str) -> list[Any]:
    """Return the terms that can be a key condition on an attribute: it, compared with a value."""

    def is_on_key(operand: Any) -> bool:  # noqa: ANN401
        return isinstance(operand, Path) and operand.steps == (name,)

    found: list[Any] = []
    for term in terms:
        match term:
            case Comparison(operator, left, Placeholder()) if is_on_key(left) and operator != "<>":
                found.append(term)
            case Between(operand, Placeholder(), Placeholder()) if is_on_key(operand):
                found.append(term)
            case Function("begins_with", (left, Placeholder())) if is_on_key(left):
                found.append(term)
    return found


def _mentions(terms: Sequence[Condition], names: Sequence[str]) -> bool:
    nodes = [node for term in terms for node in term.nodes()]
    return any(isinstance(node, Path) and node.steps[0] in names for node in nodes)


def _projected(item: Attributes, paths: Sequence[Path]) -> Attributes:
    """Return what a select lists: a path goes by its last name."""
    if not any(len(path.steps) > 1 for path in paths):
        return item
    found: Attributes = {}
    for path in paths:
        steps = tuple(0 if isinstance(step, int) else step for step in path.steps)
        value = value_at(item, steps)
        if value is not None:
            found[str(next(step for step in reversed(path.steps) if isinstance(step, str)))] = value
    return found
