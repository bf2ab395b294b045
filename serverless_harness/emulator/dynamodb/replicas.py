"""Global tables: a replica is the table of the same name in another region of this process.

What is written to one of them is written to all in the same step (`store.replace`); in AWS it arrives within
a second. Each replica has its own stream, tags, encryption, table class and protection from deletion; keys,
indexes, billing and time to live are shared.

AWS developer guide, "Global tables: multi-active, multi-Region replication", version 2019.11.21.
"""

from collections.abc import Mapping
from typing import Any

import boto3
from moto.dynamodb.models.table import SecondaryIndex, Table

from serverless_harness.emulator.dynamodb import table_streams, tables
from serverless_harness.emulator.dynamodb.errors import INVALID_VALUES, ValidationError
from serverless_harness.emulator.dynamodb.followers import followers_of
from serverless_harness.emulator.dynamodb.models import dynamodb_moto_stores
from serverless_harness.emulator.dynamodb.store import (
    adopted_items,
    item_key,
    keep_orders,
    open_database,
    replace,
    replicas_of,
)

VERSION = "2019.11.21"
VIEW_TYPE = "NEW_AND_OLD_IMAGES"
SHARED = (
    "AttributeDefinitions",
    "BillingMode",
    "ProvisionedThroughput",
    "OnDemandThroughput",
    "GlobalSecondaryIndexUpdates",
)
"""What an UpdateTable of one replica changes in all."""


def check(table: Table, request: Mapping[str, Any]) -> None:
    """Raise ValidationError for replicas that can't be added or removed."""
    followers = followers_of(table)
    specification = request.get("StreamSpecification") or {}
    if followers.replica_regions and specification.get("StreamEnabled") is False:
        raise ValidationError(f"{INVALID_VALUES}The stream of a global table's replica can't be disabled")
    for update in request.get("ReplicaUpdates") or []:
        if len(update) != 1:
            raise ValidationError(
                f"{INVALID_VALUES}Exactly one of Create, Update and Delete must be specified"
            )
        ((kind, change),) = update.items()
        region = change["RegionName"]
        if kind == "Update" or change.keys() != {"RegionName"}:
            raise NotImplementedError("ReplicaUpdates with settings of their own are not emulated.")
        if kind == "Delete" and region not in followers.replica_regions:
            raise ValidationError(f"{INVALID_VALUES}Table {table.name} has no replica in {region}")
        if kind == "Create":
            _check_new(table, region)


def _check_new(table: Table, region: str) -> None:
    if region not in boto3.session.Session().get_available_regions("dynamodb"):
        raise ValidationError(f"{INVALID_VALUES}Unknown region: {region}")
    if region == table.region_name or table.name in open_database(table.account_id, region).backend.tables:
        # The spelling is the service's own.
        raise ValidationError(
            f"Failed to create a the new replica of table with name: '{table.name}' because one or more "
            "replicas already existed as tables."
        )
    stream = followers_of(table).stream
    if stream and stream.view_type != VIEW_TYPE:
        raise ValidationError(f"{INVALID_VALUES}A global table's streams have the view type {VIEW_TYPE}")


def update(table: Table, request: Mapping[str, Any]) -> None:
    """Add and remove replicas as an UpdateTable that has been checked asks."""
    for change in request.get("ReplicaUpdates") or []:
        if "Create" in change:
            _add(table, change["Create"]["RegionName"])
        else:
            (replica,) = [
                each for each in replicas_of(table) if each.region_name == change["Delete"]["RegionName"]
            ]
            delete(replica)


def _add(table: Table, region: str) -> None:
    request = _creation(table)
    replica = tables.create(open_database(table.account_id, region), request)
    replica.ttl = dict(table.ttl)
    for item in adopted_items(table):
        replace(replica, item_key(replica, item.attributes), item.attributes)
    facts = dynamodb_moto_stores[table.account_id][region].table_facts
    facts[table.name] = tables.created_facts(request)
    streamed = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": VIEW_TYPE}}
    for member in (table, replica):
        if followers_of(member).stream is None:
            table_streams.follow(
                member, dynamodb_moto_stores[table.account_id][member.region_name].streams, streamed
            )
        keep_orders(member)
    _unite([table, *replicas_of(table), replica])


def _creation(table: Table) -> dict[str, Any]:
    """Return the CreateTable that makes a table like another."""
    on_demand = table.billing_mode == tables.ON_DEMAND

    def index(each: SecondaryIndex) -> dict[str, Any]:
        return {"IndexName": each.name, "KeySchema": each.schema, "Projection": each.projection}

    def units(throughput: Mapping[str, Any]) -> dict[str, Any]:
        kinds = () if on_demand else ("ReadCapacityUnits", "WriteCapacityUnits")
        return {"ProvisionedThroughput": {kind: throughput[kind] for kind in kinds}} if kinds else {}

    return {
        "TableName": table.name,
        "KeySchema": table.schema,
        "AttributeDefinitions": list(table.attr),
        "BillingMode": table.billing_mode,
        "LocalSecondaryIndexes": [index(each) for each in table.indexes],
        "GlobalSecondaryIndexes": [
            {**index(each), **units(each.throughput)} for each in table.global_indexes
        ],
        **units(table.throughput),
    }


def delete(table: Table) -> None:
    """Remove a table, which the others of a global table forget."""
    others = replicas_of(table)
    table_streams.follow_deletion(table)
    backend = open_database(table.account_id, table.region_name).backend
    del backend.tables[table.name]
    backend.resource_policies.pop(table.table_arn, None)
    dynamodb_moto_stores[table.account_id][table.region_name].table_facts.pop(table.name, None)
    _unite(others)


def _unite(members: list[Table]) -> None:
    regions = {member.region_name for member in members}
    for member in members:
        followers_of(member).replica_regions = tuple(sorted(regions - {member.region_name}))


def describe(table: Table) -> dict[str, Any]:
    """Return what a TableDescription tells of replicas: of the others."""
    regions = followers_of(table).replica_regions
    if not regions:
        return {}
    return {
        "GlobalTableVersion": VERSION,
        "Replicas": [{"RegionName": region, "ReplicaStatus": "ACTIVE"} for region in regions],
        "MultiRegionConsistency": "EVENTUAL",
    }
