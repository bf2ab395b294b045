"""DynamoDB: tables and indexes; transactions need the actions of their parts.

Sources: AWS pages "Actions, resources, and condition keys for Amazon DynamoDB", "Using IAM with DynamoDB
transactions" and "IAM security policies with PartiQL for DynamoDB".
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from serverless_harness.emulator.iam.actions.call import Call, Permission, UnmappedCallError

_TRANSACTION_PARTS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}
_PARTIQL_ACTIONS = {
    "select": "PartiQLSelect",
    "insert": "PartiQLInsert",
    "update": "PartiQLUpdate",
    "delete": "PartiQLDelete",
}
_PARTIQL_TABLE = re.compile(
    r"""\s*(?P<verb>select\b.*?\bfrom|insert\s+into|update|delete\s+from)\s+
        (?P<table>"[^"]+"|[\w.-]+)(?:\.(?P<index>"[^"]+"|[\w.-]+))?""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_REQUEST_KEYS = {
    "ReturnConsumedCapacity": "dynamodb:returnconsumedcapacity",
    "ReturnValues": "dynamodb:returnvalues",
    "Select": "dynamodb:select",
}
_RESOURCE_PARAMETERS = (
    "TableName", "ResourceArn", "TableArn", "StreamArn", "BackupArn", "ExportArn", "ImportArn",
    "TargetTableName",
)  # fmt: skip
_ACCOUNT_WIDE = {
    "DescribeLimits", "ListTables", "ListBackups", "ListExports", "ListImports", "ListGlobalTables",
    "ListContributorInsights", "DescribeEndpoints", "ListStreams",
}  # fmt: skip


def permissions(call: Call) -> Iterator[Permission]:
    """Yield what a call to `dynamodb` needs."""
    special = _SPECIAL.get(call.operation)
    if special is not None:
        yield from special(call)
    elif call.operation in _ACCOUNT_WIDE:
        yield Permission(f"dynamodb:{call.operation}", "*")
    else:
        yield Permission(f"dynamodb:{call.operation}", _resource(call), _context(call.parameters))


def _resource(call: Call) -> str:
    parameters = call.parameters
    for name in _RESOURCE_PARAMETERS:
        if value := parameters.get(name):
            return _table_arn(call, value) + _index_suffix(parameters)
    if creation := parameters.get("TableCreationParameters"):
        return _table_arn(call, creation["TableName"])
    if global_table := parameters.get("GlobalTableName"):
        return call.arn("dynamodb", f"global-table/{global_table}", regional=False)
    raise UnmappedCallError(f"dynamodb:{call.operation} doesn't name a table")


def _index_suffix(parameters: Mapping[str, Any]) -> str:
    index = parameters.get("IndexName")
    return f"/index/{index}" if index else ""


def _table_arn(call: Call, table: str) -> str:
    return table if table.startswith("arn:") else call.arn("dynamodb", f"table/{table}")


def _context(parameters: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {key: (parameters[name],) for name, key in _REQUEST_KEYS.items() if parameters.get(name)}


def _batch(call: Call) -> Iterator[Permission]:
    context = _context(call.parameters)
    for table in call.parameters.get("RequestItems") or {}:
        yield Permission(f"dynamodb:{call.operation}", _table_arn(call, table), context)


def _transaction(call: Call) -> Iterator[Permission]:
    enclosing: dict[str, tuple[str, ...]] = {"dynamodb:enclosingoperation": (call.operation,)}
    for item in call.parameters.get("TransactItems") or ():
        for part, content in item.items():
            action = f"dynamodb:{_TRANSACTION_PARTS[part]}"
            yield Permission(action, _table_arn(call, content["TableName"]), enclosing | _context(content))


def _partiql(call: Call) -> Iterator[Permission]:
    for statement in _statements(call):
        match = _PARTIQL_TABLE.match(statement)
        if match is None:
            raise UnmappedCallError(f"dynamodb:{call.operation} has a statement that doesn't name a table")
        action = _PARTIQL_ACTIONS[match["verb"].split()[0].lower()]
        index = f"/index/{match['index'].strip('"')}" if match["index"] else ""
        yield Permission(f"dynamodb:{action}", _table_arn(call, match["table"].strip('"')) + index)


def _statements(call: Call) -> Iterator[str]:
    if "Statement" in call.parameters:
        yield call.parameters["Statement"]
    for name in ("Statements", "TransactStatements"):
        for item in call.parameters.get(name) or ():
            yield item["Statement"]


_SPECIAL: Mapping[str, Callable[[Call], Iterator[Permission]]] = {
    "BatchGetItem": _batch,
    "BatchWriteItem": _batch,
    "TransactGetItems": _transaction,
    "TransactWriteItems": _transaction,
    "ExecuteStatement": _partiql,
    "BatchExecuteStatement": _partiql,
    "ExecuteTransaction": _partiql,
}
