"""Reads streams through the API, and replays them."""

from typing import Any

NEW_AND_OLD = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


def stream_arn(client: Any, table: str) -> str:
    arn: str = client.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    return arn


def only_shard(streams: Any, arn: str) -> dict[str, Any]:
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    return dict(shard)


def iterator(streams: Any, arn: str, kind: str = "TRIM_HORIZON", **more: Any) -> str:
    shard_id = only_shard(streams, arn)["ShardId"]
    answer = streams.get_shard_iterator(StreamArn=arn, ShardId=shard_id, ShardIteratorType=kind, **more)
    text: str = answer["ShardIterator"]
    return text


def read(streams: Any, start: str, limit: int = 1000) -> list[dict[str, Any]]:
    """Return what can be read now, page by page."""
    records: list[dict[str, Any]] = []
    place: str | None = start
    while place:
        answer = streams.get_records(ShardIterator=place, Limit=limit)
        records += answer["Records"]
        place = answer.get("NextShardIterator")
        if not answer["Records"]:
            break
    return records


def all_records(streams: Any, arn: str, limit: int = 1000) -> list[dict[str, Any]]:
    return read(streams, iterator(streams, arn), limit)


def replay(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the items that a table has after the changes; fail where an old image isn't the last new one."""
    items: dict[str, dict[str, Any]] = {}
    for record in records:
        change = record["dynamodb"]
        key = repr(sorted((name, repr(value)) for name, value in change["Keys"].items()))
        assert change.get("OldImage") == items.get(key)
        expected = "INSERT" if key not in items else "MODIFY" if "NewImage" in change else "REMOVE"
        assert record["eventName"] == expected
        if "NewImage" in change:
            assert change["NewImage"] != items.get(key), "a record of no change"
            items[key] = change["NewImage"]
        else:
            del items[key]
    return list(items.values())
