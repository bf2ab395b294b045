"""PartiQL: each statement is carried out as the operation on items that it stands for.

AWS API reference, ExecuteStatement, BatchExecuteStatement and ExecuteTransaction; developer guide, "PartiQL -
a SQL-compatible query language for Amazon DynamoDB". A select is a Query where its condition has one value
of the partition key, else a Scan, as AWS documents it.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from localstack.aws.api import ServiceException
from localstack.aws.api.dynamodb import (
    ConditionalCheckFailedException,
    DuplicateItemException,
    ResourceNotFoundException,
    TransactionCanceledException,
)
from moto.dynamodb.models.table import Table

from serverless_harness.emulator.dynamodb import item_writes, queries
from serverless_harness.emulator.dynamodb.errors import Attributes, ValidationError, transaction_cancelled
from serverless_harness.emulator.dynamodb.expression_tree import (
    And,
    Between,
    Comparison,
    Condition,
    Function,
    In,
    Not,
    Operand,
    Or,
    Path,
    Placeholder,
    Size,
    value_at,
)
from serverless_harness.emulator.dynamodb.keys import key_names
from serverless_harness.emulator.dynamodb.partiql_parser import Edit, Statement, conjuncts, parse_statement
from serverless_harness.emulator.dynamodb.store import Database
from serverless_harness.emulator.dynamodb.transactions import Tokens, transact_get_items, transact_write_items
from serverless_harness.emulator.dynamodb.values import from_json, to_json

Request = dict[str, Any]
DUPLICATE_ITEM = "Duplicate primary key exists in table"
KEY_CLAUSE_MISSING = "Where clause does not contain a mandatory equality on all key attributes"


@dataclass(slots=True)
class _Expression:
    """The names and values of the expressions that a statement becomes."""

    values: Mapping[str, Any]
    names: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def parameters(self) -> Request:
        values = {name: value for name, value in self.values.items() if name in self.used}
        found: Request = {"ExpressionAttributeValues": values} if values else {}
        if self.names:
            found["ExpressionAttributeNames"] = {text: name for name, text in self.names.items()}
        return found

    def operand(self, operand: Operand) -> str:
        match operand:
            case Placeholder(name):
                self.used.add(name)
                return name
            case Size(inner):
                return f"size({self.operand(inner)})"
            case Path(steps):
                texts = [f"[{step}]" if isinstance(step, int) else f".{self._name(step)}" for step in steps]
                return "".join(texts).removeprefix(".")

    def _name(self, name: str) -> str:
        return self.names.setdefault(name, f"#n{len(self.names)}")

    def condition(self, node: Condition) -> str:
        """Return a condition as an expression, without superfluous parentheses."""
        match node:
            case And(terms) | Or(terms):
                word = " AND " if isinstance(node, And) else " OR "
                return word.join(self._enclosed(term) for term in terms)
            case Not(term):
                return f"NOT {self._enclosed(term)}"
            case Comparison(operator, left, right):
                return f"{self.operand(left)} {operator} {self.operand(right)}"
            case Between(operand, lower, upper):
                return f"{self.operand(operand)} BETWEEN {self.operand(lower)} AND {self.operand(upper)}"
            case In(operand, choices):
                return f"{self.operand(operand)} IN ({', '.join(map(self.operand, choices))})"
            case Function(name, arguments):
                return f"{name}({', '.join(map(self.operand, arguments))})"
        raise ValidationError("Unsupported condition in the WHERE clause")

    def _enclosed(self, node: Condition) -> str:
        text = self.condition(node)
        return f"({text})" if isinstance(node, And | Or | Not) else text

    def all_of(self, nodes: Sequence[Condition]) -> str:
        return self.condition(And(tuple(nodes))) if len(nodes) > 1 else self.condition(nodes[0])


# Reads


def _select(database: Database, statement: Statement, request: Mapping[str, Any]) -> Request:
    """Carry out a select; `request` is that of ExecuteStatement."""
    table = database.table(statement.table)
    names = _source_key_names(table, statement.index)
    expression = _Expression(statement.values)
    parameters: Request = {"TableName": table.name, **_reading(statement, request)}
    terms = conjuncts(statement.where)
    keys = {name: _key_terms(terms, name) for name in names}
    rest = [term for term in terms if not any(term in found for found in keys.values())]
    is_query = (
        [_is_equality(term) for term in keys[names[0]]] == [True]
        and all(len(keys[name]) <= 1 for name in names[1:])
        and not _mentions(rest, names)
    )
    if statement.order_by is not None:
        if not is_query:
            raise ValidationError("Must have WHERE clause in the statement when using ORDER BY clause.")
        if statement.order_by not in names:
            raise ValidationError(
                f"Variable reference {statement.order_by} in ORDER BY clause must be part of the primary key"
            )
        parameters["ScanIndexForward"] = not statement.descending
    if is_query:
        key_terms = [term for name in names for term in keys[name]]
        parameters["KeyConditionExpression"] = expression.all_of(key_terms)
    else:
        rest = terms
    if rest:
        parameters["FilterExpression"] = expression.all_of(rest)
    if statement.projection:
        parameters["ProjectionExpression"] = ", ".join(map(expression.operand, statement.projection))
    parameters.update(expression.parameters())
    answer = (queries.query if is_query else queries.scan)(database, parameters)
    result: Request = {"Items": [_projected(item, statement.projection) for item in answer["Items"]]}
    if last_key := answer.get("LastEvaluatedKey"):
        result["LastEvaluatedKey"] = last_key
        result["NextToken"] = base64.b64encode(json.dumps(to_json(last_key)).encode()).decode()
    if "ConsumedCapacity" in answer:
        result["ConsumedCapacity"] = answer["ConsumedCapacity"]
    return result


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
        found["ExclusiveStartKey"] = _start_key(token)
    return found


def _start_key(token: str) -> Attributes:
    try:
        key = json.loads(base64.b64decode(token, validate=True))
        return {str(name): from_json(value) for name, value in key.items()}
    except (binascii.Error, ValueError, AttributeError, TypeError, StopIteration, RecursionError):
        raise ValidationError("NextToken does not match request") from None


def _key_terms(terms: Sequence[Any], name: str) -> list[Any]:
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


def _is_equality(term: Condition) -> bool:
    return isinstance(term, Comparison) and term.operator == "="


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


# Writes


def _key_and_rest(table: Table, statement: Statement) -> tuple[Attributes, list[Condition]]:
    """Return the primary key that a WHERE clause names, and its other conditions."""
    key: Attributes = {}
    names = key_names(table)
    rest: list[Condition] = []
    for term in conjuncts(statement.where):
        match term:
            case Comparison("=", Path((name,)), Placeholder(value)) if name in names and name not in key:
                key[str(name)] = statement.values[value]
            case _:
                rest.append(term)
    if key.keys() != set(names):
        raise ValidationError(KEY_CLAUSE_MISSING)
    return key, rest


def _write(table: Table, statement: Statement) -> tuple[str, Request]:
    """Return the kind of write that a statement is, as TransactWriteItems names it, and its request."""
    expression = _Expression(statement.values)
    exists = Function("attribute_exists", (Path((table.hash_key_attr,), literal=True),))
    if statement.kind == "INSERT":
        request: Request = {
            "TableName": table.name,
            "Item": statement.item,
            "ConditionExpression": expression.condition(Function("attribute_not_exists", exists.arguments)),
        }
        return "Put", {**request, **expression.parameters()}
    key, rest = _key_and_rest(table, statement)
    request = {"TableName": table.name, "Key": key}
    if statement.kind == "SELECT":
        request["ConditionExpression"] = expression.all_of([exists, *rest])
        return "ConditionCheck", {**request, **expression.parameters()}
    if statement.kind == "UPDATE":
        request["UpdateExpression"] = _update_expression(statement, expression)
        request["ConditionExpression"] = expression.all_of([exists, *rest])
        return "Update", {**request, **expression.parameters()}
    if rest:
        # An item that isn't there is deleted with success; one that is must meet the conditions.
        absent = Function("attribute_not_exists", exists.arguments)
        met = And(tuple(rest)) if len(rest) > 1 else rest[0]
        request["ConditionExpression"] = expression.condition(Or((absent, met)))
    return "Delete", {**request, **expression.parameters()}


def _update_expression(statement: Statement, expression: _Expression) -> str:
    clauses: dict[str, list[str]] = {"SET": [], "REMOVE": [], "ADD": [], "DELETE": []}
    for path, edit in statement.sets:
        clause, text = _edit_text(path, edit, expression)
        clauses[clause].append(f"{expression.operand(path)} {text}")
    clauses["REMOVE"] = [expression.operand(path) for path in statement.removes]
    return " ".join(f"{clause} {', '.join(texts)}" for clause, texts in clauses.items() if texts)


def _edit_text(path: Path, edit: Edit, expression: _Expression) -> tuple[str, str]:
    operands = edit.operands
    if edit.operator in ("set_add", "set_delete"):
        if operands[0] != path:
            raise ValidationError(f"The first operand of {edit.operator} must be the attribute that is set")
        return "ADD" if edit.operator == "set_add" else "DELETE", expression.operand(operands[1])
    texts = [expression.operand(operand) for operand in operands]
    if edit.operator is None:
        return "SET", f"= {texts[0]}"
    if edit.operator in ("+", "-"):
        return "SET", f"= {texts[0]} {edit.operator} {texts[1]}"
    return "SET", f"= {edit.operator}({', '.join(texts)})"


def _carry_out(database: Database, statement: Statement, request: Mapping[str, Any]) -> Request:
    """Carry out a write; what it returns are the Items that RETURNING asks for."""
    if statement.is_exists:
        raise ValidationError("EXISTS can only be used in a transaction")
    kind, parameters = _write(database.table(statement.table), statement)
    for member in ("ReturnConsumedCapacity", "ReturnValuesOnConditionCheckFailure"):
        if request.get(member) is not None:
            parameters[member] = request[member]
    if statement.returning:
        parameters["ReturnValues"] = statement.returning
    try:
        match kind:
            case "Put":
                answer = item_writes.put_item(database, parameters)
            case "Update":
                answer = item_writes.update_item(database, parameters)
            case _:
                answer = item_writes.delete_item(database, parameters)
    except ConditionalCheckFailedException:
        if kind == "Put":
            raise DuplicateItemException(DUPLICATE_ITEM) from None
        raise
    items = [answer["Attributes"]] if "Attributes" in answer else []
    consumed = {"ConsumedCapacity": answer["ConsumedCapacity"]} if "ConsumedCapacity" in answer else {}
    return {"Items": items, **consumed}


# The operations


def execute_statement(database: Database, request: Mapping[str, Any]) -> Request:
    """Carry out one statement."""
    statement = parse_statement(request["Statement"], request.get("Parameters") or [])
    with database.lock:
        if statement.kind == "SELECT" and not statement.is_exists:
            return _select(database, statement, request)
        return _carry_out(database, statement, request)


def batch_execute_statement(database: Database, request: Mapping[str, Any]) -> Request:
    """Carry out up to 25 statements, each of one item; one that fails is told in its place."""
    responses: list[Request] = []
    consumed: list[Request] = []
    statements = request["Statements"]
    starts = [entry["Statement"].lstrip()[:6].upper() for entry in statements]
    if len({start == "SELECT" for start in starts}) > 1:
        raise ValidationError("Read and write statements cannot be mixed in one batch")
    for entry in statements:
        members = {"ReturnConsumedCapacity": request.get("ReturnConsumedCapacity"), **entry}
        response, answer = _respond(database, members)
        responses.append(response)
        if "ConsumedCapacity" in answer:
            consumed.append(answer["ConsumedCapacity"])
    return {"Responses": responses, **({"ConsumedCapacity": consumed} if consumed else {})}


def _respond(database: Database, entry: Mapping[str, Any]) -> tuple[Request, Request]:
    response: Request = {}
    try:
        statement = parse_statement(entry["Statement"], entry.get("Parameters") or [])
        response["TableName"] = statement.table
        if statement.kind == "SELECT":
            _refuse_partial_key(database, statement)
        answer = execute_statement(database, entry)
    except ServiceException as error:
        failure: Request = {"Code": _batch_code(error), "Message": str(error.message)}
        if item := getattr(error, "Item", None):
            failure["Item"] = item
        return {"Error": failure, **response}, {}
    if answer["Items"]:
        response["Item"] = answer["Items"][0]
    return response, answer


def _refuse_partial_key(database: Database, statement: Statement) -> None:
    try:
        _key_and_rest(database.table(statement.table), statement)
    except ValidationError:
        raise ValidationError(
            "Select statements within BatchExecuteStatement must specify the primary key in the where clause."
        ) from None


def _batch_code(error: ServiceException) -> str:
    match error:
        case ConditionalCheckFailedException():
            return "ConditionalCheckFailed"
        case DuplicateItemException():
            return "DuplicateItem"
        case ResourceNotFoundException():
            return "ResourceNotFound"
    return "ValidationError"


def execute_transaction(database: Database, tokens: Tokens, request: Mapping[str, Any]) -> Request:
    """Carry out up to 100 statements, all reads or all writes, or nothing of them."""
    statements = [
        parse_statement(entry["Statement"], entry.get("Parameters") or [])
        for entry in request["TransactStatements"]
    ]
    reads = [statement.kind == "SELECT" and not statement.is_exists for statement in statements]
    if any(reads) and not all(reads):
        raise ValidationError(
            "ExecuteTransaction API does not support both read and write operations in the same request"
        )
    shared = {
        member: request[member]
        for member in ("ReturnConsumedCapacity", "ClientRequestToken")
        if request.get(member) is not None
    }
    with database.lock:
        if all(reads):
            shared.pop("ClientRequestToken", None)
            return _read_all(database, statements, shared)
        return _write_all(database, tokens, statements, request, shared)


def _read_all(database: Database, statements: Sequence[Statement], shared: Request) -> Request:
    gets = []
    for statement in statements:
        table = database.table(statement.table)
        key, rest = _key_and_rest(table, statement)
        if rest:
            raise ValidationError("A select of a transaction can only have conditions on the primary key")
        expression = _Expression(statement.values)
        get: Request = {"TableName": table.name, "Key": key}
        if statement.projection:
            get["ProjectionExpression"] = ", ".join(map(expression.operand, statement.projection))
        gets.append({"Get": {**get, **expression.parameters()}})
    return transact_get_items(database, {"TransactItems": gets, **shared})


def _write_all(
    database: Database,
    tokens: Tokens,
    statements: Sequence[Statement],
    request: Mapping[str, Any],
    shared: Request,
) -> Request:
    actions = []
    for statement, entry in zip(statements, request["TransactStatements"], strict=True):
        if statement.returning:
            raise ValidationError("RETURNING can not be used in a transaction")
        kind, parameters = _write(database.table(statement.table), statement)
        if wanted := entry.get("ReturnValuesOnConditionCheckFailure"):
            parameters["ReturnValuesOnConditionCheckFailure"] = wanted
        actions.append({kind: parameters})
    try:
        answer = transact_write_items(database, tokens, {"TransactItems": actions, **shared})
    except TransactionCanceledException as cancelled:
        reasons: list[Request] = [dict(reason) for reason in cancelled.CancellationReasons or []]
        for reason, statement in zip(reasons, statements, strict=True):
            if statement.kind == "INSERT" and reason["Code"] == "ConditionalCheckFailed":
                reason.update({"Code": "DuplicateItem", "Message": DUPLICATE_ITEM})
        raise transaction_cancelled(reasons) from None
    return {"Responses": [{} for _ in statements], **answer}
