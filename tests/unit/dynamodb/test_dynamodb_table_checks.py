"""What CreateTable, UpdateTable and the operations beside them refuse, and what their answers hold.

AWS API reference, CreateTable, UpdateTable, DeleteTable, TagResource; developer guide, "Quotas in Amazon
DynamoDB".
"""

from collections.abc import Callable
from typing import Any

import pytest
from dynamodb_refusals import refusal
from localstack.services.kms.models import kms_stores
from moto.core.models import DEFAULT_ACCOUNT_ID

REGION = "us-east-1"
INVALID = "One or more parameter values were invalid: "
UNITS = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 3}
ALL = {"ProjectionType": "ALL"}


def keys(*names: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": name, "KeyType": kind}
        for name, kind in zip(names, ["HASH", *["RANGE"] * 9], strict=False)
    ]


def defined(names: str, kind: str = "S") -> list[dict[str, str]]:
    return [{"AttributeName": name, "AttributeType": kind} for name in names]


def index(name: str = "index", schema: Any = None, **options: Any) -> dict[str, Any]:
    return {"IndexName": name, "KeySchema": schema or keys("a", "c"), "Projection": ALL, **options}


def creation(**options: Any) -> dict[str, Any]:
    """A CreateTable of a table with keys a and b, of which options replace members; None leaves one out."""
    members = {
        "TableName": "refused",
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": keys("a", "b"),
        "AttributeDefinitions": defined("ab"),
        **options,
    }
    return {name: value for name, value in members.items() if value is not None}


def global_index(**options: Any) -> dict[str, Any]:
    return creation(AttributeDefinitions=defined("abc"), GlobalSecondaryIndexes=[index(**options)])


def local_index(*indexes: Any, **options: Any) -> dict[str, Any]:
    return creation(
        **{"AttributeDefinitions": defined("abc"), "LocalSecondaryIndexes": list(indexes), **options}
    )


PROVISIONED = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": UNITS}
ON_DEMAND_LIMITS = (
    f"{INVALID}OnDemandThroughput must specify MaxReadRequestUnits, MaxWriteRequestUnits or both, "
    "each as at least 1, or as -1 for no maximum"
)

REFUSED_CREATIONS: list[tuple[dict[str, Any], str]] = [
    (
        creation(ProvisionedThroughput=UNITS),
        f"{INVALID}Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is "
        "PAY_PER_REQUEST",
    ),
    (
        creation(BillingMode=None),
        f"{INVALID}ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is "
        "PROVISIONED",
    ),
    (
        creation(BillingMode=None, ProvisionedThroughput={**UNITS, "ReadCapacityUnits": 1_000_000_000_001}),
        "Given value 1000000000001 for ReadCapacityUnits is out of bounds",
    ),
    (
        creation(KeySchema=[{"AttributeName": "a", "KeyType": "RANGE"}]),
        "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
    ),
    (
        creation(KeySchema=[{"AttributeName": name, "KeyType": "HASH"} for name in "ab"]),
        "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type",
    ),
    (
        creation(KeySchema=keys("a", "a")),
        "Both the Hash Key and the Range Key element in the KeySchema have the same name",
    ),
    (
        creation(KeySchema=keys("a", "x")),
        f"{INVALID}Some index key attributes are not defined in AttributeDefinitions. "
        "Keys: [a, x], AttributeDefinitions: [a, b]",
    ),
    (
        creation(AttributeDefinitions=defined("abc")),
        f"{INVALID}Number of attributes in KeySchema does not exactly match number of attributes defined in "
        "AttributeDefinitions",
    ),
    (
        creation(AttributeDefinitions=defined("abb")),
        f"{INVALID}Duplicate AttributeName in AttributeDefinitions: b",
    ),
    (local_index(), f"{INVALID}List of LocalSecondaryIndexes is empty"),
    (
        local_index(index(), KeySchema=keys("a"), AttributeDefinitions=defined("ac")),
        f"{INVALID}Table KeySchema does not have a range key, which is required when specifying a "
        "LocalSecondaryIndex",
    ),
    (
        local_index(index(schema=keys("b", "c"))),
        f"{INVALID}Index KeySchema does not have the same leading hash key as table KeySchema for index: "
        "index. index hash key: b, table hash key: a",
    ),
    (
        local_index(index(schema=keys("a"))),
        f"{INVALID}Index KeySchema does not have a range key for index: index",
    ),
    (
        local_index(*(index(f"index{number}") for number in range(6))),
        f"{INVALID}Number of LocalSecondaryIndexes exceeds per-table limit of 5",
    ),
    (local_index(index(), index()), f"{INVALID}Duplicate index name: index"),
    (creation(GlobalSecondaryIndexes=[]), f"{INVALID}List of GlobalSecondaryIndexes is empty"),
    (
        creation(
            AttributeDefinitions=defined("abc"),
            GlobalSecondaryIndexes=[index(f"index{number}") for number in range(21)],
        ),
        f"{INVALID}GlobalSecondaryIndex count exceeds the per-table limit of 20",
    ),
    (
        {**local_index(index()), "GlobalSecondaryIndexes": [index()]},
        f"{INVALID}Duplicate index name: index",
    ),
    (global_index(Projection={}), f"{INVALID}Unknown ProjectionType: null"),
    (
        global_index(Projection={"ProjectionType": "ALL", "NonKeyAttributes": ["x"]}),
        f"{INVALID}ProjectionType is ALL, but NonKeyAttributes is specified",
    ),
    (
        global_index(Projection={"ProjectionType": "INCLUDE"}),
        f"{INVALID}ProjectionType is INCLUDE, but NonKeyAttributes is not specified",
    ),
    (
        global_index(ProvisionedThroughput=UNITS),
        f"{INVALID}ProvisionedThroughput should not be specified for index: index when BillingMode is "
        "PAY_PER_REQUEST",
    ),
    (
        {**global_index(), **PROVISIONED},
        f"{INVALID}ProvisionedThroughput must be specified for index: index",
    ),
    (
        creation(AttributeDefinitions=defined("abcd"), GlobalSecondaryIndexes=[index()]),
        f"{INVALID}Some AttributeDefinitions are not used. AttributeDefinitions: [a, b, c, d], "
        "keys used: [a, b, c]",
    ),
    (
        creation(WarmThroughput={"ReadUnitsPerSecond": 1}),
        f"{INVALID}Requested ReadUnitsPerSecond for WarmThroughput for table is lower than "
        "initial throughput for OnDemand",
    ),
    (
        creation(Tags=[{"Key": "k", "Value": "v"}] * 2),
        "Duplicate tag keys found in the request",
    ),
    # Developer guide, "Tagging restrictions in DynamoDB"
    (
        creation(Tags=[{"Key": "k", "Value": "a$b"}]),
        "Tags can contain letters, white space, numbers and the characters + - = . _ : / @",
    ),
    # API reference, OnDemandThroughput
    *(
        (parameters, ON_DEMAND_LIMITS)
        for parameters in (
            creation(OnDemandThroughput={}),
            creation(OnDemandThroughput={"MaxReadRequestUnits": 0}),
            creation(OnDemandThroughput={"MaxReadRequestUnits": 1, "MaxWriteRequestUnits": -2}),
            global_index(OnDemandThroughput={"MaxWriteRequestUnits": 0}),
        )
    ),
]


@pytest.mark.parametrize(("parameters", "message"), REFUSED_CREATIONS, ids=lambda value: str(value)[-40:])
def test_tables_that_are_not_made(client: Any, parameters: dict[str, Any], message: str) -> None:
    assert refusal(client.create_table, **parameters) == message
    assert "refused" not in client.list_tables()["TableNames"]


@pytest.fixture
def provisioned(make_table: Callable[..., str]) -> str:
    """The name of a provisioned table with a global index on c."""
    return make_table(
        AttributeDefinitions=defined("abc"),
        KeySchema=keys("a", "b"),
        GlobalSecondaryIndexes=[index(ProvisionedThroughput=UNITS)],
        **PROVISIONED,
    )


def updates(*changes: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {"GlobalSecondaryIndexUpdates": [{kind: change} for kind, change in changes]}


NOTHING_TO_DO = (
    "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, "
    "GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required"
)
NEW_INDEX = index("new", keys("d"), ProvisionedThroughput=UNITS)
REFUSED_UPDATES: list[tuple[dict[str, Any], str]] = [
    ({}, NOTHING_TO_DO),
    ({"GlobalSecondaryIndexUpdates": []}, NOTHING_TO_DO),
    (
        {"ProvisionedThroughput": UNITS},
        "The provisioned throughput for the table will not change. The requested value equals the current "
        "value. Current ReadCapacityUnits provisioned for the table: 5. Requested ReadCapacityUnits: 5. "
        "Current WriteCapacityUnits provisioned for the table: 3. Requested WriteCapacityUnits: 3. Refer to "
        "the Amazon DynamoDB Developer Guide for current limits and how to request higher limits.",
    ),
    (
        {"BillingMode": "PAY_PER_REQUEST", "ProvisionedThroughput": UNITS},
        f"{INVALID}Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is "
        "PAY_PER_REQUEST",
    ),
    (
        updates(
            ("Update", {"IndexName": "index", "ProvisionedThroughput": UNITS}),
            ("Delete", {"IndexName": "index"}),
        ),
        f"{INVALID}Only one global secondary index update per index is allowed simultaneously. Index: index",
    ),
    (
        updates(("Create", index(ProvisionedThroughput=UNITS))),
        f"{INVALID}Attempting to create an index which already exists",
    ),
    (
        updates(("Create", NEW_INDEX)),
        f"{INVALID}Some index key attributes are not defined in AttributeDefinitions. "
        "Keys: [d], AttributeDefinitions: [a, b, c]",
    ),
    (
        {**updates(("Create", NEW_INDEX)), "AttributeDefinitions": defined("de")},
        f"{INVALID}Some AttributeDefinitions are not used. AttributeDefinitions: [d, e], "
        "keys used: [a, b, c, d]",
    ),
    (
        {**updates(("Create", NEW_INDEX)), "AttributeDefinitions": [*defined("d"), *defined("c", "N")]},
        f"{INVALID}AttributeDefinitions defines c as N, but the table has it as S",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("parameters", "message"), REFUSED_UPDATES, ids=lambda value: str(value)[-40:])
def test_tables_that_are_not_updated(
    client: Any, provisioned: str, parameters: dict[str, Any], message: str
) -> None:
    assert refusal(client.update_table, TableName=provisioned, **parameters) == message


def test_one_index_is_created_or_deleted_at_a_time(client: Any, provisioned: str) -> None:
    both = updates(("Create", NEW_INDEX), ("Delete", {"IndexName": "index"}))
    message = refusal(
        client.update_table,
        "LimitExceededException",
        TableName=provisioned,
        AttributeDefinitions=defined("d"),
        **both,
    )
    assert message == (
        "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
    )
    absent = updates(("Delete", {"IndexName": "absent"}))
    refusal(client.update_table, "ResourceNotFoundException", TableName=provisioned, **absent)


def test_throughput_of_an_on_demand_table(client: Any, table: str) -> None:
    message = refusal(client.update_table, TableName=table, ProvisionedThroughput=UNITS)
    assert message == (
        f"{INVALID}Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is "
        "PAY_PER_REQUEST"
    )


def test_what_delete_table_returns(client: Any) -> None:
    client.create_table(**{**global_index(), "TableName": "deleted"})
    description = client.delete_table(TableName="deleted")["TableDescription"]
    assert description["TableStatus"] == "DELETING"
    assert {"TableName", "TableArn", "TableId", "ItemCount", "TableSizeBytes"} <= description.keys()
    assert not {"KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes"} & description.keys()


def test_warm_throughput_is_told_where_it_was_asked_for(client: Any, make_table: Callable[..., str]) -> None:
    assert "WarmThroughput" not in client.describe_table(TableName=make_table())["Table"]
    warm = {"ReadUnitsPerSecond": 13_000, "WriteUnitsPerSecond": 5_000}
    created = client.create_table(**{**creation(WarmThroughput=warm), "TableName": "warm"})
    assert created["TableDescription"]["WarmThroughput"] == {**warm, "Status": "UPDATING"}
    described = client.describe_table(TableName="warm")["Table"]
    assert described["WarmThroughput"] == {**warm, "Status": "ACTIVE"}
    client.delete_table(TableName="warm")


def test_managed_key_is_one_that_kms_knows(client: Any, make_table: Callable[..., str]) -> None:
    table = make_table(SSESpecification={"Enabled": True})
    encryption = client.describe_table(TableName=table)["Table"]["SSEDescription"]
    assert (encryption["Status"], encryption["SSEType"]) == ("ENABLED", "KMS")
    key_id = encryption["KMSMasterKeyArn"].rpartition("/")[2]
    store = kms_stores[DEFAULT_ACCOUNT_ID][REGION]
    assert key_id in store.keys
    assert store.aliases["alias/aws/dynamodb"].metadata["TargetKeyId"] == key_id


def test_tags_that_are_refused(client: Any, table: str) -> None:
    arn = client.describe_table(TableName=table)["Table"]["TableArn"]
    assert refusal(client.tag_resource, ResourceArn=arn, Tags=[]) == (
        "Atleast one Tag needs to be provided as Input."
    )
    assert refusal(client.untag_resource, ResourceArn=arn, TagKeys=[]) == (
        "Atleast one Tag Key needs to be provided as Input."
    )
    assert refusal(client.list_tags_of_resource, ResourceArn="table") == (
        "Invalid TableArn: Invalid ResourceArn provided as input table"
    )
    many = [{"Key": str(number), "Value": "x"} for number in range(51)]
    assert "Too many tags" in refusal(client.tag_resource, ResourceArn=arn, Tags=many)
    assert "aws:" in refusal(client.tag_resource, ResourceArn=arn, Tags=[{"Key": "aws:a", "Value": "x"}])


def test_tags_of_a_new_table(client: Any, make_table: Callable[..., str]) -> None:
    tags = [{"Key": "k", "Value": "v"}]
    arn = client.describe_table(TableName=make_table(Tags=tags))["Table"]["TableArn"]
    assert client.list_tags_of_resource(ResourceArn=arn)["Tags"] == tags


def test_contributor_insights_are_off(client: Any, provisioned: str) -> None:
    described = client.describe_contributor_insights(TableName=provisioned, IndexName="index")
    assert described["ContributorInsightsStatus"] == "DISABLED"
    assert client.list_contributor_insights()["ContributorInsightsSummaries"] == []
    refusal(client.describe_contributor_insights, "ResourceNotFoundException", TableName="absent")


def test_endpoints_are_where_the_request_went(client: Any) -> None:
    assert client.describe_endpoints()["Endpoints"] == [
        {"Address": "dynamodb.invalid", "CachePeriodInMinutes": 1440}
    ]


def test_limits_of_account_and_table(client: Any) -> None:
    """Developer guide, "Quotas in Amazon DynamoDB"."""
    limits = client.describe_limits()
    assert (limits["AccountMaxReadCapacityUnits"], limits["AccountMaxWriteCapacityUnits"]) == (80_000, 80_000)
    assert (limits["TableMaxReadCapacityUnits"], limits["TableMaxWriteCapacityUnits"]) == (40_000, 40_000)


def test_encryption_that_changes_nothing(client: Any, table: str) -> None:
    def message(**specification: Any) -> str:
        return refusal(client.update_table, TableName=table, SSESpecification=specification)

    assert message(Enabled=False) == INVALID + "Table is already encrypted by default"
    client.update_table(TableName=table, SSESpecification={"Enabled": True, "KMSMasterKeyId": "some-key"})
    assert (
        message(Enabled=True, KMSMasterKeyId="some-key")
        == INVALID + "Table is already encrypted with given KMSMasterKeyId"
    )
    assert "SSEType AES256" in message(Enabled=True, SSEType="AES256")
    client.update_table(TableName=table, SSESpecification={"Enabled": False})


def test_a_tables_policy_goes_with_it(client: Any, make_table: Callable[..., str]) -> None:
    document = '{"Version": "2012-10-17", "Statement": []}'
    arn = client.describe_table(TableName=make_table(ResourcePolicy=document))["Table"]["TableArn"]
    assert client.get_resource_policy(ResourceArn=arn)["Policy"] == document
    name = arn.rpartition("/")[2]
    client.delete_table(TableName=name)
    client.create_table(**creation(TableName=name))
    refusal(client.get_resource_policy, "PolicyNotFoundException", ResourceArn=arn)
