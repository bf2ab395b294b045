"""Tables as AWS describes them, and the table operations that moto answers differently.

AWS API reference: TableDescription, CreateTable, UpdateTable, DeleteTable.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from localstack.aws.api.dynamodb import ResourceInUseException
from localstack.services.kms.models import kms_stores
from localstack.services.kms.provider import KmsProvider
from moto.dynamodb.models.table import (
    GlobalSecondaryIndex,
    LocalSecondaryIndex,
    SecondaryIndex,
    Table,
)

from serverless_harness.emulator.dynamodb import table_streams
from serverless_harness.emulator.dynamodb.errors import resource_not_found
from serverless_harness.emulator.dynamodb.models import TableFacts, now
from serverless_harness.emulator.dynamodb.store import Database, order_of

Description = dict[str, Any]
ON_DEMAND = "PAY_PER_REQUEST"
TABLES_MAX = 100
ACCOUNT_UNITS_MAX = 80_000
TABLE_UNITS_MAX = 40_000
MANAGED_KEY_ALIAS = "alias/aws/dynamodb"
_UNSUPPORTED = (
    "MultiRegionConsistency",
    "GlobalTableWitnessUpdates",
    "GlobalTableSourceArn",
)
_INDEX_MEMBERS = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")


def describe(table: Table, facts: TableFacts, status: str = "ACTIVE") -> Description:
    """Return the TableDescription of the API."""
    description: Description = {
        "AttributeDefinitions": table.attr,
        "TableName": table.name,
        "KeySchema": table.schema,
        "TableStatus": status,
        "CreationDateTime": table.created_at,
        "ProvisionedThroughput": _throughput(table, table.throughput, facts),
        **_contents(table, None, "TableSizeBytes"),
        "TableArn": table.table_arn,
        "TableId": facts.table_id,
        "DeletionProtectionEnabled": bool(table.deletion_protection_enabled),
    }
    if facts.on_demand_since:
        description["BillingModeSummary"] = {
            "BillingMode": table.billing_mode,
            "LastUpdateToPayPerRequestDateTime": facts.on_demand_since,
        }
    if table.global_indexes:
        description["GlobalSecondaryIndexes"] = [
            _describe_global_index(table, index, facts, status) for index in table.global_indexes
        ]
    if table.indexes:
        description["LocalSecondaryIndexes"] = [
            _describe_local_index(table, index) for index in table.indexes
        ]
    return {
        **description,
        **_warm(facts.warm_throughput, status),
        **table_streams.describe(table),
        **_describe_options(table, facts),
    }


def describe_deleted(table: Table, facts: TableFacts) -> Description:
    """Return the TableDescription of DeleteTable: keys and indexes aren't part of it any more."""
    description = describe(table, facts, "DELETING")
    for member in ("AttributeDefinitions", "KeySchema", "CreationDateTime", *_INDEX_MEMBERS):
        description.pop(member, None)
    return description


def _contents(table: Table, index: SecondaryIndex | None, size_member: str) -> Description:
    """Return size and count of what a table or index holds, at once; AWS brings them up to date in hours."""
    order = order_of(table, index)
    return {size_member: order.size_bytes, "ItemCount": order.count}


def _throughput(table: Table, throughput: Mapping[str, Any], facts: TableFacts | None) -> Description:
    on_demand = table.billing_mode == ON_DEMAND
    described: Description = {
        "NumberOfDecreasesToday": throughput.get("NumberOfDecreasesToday", 0),
        "ReadCapacityUnits": 0 if on_demand else throughput["ReadCapacityUnits"],
        "WriteCapacityUnits": 0 if on_demand else throughput["WriteCapacityUnits"],
    }
    if facts and facts.throughput_increased_at:
        described["LastIncreaseDateTime"] = facts.throughput_increased_at
    if facts and facts.throughput_decreased_at:
        described["LastDecreaseDateTime"] = facts.throughput_decreased_at
    return described


def _warm(requested: Mapping[str, Any] | None, status: str) -> Description:
    """Return the member WarmThroughput; an answer has it where it was asked for."""
    if not requested:
        return {}
    return {"WarmThroughput": {**requested, "Status": "UPDATING" if status == "CREATING" else status}}


def _describe_global_index(
    table: Table, index: GlobalSecondaryIndex, facts: TableFacts, status: str
) -> Description:
    return {
        **_describe_local_index(table, index),
        "IndexStatus": "CREATING" if status == "CREATING" else index.status,
        "ProvisionedThroughput": _throughput(table, index.throughput, None),
        **_warm(facts.index_warm.get(index.name), status),
        **({"OnDemandThroughput": limit} if (limit := facts.index_on_demand.get(index.name)) else {}),
    }


def _describe_local_index(table: Table, index: LocalSecondaryIndex | GlobalSecondaryIndex) -> Description:
    return {
        "IndexName": index.name,
        "KeySchema": index.schema,
        "Projection": index.projection,
        **_contents(table, index, "IndexSizeBytes"),
        "IndexArn": f"{table.table_arn}/index/{index.name}",
    }


def _describe_options(table: Table, facts: TableFacts) -> Description:
    description: Description = {}
    if table.sse_specification and table.sse_specification.get("Enabled"):
        key = str(table.sse_specification.get("KMSMasterKeyId"))
        description["SSEDescription"] = {
            "Status": "ENABLED",
            "SSEType": "KMS",
            "KMSMasterKeyArn": _key_arn(table, key),
        }
    if facts.table_class:
        summary: Description = {"TableClass": facts.table_class}
        if facts.table_class_updated_at:
            summary["LastUpdateDateTime"] = facts.table_class_updated_at
        description["TableClassSummary"] = summary
    if facts.on_demand_throughput:
        description["OnDemandThroughput"] = facts.on_demand_throughput
    return description


def _key_arn(table: Table, key: str) -> str:
    if key.startswith("arn:"):
        return key
    resource = key if key.startswith("alias/") else f"key/{key}"
    return f"arn:aws:kms:{table.region_name}:{table.account_id}:{resource}"


def created_facts(request: Mapping[str, Any]) -> TableFacts:
    """Return the facts of a table that CreateTable makes."""
    facts = TableFacts()
    if request.get("BillingMode") == ON_DEMAND:
        facts.on_demand_since = now()
    facts.table_class = request.get("TableClass")
    facts.on_demand_throughput = request.get("OnDemandThroughput")
    facts.warm_throughput = request.get("WarmThroughput")
    for index in request.get("GlobalSecondaryIndexes") or []:
        if warm := index.get("WarmThroughput"):
            facts.index_warm[index["IndexName"]] = warm
        if limit := index.get("OnDemandThroughput"):
            facts.index_on_demand[index["IndexName"]] = limit
    return facts


def refuse_unsupported(operation: str, request: Mapping[str, Any]) -> None:
    """Raise NotImplementedError for what isn't emulated."""
    for member in _UNSUPPORTED:
        if request.get(member):
            raise NotImplementedError(f"{operation} {member} is not emulated.")


@dataclass(frozen=True, slots=True)
class StateBefore:
    """What UpdateTable changes in moto's table and the facts need to know of before."""

    billing_mode: str | None
    throughput: Mapping[str, Any]
    attribute_definitions: Sequence[Mapping[str, str]]

    @classmethod
    def of(cls, table: Table) -> Self:
        return cls(table.billing_mode, dict(table.throughput), list(table.attr))


def create(database: Database, request: Mapping[str, Any]) -> Table:
    """Make a table; raise ResourceInUseException if there is one of its name."""
    name = request["TableName"]
    if name in database.backend.tables:
        raise ResourceInUseException(f"Table already exists: {name}")
    encryption = request.get("SSESpecification") or {}
    table = database.backend.create_table(
        name,
        schema=request["KeySchema"],
        throughput=_copy(request.get("ProvisionedThroughput")),
        attr=request["AttributeDefinitions"],
        global_indexes=request.get("GlobalSecondaryIndexes"),
        indexes=request.get("LocalSecondaryIndexes"),
        streams=None,
        billing_mode=request.get("BillingMode") or "PROVISIONED",
        sse_specification=None,
        tags=list(request.get("Tags") or []),
        deletion_protection_enabled=request.get("DeletionProtectionEnabled"),
        warm_throughput=None,
    )
    if encryption.get("Enabled"):
        table.sse_specification = _encryption(table, encryption)
    return table


def _copy(members: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what moto may write into: it keeps its own counts and states there."""
    return dict(members) if members else None


def update(database: Database, table: Table, request: Mapping[str, Any]) -> None:
    """Have moto's table changed by an UpdateTable that has been checked."""
    database.backend.update_table(
        table.name,
        attr_definitions=request.get("AttributeDefinitions") or [],
        global_index=request.get("GlobalSecondaryIndexUpdates") or [],
        throughput=_copy(request.get("ProvisionedThroughput")) or {},
        billing_mode=request.get("BillingMode") or "",
        stream_spec={},
        deletion_protection_enabled=request.get("DeletionProtectionEnabled"),
        warm_throughput=None,
    )


def apply_update(table: Table, facts: TableFacts, request: Mapping[str, Any], before: StateBefore) -> None:
    """Bring what moto's UpdateTable leaves alone, or overdoes, in line with the request."""
    _merge_definitions(table, before.attribute_definitions)
    if request.get("BillingMode") == ON_DEMAND and before.billing_mode != ON_DEMAND:
        facts.on_demand_since = now()
    if request.get("ProvisionedThroughput"):
        _note_throughput_change(facts, before.throughput, table.throughput)
    if specification := request.get("SSESpecification"):
        table.sse_specification = _encryption(table, specification)
    if (table_class := request.get("TableClass")) and table_class != (facts.table_class or "STANDARD"):
        facts.table_class, facts.table_class_updated_at = table_class, now()
    if request.get("WarmThroughput"):
        facts.warm_throughput = request["WarmThroughput"]
    if request.get("OnDemandThroughput"):
        facts.on_demand_throughput = {**(facts.on_demand_throughput or {}), **request["OnDemandThroughput"]}
    for update in request.get("GlobalSecondaryIndexUpdates") or []:
        change = update.get("Create") or update.get("Update") or {}
        if limit := change.get("OnDemandThroughput"):
            name = change["IndexName"]
            facts.index_on_demand[name] = {**facts.index_on_demand.get(name, {}), **limit}
        if warm := change.get("WarmThroughput"):
            facts.index_warm[change["IndexName"]] = warm


def mark_index_updates(
    description: Description, before: Description, updates: Sequence[Mapping[str, Mapping[str, Any]]]
) -> None:
    """Give global indexes the states that they have during an update; `before` describes the table before."""
    indexes = {index["IndexName"]: index for index in description.get("GlobalSecondaryIndexes", [])}
    for update in updates:
        ((kind, change),) = update.items()
        name = change["IndexName"]
        if kind == "Delete":
            old = next(each for each in before["GlobalSecondaryIndexes"] if each["IndexName"] == name)
            indexes[name] = {**old, "IndexStatus": "DELETING"}
        elif kind == "Create":
            indexes[name].update(IndexStatus="CREATING", Backfilling=False)
        else:
            indexes[name]["IndexStatus"] = "UPDATING"
    if indexes:
        description["GlobalSecondaryIndexes"] = list(indexes.values())


def _merge_definitions(table: Table, before: Sequence[Mapping[str, str]]) -> None:
    """Keep the definitions of all key attributes: a request need only define a new index's."""
    types = {entry["AttributeName"]: entry["AttributeType"] for entry in (*before, *table.attr)}
    used = {
        *table.table_key_attrs,
        *(name for index in table.all_indexes() for name in index.schema_key_attrs),
    }
    table.attr = [
        {"AttributeName": name, "AttributeType": kind} for name, kind in types.items() if name in used
    ]


def _note_throughput_change(facts: TableFacts, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    changed_at: datetime = now()
    units = ("ReadCapacityUnits", "WriteCapacityUnits")
    if any(after[unit] > before[unit] for unit in units):
        facts.throughput_increased_at = changed_at
    if any(after[unit] < before[unit] for unit in units):
        facts.throughput_decreased_at = changed_at


def _encryption(table: Table, specification: Mapping[str, Any]) -> dict[str, Any]:
    encryption = dict(specification)
    if encryption.get("Enabled") and "KMSMasterKeyId" not in encryption:
        encryption["KMSMasterKeyId"] = _managed_key(table.account_id, table.region_name)
    return encryption


def _managed_key(account_id: str, region: str) -> str:
    """Return the id of the AWS managed key for DynamoDB, which KMS makes when it is first needed."""
    KmsProvider._create_alias_if_reserved_and_not_exists(account_id, region, MANAGED_KEY_ALIAS)
    alias = kms_stores[account_id][region].aliases[MANAGED_KEY_ALIAS]
    return str(alias.metadata["TargetKeyId"])


def describe_limits(_: Database, __: Mapping[str, Any]) -> Description:
    """Return the default quotas: developer guide, "Quotas in Amazon DynamoDB"."""
    return {
        f"{scope}Max{kind}CapacityUnits": units
        for scope, units in (("Account", ACCOUNT_UNITS_MAX), ("Table", TABLE_UNITS_MAX))
        for kind in ("Read", "Write")
    }


def describe_endpoints(host: str) -> Description:
    """Return where the service is to be found: where the request went, or clients would go to AWS."""
    return {"Endpoints": [{"Address": host, "CachePeriodInMinutes": 1440}]}


def describe_contributor_insights(database: Database, request: Mapping[str, Any]) -> Description:
    """Return that contributor insights are off: they can't be turned on here."""
    table = database.table(request["TableName"])
    described: Description = {"TableName": table.name, "ContributorInsightsStatus": "DISABLED"}
    if index := request.get("IndexName"):
        if index not in {each.name for each in table.all_indexes()}:
            raise resource_not_found(f"{table.name}, Index: {index}")
        described["IndexName"] = index
    return {**described, "ContributorInsightsRuleList": []}


def list_contributor_insights(database: Database, request: Mapping[str, Any]) -> Description:
    """Return no summaries: nothing has contributor insights."""
    if request.get("TableName"):
        database.table(request["TableName"])
    return {"ContributorInsightsSummaries": []}


def list_tables(database: Database, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the names of up to 100 tables, in order, after ExclusiveStartTableName."""
    start = request.get("ExclusiveStartTableName") or ""
    names = sorted(name for name in database.backend.tables if name > start)
    page = names[: request.get("Limit", TABLES_MAX)]
    more = {"LastEvaluatedTableName": page[-1]} if len(page) < len(names) else {}
    return {"TableNames": page, **more}
