"""A table's stream from CreateTable to DeleteTable: what StreamSpecification may ask, and what it does.

AWS API reference, CreateTable and UpdateTable, StreamSpecification.
"""

from collections.abc import Mapping
from typing import Any

from moto.dynamodb.models.table import Table

from serverless_harness.emulator.dynamodb.errors import INVALID_VALUES, ValidationError
from serverless_harness.emulator.dynamodb.followers import followers_of
from serverless_harness.emulator.dynamodb.streams import Streams, create_stream, forget_ended


def check_creation(request: Mapping[str, Any]) -> None:
    """Raise ValidationError for a StreamSpecification that CreateTable refuses."""
    specification = request.get("StreamSpecification")
    if specification is None:
        return
    enabled, view_type = specification["StreamEnabled"], specification.get("StreamViewType")
    if enabled and not view_type:
        raise ValidationError(
            f"{INVALID_VALUES}Table is being created with a stream enabled, UpdateViewType is required"
        )
    if view_type and not enabled:
        raise ValidationError(
            f"{INVALID_VALUES}Table is being created with a stream disabled, "
            "UpdateViewType should not be specified"
        )


def check_update(table: Table, request: Mapping[str, Any]) -> None:
    """Raise ValidationError for a StreamSpecification that UpdateTable refuses."""
    specification = request.get("StreamSpecification")
    if specification is None:
        return
    enabled, view_type = specification["StreamEnabled"], specification.get("StreamViewType")
    if enabled and not view_type:
        raise ValidationError(f"{INVALID_VALUES}If stream is being enabled then UpdateViewType is required")
    if view_type and not enabled:
        raise ValidationError(
            f"{INVALID_VALUES}If stream is being disabled, then UpdateViewType must not be specified"
        )
    has_stream = followers_of(table).stream is not None
    if enabled and has_stream:
        raise ValidationError(f"Table already has an enabled stream: TableName: {table.name}")
    if not enabled and not has_stream:
        raise ValidationError(f"Table has no stream to disable: TableName: {table.name}")


def follow(table: Table, streams: Streams, request: Mapping[str, Any]) -> None:
    """Enable or disable a table's stream, as CreateTable or UpdateTable asks."""
    if specification := request.get("StreamSpecification"):
        if specification["StreamEnabled"]:
            forget_ended(streams)
            stream = create_stream(streams, table, specification["StreamViewType"])
            followers = followers_of(table)
            followers.stream = followers.latest_stream = stream
        elif followers_of(table).stream:
            _disable(table)
    # moto's own would record into nowhere, and with a label refuses to be enabled again.
    table.stream_shard = table.latest_stream_label = None


def follow_deletion(table: Table) -> None:
    """End a table's stream; it stays readable for 24 hours."""
    if followers_of(table).stream:
        _disable(table)


def describe(table: Table) -> dict[str, Any]:
    """Return what a TableDescription tells of streams; the latest stays in it when it is disabled."""
    followers = followers_of(table)
    description: dict[str, Any] = {}
    if stream := followers.stream:
        description["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": stream.view_type}
    if latest := followers.latest_stream:
        description["LatestStreamLabel"] = latest.label
        description["LatestStreamArn"] = latest.arn
    return description


def _disable(table: Table) -> None:
    followers = followers_of(table)
    assert followers.stream
    followers.stream.disable()
    followers.stream = None
