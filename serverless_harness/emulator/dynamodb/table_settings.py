"""Settings beside a table: tags, time to live, point-in-time recovery.

AWS API reference: TagResource, UpdateTimeToLive, UpdateContinuousBackups and their describing operations.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from localstack.aws.api.dynamodb import PointInTimeRecoveryUnavailableException, TableNotFoundException
from moto.dynamodb.models.table import Table

from serverless_harness.emulator.dynamodb.errors import ValidationError, resource_not_found
from serverless_harness.emulator.dynamodb.models import TableFacts, now
from serverless_harness.emulator.dynamodb.store import Database, replicas_of
from serverless_harness.emulator.dynamodb.table_checks import TAGS_MAX, check_tags

_TABLE_ARN = re.compile(r"arn:aws[a-z-]*:dynamodb:[^:]*:[0-9]*:table/[a-zA-Z0-9_.-]+")
RECOVERY_PERIOD_DAYS = range(1, 36)


def _tagged(database: Database, arn: str) -> Table:
    if not _TABLE_ARN.fullmatch(arn):
        raise ValidationError(f"Invalid TableArn: Invalid ResourceArn provided as input {arn}")
    for table in database.backend.tables.values():
        if table.table_arn == arn:
            return table
    error = resource_not_found()
    # The spelling is the service's own.
    error.message = f"Requested resource not found: ResourcArn: {arn} not found"
    raise error


def tag_resource(database: Database, request: Mapping[str, Any]) -> dict[str, Any]:
    """Set tags of a table, leaving its others."""
    if not request["Tags"]:
        raise ValidationError("Atleast one Tag needs to be provided as Input.")
    table = _tagged(database, request["ResourceArn"])
    check_tags(request["Tags"])
    tags = {tag["Key"]: tag["Value"] for tag in (*table.tags, *request["Tags"])}
    if len(tags) > TAGS_MAX:
        raise ValidationError(f"Too many tags: a resource has at most {TAGS_MAX}")
    table.tags = [{"Key": key, "Value": value} for key, value in tags.items()]
    return {}


def untag_resource(database: Database, request: Mapping[str, Any]) -> dict[str, Any]:
    """Remove tags of a table; those that it doesn't have are ignored."""
    if not request["TagKeys"]:
        raise ValidationError("Atleast one Tag Key needs to be provided as Input.")
    table = _tagged(database, request["ResourceArn"])
    table.tags = [tag for tag in table.tags if tag["Key"] not in request["TagKeys"]]
    return {}


def list_tags_of_resource(database: Database, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table's tags; 50 at most, so always on one page."""
    return {"Tags": list(_tagged(database, request["ResourceArn"]).tags)}


def update_time_to_live(database: Database, request: Mapping[str, Any]) -> dict[str, Any]:
    """Turn time to live on or off; as in AWS, turning it to what it is, is an error."""
    table = database.table(request["TableName"])
    specification = request["TimeToLiveSpecification"]
    enabled, attribute = specification["Enabled"], specification["AttributeName"]
    is_enabled = table.ttl["TimeToLiveStatus"] == "ENABLED"
    if is_enabled and attribute != table.ttl["AttributeName"]:
        raise ValidationError(
            f"TimeToLive is active on a different AttributeName: current AttributeName is "
            f"{table.ttl['AttributeName']}"
        )
    if enabled == is_enabled:
        raise ValidationError(f"TimeToLive is already {'enabled' if enabled else 'disabled'}")
    state = (
        {"TimeToLiveStatus": "ENABLED", "AttributeName": attribute}
        if enabled
        else {"TimeToLiveStatus": "DISABLED"}
    )
    for each in (table, *replicas_of(table)):
        each.ttl = dict(state)
    return {"TimeToLiveSpecification": specification}


def describe_time_to_live(database: Database, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return whether items expire, and by which attribute."""
    return {"TimeToLiveDescription": dict(database.table(request["TableName"]).ttl)}


def _backed_up(database: Database, name: str) -> Table:
    table = database.backend.tables.get(name.rpartition(":table/")[2])
    if table is None:
        raise TableNotFoundException(f"Table not found: {name}")
    return table


def update_continuous_backups(
    database: Database, facts: TableFacts, request: Mapping[str, Any]
) -> dict[str, Any]:
    """Turn point-in-time recovery on, with its period in days, or off."""
    table = _backed_up(database, request["TableName"])
    specification = request["PointInTimeRecoverySpecification"]
    days = specification.get("RecoveryPeriodInDays", RECOVERY_PERIOD_DAYS[-1])
    if days not in RECOVERY_PERIOD_DAYS:
        raise ValidationError("RecoveryPeriodInDays must be between 1 and 35")
    if not specification["PointInTimeRecoveryEnabled"]:
        facts.recoverable_since = None
    elif facts.recoverable_since is None:
        facts.recoverable_since = now()
    facts.recovery_period_days = days
    # moto's exports look here.
    status = "ENABLED" if facts.recoverable_since else "DISABLED"
    table.continuous_backups["PointInTimeRecoveryDescription"] = {"PointInTimeRecoveryStatus": status}
    return _describe_backups(facts)


def describe_continuous_backups(
    database: Database, facts: TableFacts, request: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the state of point-in-time recovery; continuous backups themselves are always on."""
    _backed_up(database, request["TableName"])
    return _describe_backups(facts)


def refuse_overrides(request: Mapping[str, Any]) -> None:
    """Raise NotImplementedError for a restore with other settings than the table had."""
    for member in request:
        if member.endswith("Override"):
            raise NotImplementedError(f"Restores with {member} are not emulated: update the restored table.")


def check_restore(database: Database, facts: Mapping[str, TableFacts], request: Mapping[str, Any]) -> None:
    """Raise for a restore of a table that isn't recoverable, or of what it held some time ago."""
    refuse_overrides(request)
    if request.get("RestoreDateTime") is not None:
        raise NotImplementedError(
            "RestoreTableToPointInTime restores a table as it is now: use UseLatestRestorableTime."
        )
    name = request.get("SourceTableName") or str(request.get("SourceTableArn")).rpartition("/")[2]
    _backed_up(database, name)
    found = facts.get(name)
    if found is None or found.recoverable_since is None:
        raise PointInTimeRecoveryUnavailableException(
            f"Point in time recovery is not enabled for table '{name}'"
        )


def _describe_backups(facts: TableFacts) -> dict[str, Any]:
    recovery: dict[str, Any] = {"PointInTimeRecoveryStatus": "DISABLED"}
    if facts.recoverable_since:
        window_start = now() - timedelta(days=facts.recovery_period_days)
        recovery = {
            "PointInTimeRecoveryStatus": "ENABLED",
            "RecoveryPeriodInDays": facts.recovery_period_days,
            "EarliestRestorableDateTime": max(facts.recoverable_since, window_start),
            "LatestRestorableDateTime": now(),
        }
    return {
        "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": recovery,
        }
    }
