"""The functions' CloudWatch logs: read since a time, or followed as they come."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from serverless_harness.deploy.deployment import Deployment

POLL_INTERVAL_S = 0.5
LATE_ARRIVAL_MS = 10_000
"""How far back a follower looks again: lines of several environments reach CloudWatch out of order."""


@dataclass(frozen=True)
class LogEvent:
    """One log line of a function, called as the reader called it; milliseconds since the epoch."""

    event_id: str
    function: str
    stream: str
    timestamp_ms: int
    message: str

    def __str__(self) -> str:
        when = datetime.fromtimestamp(self.timestamp_ms / 1000, UTC)
        return f"{when:%H:%M:%S}.{when.microsecond // 1000:03} {self.function:<8} {self.message.rstrip()}"


def now_ms() -> int:
    """Give the time now as CloudWatch counts it, in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def read_logs(
    deployment: Deployment, functions: Sequence[str], since_ms: int, pattern: str = ""
) -> list[LogEvent]:
    """Read the functions' log lines since a time, in the order of their timestamps.

    `pattern` is CloudWatch's filter pattern; all lines without one.
    """
    events = [event for function in functions for event in _read_one(deployment, function, since_ms, pattern)]
    return sorted(events, key=lambda event: event.timestamp_ms)


def follow_logs(deployment: Deployment, functions: Sequence[str], since_ms: int) -> Iterator[LogEvent]:
    """Give the functions' log lines since a time, and go on for ever."""
    seen: set[str] = set()
    newest_ms = since_ms
    while True:
        for event in read_logs(deployment, functions, max(since_ms, newest_ms - LATE_ARRIVAL_MS)):
            if event.event_id not in seen:
                seen.add(event.event_id)
                newest_ms = max(newest_ms, event.timestamp_ms)
                yield event
        time.sleep(POLL_INTERVAL_S)


def log_group(deployment: Deployment, function_name: str) -> str:
    """Give the log group of a function, by its name in AWS."""
    client = deployment.client_for(function_name, "lambda")
    return log_group_of(client.get_function_configuration(FunctionName=function_name))


def log_group_of(configuration: Mapping[str, Any]) -> str:
    """Give the log group of a function, by its configuration."""
    named = configuration.get("LoggingConfig", {}).get("LogGroup")
    return str(named or f"/aws/lambda/{configuration['FunctionName']}")


def _read_one(deployment: Deployment, function: str, since_ms: int, pattern: str) -> Iterator[LogEvent]:
    name = deployment.function_name(function)
    logs = deployment.client_for(name, "logs")
    return read_group(logs, log_group(deployment, name), function, since_ms, pattern)


def read_group(
    logs: Any,  # noqa: ANN401 (boto3 clients are untyped)
    group: str,
    function: str,
    since_ms: int,
    pattern: str = "",
) -> Iterator[LogEvent]:
    """Give a log group's events since a time; none where there is no such group yet.

    A function that was never called on AWS may have none.
    """
    options = {"filterPattern": pattern} if pattern else {}
    try:
        for page in logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=since_ms, **options
        ):
            for event in page["events"]:
                yield LogEvent(
                    event["eventId"], function, event["logStreamName"], event["timestamp"], event["message"]
                )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
