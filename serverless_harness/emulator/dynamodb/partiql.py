"""PartiQL: each statement is carried out as the operation on items that it stands for.

AWS API reference, ExecuteStatement, BatchExecuteStatement and ExecuteTransaction; developer guide, "PartiQL -
a SQL-compatible query language for Amazon DynamoDB".
"""

from collections.abc import Mapping, Sequence
from typing import Any

from localstack.aws.api import ServiceException
from localstack.aws.api.dynamodb import (
    ConditionalCheckFailedException,
    DuplicateItemException,
    ResourceNotFoundException,
    TransactionCanceledException,
)
from moto.dynamodb.models.table import Table

from serverless_harness.emulator.dynamodb import write_operations
from serverless_harness.emulator.dynamodb.errors import Attributes, ValidationError, transaction_cancelled
from serverless_harness.emulator.dynamodb.expression_evaluation import (
    And,
    Comparison,
    Condition,
    Function,
    Or,
    Path,
    Placeholder,
)
from serverless_harness.emulator.dynamodb.keys import key_names
from serverless_harness.emulator.dynamodb.partiql_expressions import Expression, Request
from serverless_harness.emulator.dynamodb.partiql_parser import Edit, Statement, conjuncts, parse_statement
from serverless_harness.emulator.dynamodb.partiql_select import select
from serverless_harness.emulator.dynamodb.store import Database
from serverless_harness.emulator.dynamodb.transactions import Tokens, transact_get_items, transact_write_items

DUPLICATE_ITEM = "Duplicate primary key exists in table"
KEY_CLAUSE_MISSING = "Where clause does not contain a mandatory equality on all key attributes"


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
    expression = Expression(statement.values)
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
        if not rest:
            raise ValidationError("EXISTS needs a condition besides those on the primary key")
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


def _update_expression(statement: Statement, expression: Expression) -> str:
    clauses: dict[str, list[str]] = {"SET": [], "REMOVE": [], "ADD": [], "DELETE": []}
    for path, edit in statement.sets:
        clause, text = _edit_text(path, edit, expression)
        clauses[clause].append(f"{expression.operand(path)} {text}")
    clauses["REMOVE"] = [expression.operand(path) for path in statement.removes]
    return " ".join(f"{clause} {', '.join(texts)}" for clause, texts in clauses.items() if texts)


def _edit_text(path: Path, edit: Edit, expression: Expression) -> tuple[str, str]:
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
                answer = write_operations.put_item(database, parameters)
            case "Update":
                answer = write_operations.update_item(database, parameters)
            case _:
                answer = write_operations.delete_item(database, parameters)
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
            return select(database, statement, request)
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
        expression = Expression(statement.values)
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
