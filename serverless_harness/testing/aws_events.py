"""Test events as AWS shapes them: those of API Gateway, function URLs, SNS, SQS, S3, DynamoDB, EventBridge.

Shapes and field names are those of the service's page in the Lambda developer guide ("Using Lambda with …").
What a test doesn't care for has a plausible value; ids and times are new at each call.
"""

import base64
import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus, urlencode

from boto3.dynamodb.types import TypeSerializer

type Event = dict[str, Any]
type Values = Mapping[str, str | Sequence[str]]
"""Headers or query parameters: a value each, or several of one name."""


@dataclass(frozen=True)
class AwsEvents:
    """Makes events for `region` and `account_id`; each method gives one event, the payload of an invoke."""

    region: str = "us-east-1"
    account_id: str = "000000000000"

    def api_gateway(
        self,
        method: str = "GET",
        path: str = "/",
        *,
        body: str | bytes | object | None = None,
        headers: Values | None = None,
        query: Values | None = None,
        path_parameters: Mapping[str, str] | None = None,
        resource: str | None = None,
        stage: str = "test",
        authorizer: Mapping[str, Any] | None = None,
    ) -> Event:
        """Make a REST API's proxy event (payload format 1.0).

        A `body` that is neither text nor bytes is sent as JSON; bytes are encoded as base64. `resource` is
        the path as it is in the API (`/notes/{id}`), by default `path`.
        """
        now = datetime.now(UTC)
        text, is_base64 = _body(body)
        all_headers = _several(headers)
        all_query = _several(query)
        return {
            "resource": resource or path,
            "path": path,
            "httpMethod": method,
            "headers": _last(all_headers),
            "multiValueHeaders": all_headers or None,
            "queryStringParameters": _last(all_query),
            "multiValueQueryStringParameters": all_query or None,
            "pathParameters": dict(path_parameters) if path_parameters else None,
            "stageVariables": None,
            "requestContext": {
                "accountId": self.account_id,
                "apiId": "1234567890",
                "authorizer": dict(authorizer) if authorizer else None,
                "domainName": f"1234567890.execute-api.{self.region}.amazonaws.com",
                "domainPrefix": "1234567890",
                "extendedRequestId": str(uuid.uuid4()),
                "httpMethod": method,
                "identity": {"sourceIp": "127.0.0.1", "userAgent": "test", "user": None, "userArn": None},
                "path": f"/{stage}{path}",
                "protocol": "HTTP/1.1",
                "requestId": str(uuid.uuid4()),
                "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
                "requestTimeEpoch": _epoch_ms(now),
                "resourceId": "123456",
                "resourcePath": resource or path,
                "stage": stage,
            },
            "body": text,
            "isBase64Encoded": is_base64,
        }

    def function_url(
        self,
        method: str = "GET",
        path: str = "/",
        *,
        body: str | bytes | object | None = None,
        headers: Values | None = None,
        query: Values | None = None,
        cookies: Sequence[str] = (),
    ) -> Event:
        """Make the event of a function URL (payload format 2.0): several values of one name become `a,b`."""
        now = datetime.now(UTC)
        text, is_base64 = _body(body)
        joined = {name.lower(): ",".join(values) for name, values in _several(headers).items()}
        all_query = _several(query)
        domain = f"abcdefgh.lambda-url.{self.region}.on.aws"
        event: Event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": urlencode(all_query, doseq=True),
            "headers": {"host": domain, **joined},
            "requestContext": {
                "accountId": "anonymous",
                "apiId": "abcdefgh",
                "domainName": domain,
                "domainPrefix": "abcdefgh",
                "http": {
                    "method": method,
                    "path": path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1",
                    "userAgent": "test",
                },
                "requestId": str(uuid.uuid4()),
                "routeKey": "$default",
                "stage": "$default",
                "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
                "timeEpoch": _epoch_ms(now),
            },
            "isBase64Encoded": is_base64,
        }
        if cookies:
            event["cookies"] = list(cookies)
        if all_query:
            event["queryStringParameters"] = {name: ",".join(values) for name, values in all_query.items()}
        if text is not None:
            event["body"] = text
        return event

    def sns(
        self,
        message: str | object,
        *,
        topic: str = "topic",
        subject: str | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> Event:
        """Make what SNS sends: one record.

        A `message` that isn't text is sent as JSON; `topic` is a name or an ARN.
        """
        topic_arn = topic if topic.startswith("arn:") else self._arn("sns", topic)
        return {
            "Records": [
                {
                    "EventSource": "aws:sns",
                    "EventVersion": "1.0",
                    "EventSubscriptionArn": f"{topic_arn}:{uuid.uuid4()}",
                    "Sns": {
                        "Type": "Notification",
                        "MessageId": str(uuid.uuid4()),
                        "TopicArn": topic_arn,
                        "Subject": subject,
                        "Message": _text(message),
                        "Timestamp": _iso(datetime.now(UTC)),
                        "SignatureVersion": "1",
                        "Signature": "EXAMPLE",
                        "SigningCertUrl": "EXAMPLE",
                        "UnsubscribeUrl": "EXAMPLE",
                        "MessageAttributes": {
                            name: {"Type": "String", "Value": value}
                            for name, value in (attributes or {}).items()
                        },
                    },
                }
            ]
        }

    def sqs(
        self,
        *bodies: str | object,
        queue: str = "queue",
        attributes: Mapping[str, str] | None = None,
        receive_count: int = 1,
    ) -> Event:
        """Make a batch of one record per body.

        A body that isn't text is sent as JSON; `queue` is a name or an ARN; `attributes` are every message's.
        """
        sent_ms = str(_epoch_ms(datetime.now(UTC)))
        records = []
        for body in bodies:
            text = _text(body)
            records.append(
                {
                    "messageId": str(uuid.uuid4()),
                    "receiptHandle": base64.b64encode(uuid.uuid4().bytes).decode(),
                    "body": text,
                    "attributes": {
                        "ApproximateReceiveCount": str(receive_count),
                        "SentTimestamp": sent_ms,
                        "SenderId": self.account_id,
                        "ApproximateFirstReceiveTimestamp": sent_ms,
                    },
                    "messageAttributes": {
                        name: {
                            "stringValue": value,
                            "stringListValues": [],
                            "binaryListValues": [],
                            "dataType": "String",
                        }
                        for name, value in (attributes or {}).items()
                    },
                    "md5OfBody": hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(),
                    "eventSource": "aws:sqs",
                    "eventSourceARN": queue if queue.startswith("arn:") else self._arn("sqs", queue),
                    "awsRegion": self.region,
                }
            )
        return {"Records": records}

    def s3(
        self,
        key: str,
        *,
        bucket: str = "bucket",
        event_name: str = "ObjectCreated:Put",
        size_bytes: int = 1024,
    ) -> Event:
        """Make a notification of one object; its key is encoded as S3 does it, as in a form."""
        record: Event = {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": self.region,
            "eventTime": _iso(datetime.now(UTC)),
            "eventName": event_name,
            "userIdentity": {"principalId": "EXAMPLE"},
            "requestParameters": {"sourceIPAddress": "127.0.0.1"},
            "responseElements": {"x-amz-request-id": "EXAMPLE", "x-amz-id-2": "EXAMPLE"},
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "test",
                "bucket": {
                    "name": bucket,
                    "ownerIdentity": {"principalId": "EXAMPLE"},
                    "arn": f"arn:aws:s3:::{bucket}",
                },
                "object": {"key": quote_plus(key, safe="/"), "sequencer": "0A1B2C3D4E5F678901"},
            },
        }
        if event_name.startswith("ObjectCreated"):
            record["s3"]["object"] |= {"size": size_bytes, "eTag": uuid.uuid4().hex}
        return {"Records": [record]}

    def dynamodb(
        self,
        keys: Mapping[str, Any],
        *,
        table: str = "table",
        new: Mapping[str, Any] | None = None,
        old: Mapping[str, Any] | None = None,
    ) -> Event:
        """Make a stream's record of one change; INSERT, MODIFY or REMOVE follows from which images are given.

        Keys and images are plain Python values (numbers as Decimal), put into DynamoDB's types here. Raises
        ValueError where neither image is given.
        """
        if new is None and old is None:
            raise ValueError("give a new image, an old image or both")
        name = "REMOVE" if new is None else "INSERT" if old is None else "MODIFY"
        change: Event = {
            "ApproximateCreationDateTime": int(datetime.now(UTC).timestamp()),
            "Keys": _typed(keys),
            "SequenceNumber": str(uuid.uuid4().int)[:21],
            "SizeBytes": 64,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        }
        if new is not None:
            change["NewImage"] = _typed({**keys, **new})
        if old is not None:
            change["OldImage"] = _typed({**keys, **old})
        stream = f"{self._arn('dynamodb', f'table/{table}')}/stream/2015-05-11T21:21:33.291"
        return {
            "Records": [
                {
                    "eventID": uuid.uuid4().hex,
                    "eventName": name,
                    "eventVersion": "1.1",
                    "eventSource": "aws:dynamodb",
                    "awsRegion": self.region,
                    "dynamodb": change,
                    "eventSourceARN": stream,
                }
            ]
        }

    def eventbridge(
        self, detail: Mapping[str, Any], *, detail_type: str, source: str, resources: Sequence[str] = ()
    ) -> Event:
        """Make the event that a rule sends to its target."""
        return {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": detail_type,
            "source": source,
            "account": self.account_id,
            "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self.region,
            "resources": list(resources),
            "detail": dict(detail),
        }

    def _arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"


def _text(value: str | object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _body(value: str | bytes | object | None) -> tuple[str | None, bool]:
    if value is None:
        return None, False
    if isinstance(value, bytes):
        return base64.b64encode(value).decode(), True
    return _text(value), False


def _several(values: Values | None) -> dict[str, list[str]]:
    return {
        name: [value] if isinstance(value, str) else list(value) for name, value in (values or {}).items()
    }


def _last(values: Mapping[str, Sequence[str]]) -> dict[str, str] | None:
    """Give the last value of each name, as API Gateway does; None where there are no names."""
    return {name: several[-1] for name, several in values.items()} or None


def _typed(item: Mapping[str, Any]) -> Event:
    """Put an item into the form of a stream's record: as DynamoDB's JSON, bytes as base64 text."""
    serialized = {name: TypeSerializer().serialize(value) for name, value in item.items()}
    typed: Event = json.loads(json.dumps(serialized, default=_base64))
    return typed


def _base64(data: Any) -> str:  # noqa: ANN401 (bytes, or boto3's Binary)
    return base64.b64encode(bytes(data)).decode()


def _epoch_ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"
