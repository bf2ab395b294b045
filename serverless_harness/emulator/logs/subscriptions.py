"""Subscription filters: what PutSubscriptionFilter refuses, and what the destinations get.

Sources: CloudWatch Logs API reference, PutSubscriptionFilter; user guide, "Real-time processing of log data
with subscriptions"; Lambda developer guide, "Using Lambda with CloudWatch Logs".
"""

import base64
import gzip
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from botocore.config import Config
from localstack.aws.api.logs import InvalidParameterException
from localstack.aws.connect import connect_to
from localstack.utils.aws import arns
from localstack.utils.aws.client_types import ServicePrincipal
from moto.logs.models import LogEvent

from serverless_harness.emulator.gateway.internal_calls import acting
from serverless_harness.emulator.logs.ingestion import event_id
from serverless_harness.emulator.logs.patterns import FilterPattern

MAX_FILTERS_OF_GROUP = 2
MAX_REGEX_FILTERS_OF_GROUP = 5
MAX_PAYLOAD_BYTES = 256 * 1024
"""What an asynchronous invoke of a function takes, the least of the destinations."""

CLIENT_CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30)
_CANNOT_INVOKE = (
    "Could not execute the lambda function. "
    "Make sure you have given CloudWatch Logs permission to execute your function."
)
_CANNOT_DELIVER = {
    "kinesis": "Could not deliver test message to specified Kinesis stream. "
    "Check if the given kinesis stream is in ACTIVE state.",
    "firehose": "Could not deliver test message to specified Firehose stream. "
    "Check if the given Firehose stream is in ACTIVE state.",
}
_HEALTH_CHECK = {"kinesis": "Kinesis stream", "firehose": "Firehose"}


@dataclass(frozen=True, slots=True)
class Source:
    """Where events come from: the group and the stream."""

    account_id: str
    region: str
    group: str
    stream: str = ""

    @property
    def source_arn(self) -> str:
        """The ARN that resource policies know as `aws:SourceArn`."""
        return f"{arns.log_group_arn(self.group, self.account_id, self.region)}:*"


@dataclass(frozen=True, slots=True)
class Destination:
    """A destination of a subscription filter, and the role that CloudWatch Logs writes to it with."""

    arn: str
    role_arn: str | None
    source: Source
    is_random: bool = False

    @property
    def vendor(self) -> str:
        """The service behind it: lambda, kinesis or firehose."""
        fields = self.arn.split(":")
        return fields[2] if len(fields) > 5 else ""

    def check(self) -> None:
        """Refuse it as PutSubscriptionFilter does, after trying whether it can be reached.

        Raises:
            InvalidParameterException: It is no destination, doesn't exist, or CloudWatch Logs may not write
                to it.
        """
        vendor = self.vendor
        if vendor not in ("lambda", *_CANNOT_DELIVER):
            raise InvalidParameterException(
                f"PutSubscriptionFilter operation cannot work with destinationArn for vendor {vendor}"
            )
        if vendor == "lambda" and self.role_arn:
            raise InvalidParameterException("destinationArn for vendor lambda cannot be used with roleArn")
        if vendor != "lambda" and not self.role_arn:
            raise InvalidParameterException(
                f"destinationArn for vendor {vendor} cannot be used without roleArn"
            )
        if vendor == "lambda" and self.source.group == f"/aws/lambda/{self.arn.split(':')[6]}":
            raise InvalidParameterException(
                "The log group provided is reserved for the function logs of the destination function."
            )
        try:
            if vendor == "lambda":
                self._client().invoke(FunctionName=self.arn, InvocationType="DryRun")
            else:
                self.send(control_message(_HEALTH_CHECK[vendor]))
        except Exception as error:
            raise InvalidParameterException(_CANNOT_DELIVER.get(vendor, _CANNOT_INVOKE)) from error

    def send(self, content: Mapping[str, Any]) -> None:
        """Deliver content, which fits; raises what the destination's service answers."""
        data = compressed(content)
        client = self._client()
        if self.vendor == "lambda":
            event = {"awslogs": {"data": base64.b64encode(data).decode()}}
            client.invoke(FunctionName=self.arn, InvocationType="Event", Payload=json.dumps(event))
        elif self.vendor == "kinesis":
            key = str(time.time_ns()) if self.is_random else self.source.stream or "control"
            name = arns.kinesis_stream_name(self.arn)
            client.put_record(StreamName=name, Data=data, PartitionKey=key[:256])
        else:
            name = arns.firehose_name(self.arn)
            client.put_record(DeliveryStreamName=name, Record={"Data": data})

    def _client(self) -> Any:  # noqa: ANN401 - boto3's clients are untyped
        principal = cast(ServicePrincipal, ServicePrincipal.logs)
        region = self.arn.split(":")[3]
        with acting(source_arn=self.source.source_arn):
            factory: Any = (
                connect_to.with_assumed_role(
                    role_arn=self.role_arn,
                    service_principal=principal,
                    region_name=region,
                    config=CLIENT_CONFIG,
                )
                if self.role_arn
                else connect_to(
                    aws_access_key_id=self.arn.split(":")[4], region_name=region, config=CLIENT_CONFIG
                )
            )
        client = factory.lambda_ if self.vendor == "lambda" else getattr(factory, self.vendor)
        return client.request_metadata(source_arn=self.source.source_arn, service_principal=principal)


def compressed(content: Mapping[str, Any]) -> bytes:
    """Return content as destinations get it: JSON, gzipped."""
    return gzip.compress(json.dumps(content, separators=(",", ":")).encode())


def control_message(target: str) -> dict[str, Any]:
    """Return what a stream gets when it is made a destination."""
    return {
        "messageType": "CONTROL_MESSAGE",
        "owner": "CloudwatchLogs",
        "logGroup": "",
        "logStream": "",
        "subscriptionFilters": [],
        "logEvents": [
            {
                "id": "",
                "timestamp": time.time_ns() // 1_000_000,
                "message": f"CWL CONTROL MESSAGE: Checking health of destination {target}.",
            }
        ],
    }


def data_messages(
    source: Source, filter_name: str, pattern: FilterPattern, events: Sequence[LogEvent]
) -> Iterator[dict[str, Any]]:
    """Yield what a destination gets of events: those that match, in messages that fit.

    Events of a space-delimited pattern bring their fields along, as `extractedFields`.
    """
    matching: list[dict[str, Any]] = []
    for event in events:
        extracted = pattern.match(event.message)
        if extracted is None:
            continue
        entry: dict[str, Any] = {
            "id": event_id(event),
            "timestamp": event.timestamp,
            "message": event.message,
        }
        if extracted:
            entry["extractedFields"] = {name.removeprefix("$"): text for name, text in extracted.items()}
        matching.append(entry)
    if matching:
        yield from _fitting(lambda part: _data_message(source, filter_name, part), matching)


def _data_message(source: Source, filter_name: str, events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "messageType": "DATA_MESSAGE",
        "owner": source.account_id,
        "logGroup": source.group,
        "logStream": source.stream,
        "subscriptionFilters": [filter_name],
        "logEvents": list(events),
    }


def _fitting(
    message_of: Callable[[Sequence[Mapping[str, Any]]], dict[str, Any]], events: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    message = message_of(events)
    size_bytes = len(compressed(message)) * 4 // 3
    if size_bytes <= MAX_PAYLOAD_BYTES or len(events) == 1:
        yield message
        return
    half = len(events) // 2
    yield from _fitting(message_of, events[:half])
    yield from _fitting(message_of, events[half:])
