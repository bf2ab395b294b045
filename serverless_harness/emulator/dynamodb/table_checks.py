"""What CreateTable and UpdateTable refuse: key schemas, attribute definitions, indexes, billing, throughput.

AWS API reference, CreateTable and UpdateTable; developer guide, "Quotas in Amazon DynamoDB" and "Managing
Global Secondary Indexes". Lengths and enumerations have been checked before (`constraints`). The checks come
in the service's order: the first that fails is told, alone.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from localstack.aws.api.dynamodb import LimitExceededException
from moto.dynamodb.models.table import Table

from serverless_harness.emulator.dynamodb.errors import INVALID_VALUES, ValidationError, resource_not_found

Schema = Sequence[Mapping[str, str]]

ON_DEMAND = "PAY_PER_REQUEST"
UNITS_MAX = 1_000_000_000_000
LOCAL_INDEXES_MAX = 5
GLOBAL_INDEXES_MAX = 20
PROJECTED_ATTRIBUTES_MAX = 100
GLOBAL_KEY_ATTRIBUTES_MAX = 4
TAGS_MAX = 50
_TAG_TEXT = re.compile(r"[\w\s+=.:/@-]*")
ON_DEMAND_WARM = {"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000}
_UNITS = ("ReadCapacityUnits", "WriteCapacityUnits")
_UPDATES = (
    "ProvisionedThroughput",
    "BillingMode",
    "StreamSpecification",
    "GlobalSecondaryIndexUpdates",
    "SSESpecification",
    "ReplicaUpdates",
    "TableClass",
    "DeletionProtectionEnabled",
    "OnDemandThroughput",
    "WarmThroughput",
    "MultiRegionConsistency",
    "GlobalTableWitnessUpdates",
)


def invalid(detail: str) -> ValidationError:
    """Return the error of parameters that contradict each other or the service's rules."""
    return ValidationError(INVALID_VALUES + detail)


def check_creation(request: Mapping[str, Any]) -> None:
    """Raise ValidationError unless the service makes a table of the request."""
    on_demand = request.get("BillingMode") == ON_DEMAND
    _check_billing(request, on_demand=on_demand)
    definitions = _definitions(request["AttributeDefinitions"])
    _check_schema(request["KeySchema"], definitions)
    locals_, globals_ = request.get("LocalSecondaryIndexes"), request.get("GlobalSecondaryIndexes")
    _check_local_indexes(locals_, request["KeySchema"], definitions)
    _check_global_indexes(globals_, definitions, on_demand=on_demand)
    indexes = [*(locals_ or []), *(globals_ or [])]
    _check_index_names(index["IndexName"] for index in indexes)
    _check_projected_attributes(index["Projection"] for index in indexes)
    schemas = [request["KeySchema"], *(index["KeySchema"] for index in indexes)]
    _check_definitions_used(definitions, schemas, has_indexes=bool(indexes))
    _check_encryption(request.get("SSESpecification"))
    _check_warm_throughput(request, request.get("ProvisionedThroughput"), "table")
    for index in globals_ or []:
        _check_warm_throughput(index, index.get("ProvisionedThroughput"), f"index: {index['IndexName']}")
    check_tags(request.get("Tags") or [])


def _check_billing(request: Mapping[str, Any], *, on_demand: bool) -> None:
    throughput = request.get("ProvisionedThroughput")
    if on_demand and throughput is not None:
        raise invalid(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is "
            "PAY_PER_REQUEST"
        )
    if not on_demand and throughput is None:
        raise invalid(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED"
        )
    _check_on_demand_throughput(request, on_demand=on_demand)
    _check_units(throughput, "")


def _check_on_demand_throughput(settings: Mapping[str, Any], *, on_demand: bool) -> None:
    limits = settings.get("OnDemandThroughput")
    if limits is None:
        return
    if not on_demand:
        raise invalid("OnDemandThroughput can only be specified when BillingMode is PAY_PER_REQUEST")
    if not limits or any(units < 1 and units != -1 for units in limits.values()):
        raise invalid(
            "OnDemandThroughput must specify MaxReadRequestUnits, MaxWriteRequestUnits or both, "
            "each as at least 1, or as -1 for no maximum"
        )


def _check_units(throughput: Mapping[str, int] | None, suffix: str) -> None:
    for unit in _UNITS if throughput else ():
        if throughput and throughput[unit] > UNITS_MAX:
            raise ValidationError(f"Given value {throughput[unit]} for {unit} is out of bounds{suffix}")


def _definitions(entries: Schema) -> dict[str, str]:
    definitions = {entry["AttributeName"]: entry["AttributeType"] for entry in entries}
    if len(definitions) < len(entries):
        names = [entry["AttributeName"] for entry in entries]
        duplicate = next(name for number, name in enumerate(names) if name in names[:number])
        raise invalid(f"Duplicate AttributeName in AttributeDefinitions: {duplicate}")
    return definitions


def _check_schema(schema: Schema, definitions: Mapping[str, str], keys_per_kind: int = 1) -> None:
    """Check a key schema: hash keys, then range keys, all defined, none twice."""
    kinds = [entry["KeyType"] for entry in schema]
    if kinds[0] != "HASH":
        raise ValidationError("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
    if keys_per_kind == 1 and len(schema) > 1 and kinds[1] != "RANGE":
        raise ValidationError("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
    if kinds != sorted(kinds):
        raise ValidationError("Invalid KeySchema: HASH key elements must come before RANGE key elements")
    for kind in ("HASH", "RANGE"):
        if kinds.count(kind) > keys_per_kind:
            raise ValidationError(
                f"Invalid KeySchema: The number of {kind} key elements exceeds the limit of {keys_per_kind}"
            )
    names = [entry["AttributeName"] for entry in schema]
    if len(set(names)) < len(names):
        if len(names) == 2:
            raise ValidationError(
                "Both the Hash Key and the Range Key element in the KeySchema have the same name"
            )
        raise ValidationError("Invalid KeySchema: Two elements of the KeySchema have the same name")
    if not definitions.keys() >= set(names):
        raise invalid(
            "Some index key attributes are not defined in AttributeDefinitions. "
            f"Keys: [{', '.join(names)}], AttributeDefinitions: [{', '.join(definitions)}]"
        )


def _check_local_indexes(
    indexes: Sequence[Mapping[str, Any]] | None, table_schema: Schema, definitions: Mapping[str, str]
) -> None:
    if indexes is None:
        return
    if not indexes:
        raise invalid("List of LocalSecondaryIndexes is empty")
    if len(table_schema) == 1:
        raise invalid(
            "Table KeySchema does not have a range key, which is required when specifying a "
            "LocalSecondaryIndex"
        )
    for index in indexes:
        schema, name = index["KeySchema"], index["IndexName"]
        _check_schema(schema, definitions)
        table_hash, index_hash = table_schema[0]["AttributeName"], schema[0]["AttributeName"]
        if index_hash != table_hash:
            raise invalid(
                "Index KeySchema does not have the same leading hash key as table KeySchema for index: "
                f"{name}. index hash key: {index_hash}, table hash key: {table_hash}"
            )
        if len(schema) == 1:
            raise invalid(f"Index KeySchema does not have a range key for index: {name}")
        _check_projection(index["Projection"])
    if len(indexes) > LOCAL_INDEXES_MAX:
        raise invalid(f"Number of LocalSecondaryIndexes exceeds per-table limit of {LOCAL_INDEXES_MAX}")


def _check_global_indexes(
    indexes: Sequence[Mapping[str, Any]] | None, definitions: Mapping[str, str], *, on_demand: bool
) -> None:
    if indexes is None:
        return
    if not indexes:
        raise invalid("List of GlobalSecondaryIndexes is empty")
    for index in indexes:
        _check_global_index(index, definitions, on_demand=on_demand)
    if len(indexes) > GLOBAL_INDEXES_MAX:
        raise invalid(f"GlobalSecondaryIndex count exceeds the per-table limit of {GLOBAL_INDEXES_MAX}")


def _check_global_index(index: Mapping[str, Any], definitions: Mapping[str, str], *, on_demand: bool) -> None:
    name, throughput = index["IndexName"], index.get("ProvisionedThroughput")
    _check_units(throughput, f" for index {name}")
    _check_schema(index["KeySchema"], definitions, GLOBAL_KEY_ATTRIBUTES_MAX)
    _check_projection(index["Projection"])
    if on_demand and throughput is not None:
        raise invalid(
            f"ProvisionedThroughput should not be specified for index: {name} when BillingMode is "
            "PAY_PER_REQUEST"
        )
    if not on_demand and throughput is None:
        raise invalid(f"ProvisionedThroughput must be specified for index: {name}")
    _check_on_demand_throughput(index, on_demand=on_demand)


def _check_projection(projection: Mapping[str, Any]) -> None:
    kind, names = projection.get("ProjectionType"), projection.get("NonKeyAttributes")
    if kind is None:
        raise invalid("Unknown ProjectionType: null")
    if kind != "INCLUDE" and names is not None:
        raise invalid(f"ProjectionType is {kind}, but NonKeyAttributes is specified")
    if kind == "INCLUDE" and names is None:
        raise invalid("ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
    if names and len(set(names)) < len(names):
        duplicate = next(name for number, name in enumerate(names) if name in names[:number])
        raise invalid(f"Duplicate attribute in NonKeyAttributes: {duplicate}")


def _check_index_names(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise invalid(f"Duplicate index name: {name}")
        seen.add(name)


def _check_projected_attributes(projections: Iterable[Mapping[str, Any]]) -> None:
    """AWS counts an attribute anew for each index that projects it by name."""
    count = sum(len(projection.get("NonKeyAttributes") or []) for projection in projections)
    if count > PROJECTED_ATTRIBUTES_MAX:
        raise invalid(
            f"Number of NonKeyAttributes ({count}) projected into all indexes exceeds the per-table limit of "
            f"{PROJECTED_ATTRIBUTES_MAX}"
        )


def _check_definitions_used(
    definitions: Mapping[str, str], schemas: Iterable[Schema], *, has_indexes: bool
) -> None:
    used = list(dict.fromkeys(entry["AttributeName"] for schema in schemas for entry in schema))
    if definitions.keys() <= set(used):
        return
    if not has_indexes:
        raise invalid(
            "Number of attributes in KeySchema does not exactly match number of attributes defined in "
            "AttributeDefinitions"
        )
    raise invalid(
        f"Some AttributeDefinitions are not used. AttributeDefinitions: [{', '.join(definitions)}], "
        f"keys used: [{', '.join(used)}]"
    )


def _check_warm_throughput(
    request: Mapping[str, Any], throughput: Mapping[str, int] | None, subject: str
) -> None:
    """Warm throughput can't be lower than what there is anyway."""
    warm = request.get("WarmThroughput") or {}
    for unit, least in ON_DEMAND_WARM.items():
        capacity = unit.replace("UnitsPerSecond", "CapacityUnits")
        floor = throughput[capacity] if throughput else least
        if warm.get(unit, floor) < floor:
            origin = (
                f"{capacity} of ProvisionedThroughput" if throughput else "initial throughput for OnDemand"
            )
            raise invalid(f"Requested {unit} for WarmThroughput for {subject} is lower than {origin}")


def check_tags(tags: Sequence[Mapping[str, str]]) -> None:
    """Raise ValidationError for tags that no resource can have."""
    keys = [tag["Key"] for tag in tags]
    if len(set(keys)) < len(keys):
        raise ValidationError("Duplicate tag keys found in the request")
    if any(key.lower().startswith("aws:") for key in keys):
        raise ValidationError("One or more tag keys start with the reserved prefix aws:")
    if not all(_TAG_TEXT.fullmatch(text) for tag in tags for text in (tag["Key"], tag["Value"])):
        raise ValidationError(
            "Tags can contain letters, white space, numbers and the characters + - = . _ : / @"
        )
    if len(tags) > TAGS_MAX:
        raise ValidationError(f"Too many tags: a resource has at most {TAGS_MAX}")


# UpdateTable


def check_update_request(request: Mapping[str, Any]) -> None:
    """Raise ValidationError for an UpdateTable that no table could carry out."""
    if not any(request.get(member) not in (None, []) for member in _UPDATES):
        raise ValidationError(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, "
            "GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required"
        )
    if request.get("BillingMode") is not None:
        _check_billing(request, on_demand=request["BillingMode"] == ON_DEMAND)
    _check_units(request.get("ProvisionedThroughput"), "")
    for update in request.get("GlobalSecondaryIndexUpdates") or []:
        change: Mapping[str, Any] = next((each for each in update.values() if each), {})
        _check_units(change.get("ProvisionedThroughput"), f" for index {change.get('IndexName')}")
        if len(update) != 1:
            raise invalid("Exactly one of Create, Update and Delete must be specified for a global index")
    names = [
        change["IndexName"]
        for update in request.get("GlobalSecondaryIndexUpdates") or []
        for change in update.values()
    ]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise invalid(
                f"Only one global secondary index update per index is allowed simultaneously. Index: {name}"
            )


def check_update(table: Table, request: Mapping[str, Any]) -> None:
    """Raise for an UpdateTable that doesn't fit the table as it is."""
    on_demand = (request.get("BillingMode") or table.billing_mode) == ON_DEMAND
    throughput = request.get("ProvisionedThroughput")
    _check_encryption_update(table, request.get("SSESpecification"))
    _check_on_demand_throughput(request, on_demand=on_demand)
    if throughput and on_demand:
        _check_billing(request, on_demand=True)
    if throughput and table.billing_mode != ON_DEMAND:
        _refuse_same_throughput(table, throughput)
    if table.billing_mode == ON_DEMAND and not on_demand:
        _check_throughput_of_all(table, request)
    _check_index_updates(table, request, on_demand=on_demand)


def _check_encryption(specification: Mapping[str, Any] | None) -> None:
    """AWS API reference, SSESpecification: the only type is KMS."""
    if specification and specification.get("SSEType") not in (None, "KMS"):
        raise invalid(f"SSEType {specification['SSEType']} is not supported: the only supported value is KMS")


def _check_encryption_update(table: Table, specification: Mapping[str, Any] | None) -> None:
    if specification is None:
        return
    _check_encryption(specification)
    present = table.sse_specification or {}
    if not specification.get("Enabled") and not present.get("Enabled"):
        raise invalid("Table is already encrypted by default")
    key = specification.get("KMSMasterKeyId")
    if specification.get("Enabled") and key and key == present.get("KMSMasterKeyId"):
        raise invalid("Table is already encrypted with given KMSMasterKeyId")


def _check_throughput_of_all(table: Table, request: Mapping[str, Any]) -> None:
    """A table that becomes provisioned must tell the throughput of each index that it keeps."""
    changes = {
        change["IndexName"]: kind == "Delete" or change.get("ProvisionedThroughput")
        for update in request.get("GlobalSecondaryIndexUpdates") or []
        for kind, change in update.items()
    }
    for index in table.global_indexes:
        if not changes.get(index.name):
            raise invalid(f"ProvisionedThroughput must be specified for index: {index.name}")


def _refuse_same_throughput(table: Table, throughput: Mapping[str, int]) -> None:
    if all(table.throughput[unit] == throughput[unit] for unit in _UNITS):
        states = [
            f"Current {unit} provisioned for the table: {table.throughput[unit]}. "
            f"Requested {unit}: {throughput[unit]}."
            for unit in _UNITS
        ]
        raise ValidationError(
            "The provisioned throughput for the table will not change. The requested value equals the "
            f"current value. {' '.join(states)} Refer to the Amazon DynamoDB Developer Guide for current "
            "limits and how to request higher limits."
        )


def _check_index_updates(table: Table, request: Mapping[str, Any], *, on_demand: bool) -> None:
    updates = request.get("GlobalSecondaryIndexUpdates") or []
    names = {index.name for index in table.all_indexes()}
    global_names = {index.name for index in table.global_indexes}
    created: list[Mapping[str, Any]] = []
    for update in updates:
        ((kind, change),) = update.items()
        if kind != "Create":
            if change["IndexName"] not in global_names:
                raise resource_not_found()
            if kind == "Update":
                _check_index_change(table, change, on_demand=on_demand)
            continue
        if change["IndexName"] in names:
            raise invalid("Attempting to create an index which already exists")
        created.append(change)
    if sum("Update" not in update for update in updates) > 1:
        raise LimitExceededException(
            "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously "
            "per table"
        )
    _check_created_indexes(table, request, created, on_demand=on_demand)


def _check_index_change(table: Table, change: Mapping[str, Any], *, on_demand: bool) -> None:
    if change.get("ProvisionedThroughput") and on_demand:
        raise invalid(
            f"ProvisionedThroughput should not be specified for index: {change['IndexName']} when "
            "BillingMode is PAY_PER_REQUEST"
        )
    if not any(
        change.get(name) for name in ("ProvisionedThroughput", "OnDemandThroughput", "WarmThroughput")
    ):
        raise invalid(f"ProvisionedThroughput must be specified for index: {change['IndexName']}")
    _check_on_demand_throughput(change, on_demand=on_demand)


def _check_created_indexes(
    table: Table, request: Mapping[str, Any], created: Sequence[Mapping[str, Any]], *, on_demand: bool
) -> None:
    given = _definitions(request.get("AttributeDefinitions") or [])
    present = {entry["AttributeName"]: entry["AttributeType"] for entry in table.attr}
    for name, kind in given.items():
        if present.get(name, kind) != kind:
            raise invalid(
                f"AttributeDefinitions defines {name} as {kind}, but the table has it as {present[name]}"
            )
    for index in created:
        _check_global_index(index, {**present, **given}, on_demand=on_demand)
        _check_warm_throughput(index, index.get("ProvisionedThroughput"), f"index: {index['IndexName']}")
    if len(table.global_indexes) + len(created) > GLOBAL_INDEXES_MAX:
        raise invalid(f"GlobalSecondaryIndex count exceeds the per-table limit of {GLOBAL_INDEXES_MAX}")
    schemas = [table.schema, *(index.schema for index in table.all_indexes())]
    schemas.extend(index["KeySchema"] for index in created)
    _check_definitions_used(given, schemas, has_indexes=True)
    _check_projected_attributes(
        [
            *(index.projection or {} for index in table.all_indexes()),
            *(index["Projection"] for index in created),
        ]
    )
