"""Table descriptions and settings in AWS's shape, and the state that snapshots keep."""

import gc
import threading
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

import pytest
from dynamodb_refusals import refusal
from localstack.state import pickle
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from serverless_harness.emulator.dynamodb import reads
from serverless_harness.emulator.dynamodb.models import dynamodb_moto_stores
from serverless_harness.emulator.dynamodb.provider import DynamoDbMotoProvider
from serverless_harness.emulator.dynamodb.store import Database, StoredItem

REGION = "us-east-1"
GLOBAL_INDEX: dict[str, Any] = {
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "g")],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "global",
            "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
}
PROVISIONED = {
    "BillingMode": "PROVISIONED",
    "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 3},
}


def describe(client: Any, table: str) -> dict[str, Any]:
    description: dict[str, Any] = client.describe_table(TableName=table)["Table"]
    return description


def test_on_demand_table(client: Any, table: str) -> None:
    description = describe(client, table)
    created_at = description.pop("CreationDateTime")
    table_id = description.pop("TableId")
    summary = description.pop("BillingModeSummary")
    assert len(table_id) == 36
    assert summary["BillingMode"] == "PAY_PER_REQUEST"
    assert summary["LastUpdateToPayPerRequestDateTime"] >= created_at
    assert description == {
        "TableName": table,
        "TableArn": f"arn:aws:dynamodb:{REGION}:{DEFAULT_ACCOUNT_ID}:table/{table}",
        "TableStatus": "ACTIVE",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        "ProvisionedThroughput": {
            "NumberOfDecreasesToday": 0,
            "ReadCapacityUnits": 0,
            "WriteCapacityUnits": 0,
        },
        "TableSizeBytes": 0,
        "ItemCount": 0,
        "DeletionProtectionEnabled": False,
    }


def test_provisioned_table_has_no_billing_summary_until_it_was_on_demand(
    client: Any, make_table: Callable[..., str]
) -> None:
    table = make_table(**PROVISIONED)
    assert "BillingModeSummary" not in describe(client, table)
    client.update_table(TableName=table, BillingMode="PAY_PER_REQUEST")
    on_demand = describe(client, table)
    assert on_demand["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert on_demand["ProvisionedThroughput"]["ReadCapacityUnits"] == 0
    client.update_table(TableName=table, **PROVISIONED)
    assert describe(client, table)["BillingModeSummary"]["BillingMode"] == "PROVISIONED"


def test_statuses_and_sizes(client: Any, make_table: Callable[..., str]) -> None:
    table = make_table(**GLOBAL_INDEX)
    item = {"pk": {"S": "ab"}, "sk": {"S": "c"}, "g": {"S": "d"}}
    client.put_item(TableName=table, Item=item)
    description = describe(client, table)
    assert (description["ItemCount"], description["TableSizeBytes"]) == (1, 2 + 2 + 2 + 1 + 1 + 1)
    (index,) = description["GlobalSecondaryIndexes"]
    assert index["IndexArn"] == f"{description['TableArn']}/index/global"
    assert (index["IndexStatus"], index["ItemCount"]) == ("ACTIVE", 1)
    assert "LocalSecondaryIndexes" not in description


def test_states_of_indexes_while_they_are_updated(client: Any, make_table: Callable[..., str]) -> None:
    """API reference, GlobalSecondaryIndexDescription: IndexStatus and Backfilling."""
    table = make_table()

    def update(**change: Any) -> list[tuple[str, str, bool | None]]:
        definitions = [{"AttributeName": "g", "AttributeType": "S"}] if "Create" in change else []
        answer = client.update_table(
            TableName=table, AttributeDefinitions=definitions, GlobalSecondaryIndexUpdates=[change]
        )
        indexes = answer["TableDescription"]["GlobalSecondaryIndexes"]
        return [(each["IndexName"], each["IndexStatus"], each.get("Backfilling")) for each in indexes]

    (created,) = GLOBAL_INDEX["GlobalSecondaryIndexes"]
    assert update(Create=created) == [("global", "CREATING", False)]
    for limit in ({"MaxReadRequestUnits": 5}, {"MaxWriteRequestUnits": 6}):
        change = {"IndexName": "global", "OnDemandThroughput": limit}
        assert update(Update=change) == [("global", "UPDATING", None)]
    (index,) = describe(client, table)["GlobalSecondaryIndexes"]
    assert (index["IndexStatus"], "Backfilling" in index) == ("ACTIVE", False)
    assert index["OnDemandThroughput"] == {"MaxReadRequestUnits": 5, "MaxWriteRequestUnits": 6}
    assert update(Delete={"IndexName": "global"}) == [("global", "DELETING", None)]
    assert "GlobalSecondaryIndexes" not in describe(client, table)


def test_table_by_its_arn(client: Any, table: str) -> None:
    arn = describe(client, table)["TableArn"]
    item = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    client.put_item(TableName=arn, Item=item)
    assert client.get_item(TableName=table, Key=item)["Item"] == item
    elsewhere = arn.replace(REGION, "eu-west-1")
    refusal(client.get_item, "ResourceNotFoundException", TableName=elsewhere, Key=item)


def test_deletion_protection(client: Any, table: str) -> None:
    client.update_table(TableName=table, DeletionProtectionEnabled=True)
    assert describe(client, table)["DeletionProtectionEnabled"] is True
    assert refusal(client.delete_table, "ValidationException", TableName=table) == (
        "Resource cannot be deleted as it is currently protected against deletion. "
        "Disable deletion protection first."
    )
    client.update_table(TableName=table, DeletionProtectionEnabled=False)


def test_table_that_exists(client: Any, table: str) -> None:
    keys = describe(client, table)
    message = refusal(
        client.create_table,
        "ResourceInUseException",
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=keys["KeySchema"],
        AttributeDefinitions=keys["AttributeDefinitions"],
    )
    assert message == f"Table already exists: {table}"


def test_a_table_made_again_is_another_one(client: Any, make_table: Callable[..., str]) -> None:
    table = make_table()
    first = describe(client, table)
    client.delete_table(TableName=table)
    client.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=first["KeySchema"],
        AttributeDefinitions=first["AttributeDefinitions"],
    )
    assert describe(client, table)["TableId"] != first["TableId"]


def test_tags_are_replaced_by_key(client: Any, table: str) -> None:
    arn = describe(client, table)["TableArn"]
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": str(n), "Value": "x"} for n in range(12)])
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "0", "Value": "y"}])
    client.untag_resource(ResourceArn=arn, TagKeys=["1", "absent"])
    tags = {tag["Key"]: tag["Value"] for tag in client.list_tags_of_resource(ResourceArn=arn)["Tags"]}
    assert tags == {"0": "y"} | {str(n): "x" for n in range(2, 12)}
    refusal(client.list_tags_of_resource, "ResourceNotFoundException", ResourceArn=f"{arn}-not")


def test_time_to_live(client: Any, table: str) -> None:
    def update(enabled: bool) -> dict[str, Any]:
        return {
            "TableName": table,
            "TimeToLiveSpecification": {"Enabled": enabled, "AttributeName": "expires"},
        }

    def described() -> dict[str, Any]:
        description: dict[str, Any] = client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        return description

    assert described() == {"TimeToLiveStatus": "DISABLED"}
    client.update_time_to_live(**update(True))
    assert described() == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    assert refusal(client.update_time_to_live, "ValidationException", **update(True)) == (
        "TimeToLive is already enabled"
    )
    client.update_time_to_live(**update(False))
    assert described() == {"TimeToLiveStatus": "DISABLED"}


def test_point_in_time_recovery(client: Any, table: str) -> None:
    def described() -> dict[str, Any]:
        backups = client.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
        assert backups["ContinuousBackupsStatus"] == "ENABLED"
        description: dict[str, Any] = backups["PointInTimeRecoveryDescription"]
        return description

    assert described() == {"PointInTimeRecoveryStatus": "DISABLED"}
    specification = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 7}
    client.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=specification)
    enabled = described()
    assert (enabled["PointInTimeRecoveryStatus"], enabled["RecoveryPeriodInDays"]) == ("ENABLED", 7)
    assert enabled["EarliestRestorableDateTime"] <= enabled["LatestRestorableDateTime"]
    assert (
        refusal(client.describe_continuous_backups, "TableNotFoundException", TableName="absent")
        == "Table not found: absent"
    )


def test_backup_and_restore_by_moto_keep_the_items(client: Any, table: str) -> None:
    item = {"pk": {"S": "a"}, "sk": {"S": "b"}, "b": {"B": b"\x00\xff"}, "n": {"N": "1.5"}}
    client.put_item(TableName=table, Item=item)
    arn = client.create_backup(TableName=table, BackupName="backup")["BackupDetails"]["BackupArn"]
    client.update_item(
        TableName=table, Key={name: item[name] for name in ("pk", "sk")}, UpdateExpression="REMOVE n"
    )
    client.restore_table_from_backup(TargetTableName=f"{table}-restored", BackupArn=arn)
    assert client.scan(TableName=f"{table}-restored")["Items"] == [item]
    assert len(describe(client, f"{table}-restored")["TableId"]) == 36
    client.delete_table(TableName=f"{table}-restored")


def test_partiql_reads_and_writes_the_same_items(client: Any, table: str) -> None:
    client.put_item(TableName=table, Item={"pk": {"S": "a"}, "sk": {"S": "b"}, "n": {"N": "1"}})
    client.execute_statement(Statement=f"INSERT INTO \"{table}\" value {{'pk': 'a', 'sk': 'c', 'n': 2}}")
    selected = client.execute_statement(Statement=f"SELECT * FROM \"{table}\" WHERE pk = 'a'")["Items"]
    assert sorted(entry["n"]["N"] for entry in selected) == ["1", "2"]
    client.update_item(
        TableName=table,
        Key={"pk": {"S": "a"}, "sk": {"S": "c"}},
        UpdateExpression="ADD n :n",
        ExpressionAttributeValues={":n": {"N": "1"}},
    )
    items = client.scan(TableName=table)["Items"]
    assert sorted(entry["n"]["N"] for entry in items) == ["1", "3"]


@pytest.mark.parametrize("name", ["ab", "a" * 256, "a name", "name/1"])
def test_table_names_that_aws_does_not_take(unchecked_client: Any, name: str) -> None:
    message = refusal(
        unchecked_client.create_table,
        "ValidationException",
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )
    assert "3 characters" in message or "[a-zA-Z0-9_.-]+" in message


class _Collector:
    """A state visitor that keeps what it is shown, pickled as LocalStack's snapshots are."""

    def __init__(self) -> None:
        self.pickled: list[bytes] = []

    def visit(self, container: Any) -> None:
        state = dict(container[DEFAULT_ACCOUNT_ID])
        self.pickled.append(pickle.dumps(state))


def test_state_visitor_sees_items_and_what_else_is_kept(client: Any, table: str) -> None:
    item = {"pk": {"S": "a"}, "sk": {"S": "b"}, "b": {"B": b"\x00"}}
    client.transact_write_items(
        TransactItems=[{"Put": {"TableName": table, "Item": item}}], ClientRequestToken=f"{table}-token"
    )
    collector = _Collector()
    DynamoDbMotoProvider().accept_state_visitor(collector)  # type: ignore[arg-type]
    backends, stores = (pickle.loads(state) for state in collector.pickled)
    database = Database(backends[REGION], threading.RLock())
    key = {"pk": item["pk"], "sk": item["sk"]}
    assert reads.get_item(database, {"TableName": table, "Key": key})["Item"] == item
    assert stores[REGION].table_facts[table].table_id == describe(client, table)["TableId"]
    assert f"{table}-token" in stores[REGION].transaction_tokens


def test_items_that_were_replaced_are_not_kept(client: Any, make_table: Callable[..., str]) -> None:
    """moto keeps every instance of its models; a table with a stream keeps each item before and after."""
    table = make_table(StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"})
    for number in range(3):
        client.put_item(TableName=table, Item={"pk": {"S": table}, "sk": {"S": "a"}, "n": {"N": str(number)}})
    gc.collect()
    kept = [entry for entry in gc.get_objects() if type(entry) is StoredItem]
    of_table = [item for item in kept if item.attributes.get("pk") == {"S": table}]
    assert [item.attributes["n"] for item in of_table] == [{"N": "2"}]


def test_nothing_is_left_of_deleted_tables(client: Any, make_table: Callable[..., str]) -> None:
    table = make_table()
    client.delete_table(TableName=table)
    assert table not in dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables
    assert table not in dynamodb_moto_stores[DEFAULT_ACCOUNT_ID][REGION].table_facts
    client.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )


def test_index_updates(client: Any, table: str) -> None:
    client.put_item(TableName=table, Item={"pk": {"S": "a"}, "sk": {"S": "b"}, "g": {"S": "c"}})
    create = {"Create": GLOBAL_INDEX["GlobalSecondaryIndexes"][0]}
    definition = {"AttributeName": "g", "AttributeType": "S"}
    client.update_table(
        TableName=table, AttributeDefinitions=[definition], GlobalSecondaryIndexUpdates=[create]
    )
    defined = {entry["AttributeName"] for entry in describe(client, table)["AttributeDefinitions"]}
    assert defined == {"pk", "sk", "g"}, "a request need not repeat the table's own"
    assert client.scan(TableName=table, IndexName="global")["Count"] == 1
    refusal(
        client.update_table,
        "ValidationException",
        TableName=table,
        AttributeDefinitions=[definition],
        GlobalSecondaryIndexUpdates=[create],
    )
    delete = {"Delete": {"IndexName": "global"}}
    client.update_table(TableName=table, GlobalSecondaryIndexUpdates=[delete])
    description = describe(client, table)
    assert "GlobalSecondaryIndexes" not in description
    assert len(description["AttributeDefinitions"]) == 2
    refusal(
        client.update_table,
        "ResourceNotFoundException",
        TableName=table,
        GlobalSecondaryIndexUpdates=[delete],
    )


def test_list_tables_in_pages(client: Any, make_table: Callable[..., str]) -> None:
    made = {make_table() for _ in range(3)}
    pages = client.get_paginator("list_tables").paginate(PaginationConfig={"PageSize": 2})
    names = [name for page in pages for name in page["TableNames"]]
    assert names == sorted(names)
    assert made <= set(names)


def test_provider_is_chosen_by_name_beside_localstacks_own() -> None:
    providers = {entry.name: entry.value for entry in entry_points(group="localstack.aws.provider")}
    assert providers["dynamodb:moto"] == "serverless_harness.emulator.dynamodb.plugin:dynamodb_moto"
    assert providers["dynamodb:default"].startswith("localstack.services.providers:")
