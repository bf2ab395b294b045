"""The shop's functions as Lambda would load them: their modules at the root, settings in the environment."""

import importlib
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

REPOSITORY = Path(__file__).parents[3]
REGION = "eu-central-1"
ACCOUNT_ID = "123456789012"
QUEUE_NAME = "dead-letters"
TABLE_NAME = "shop-shops"

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "to_decrypt_topic_arn": f"arn:aws:sns:{REGION}:{ACCOUNT_ID}:to-decrypt",
    "to_process_topic_arn": f"arn:aws:sns:{REGION}:{ACCOUNT_ID}:to-process",
    "dead_letter_queue_url": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT_ID}/{QUEUE_NAME}",
    "key_prefix": "shop-",
    "table_name": TABLE_NAME,
}


def set_environment(patch: pytest.MonkeyPatch) -> None:
    """Set the functions' variables, until `patch` is undone."""
    for name, value in ENVIRONMENT.items():
        patch.setenv(name, value)
    patch.delenv("AWS_ENDPOINT_URL", raising=False)


sys.path[:0] = [
    str(REPOSITORY / "handlers" / folder) for folder in ("common", "accept", "decrypt", "process")
]
# Functions read their settings and make their clients as they are imported.
with pytest.MonkeyPatch.context() as patch:
    set_environment(patch)
    for function in ("accept", "decrypt", "process"):
        importlib.import_module(function)


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No call leaves this process: moto answers in place of AWS."""
    set_environment(monkeypatch)
    with mock_aws():
        yield


@pytest.fixture
def context() -> SimpleNamespace:
    """A Lambda context whose time runs down by a tenth of a second whenever it is asked."""
    remaining_ms = itertools.count(3000, -100)
    return SimpleNamespace(
        function_name="shop-function",
        aws_request_id="6bc28136-xmpl-4365-b021-0ce6b2e64ab0",
        memory_limit_in_mb="128",
        log_group_name="/aws/lambda/shop-function",
        log_stream_name="2026/03/01/[$LATEST]3893xmpl7fac4485b47bb75b671a283c",
        get_remaining_time_in_millis=lambda: next(remaining_ms),
    )


class DeadLetters:
    """The functions' queue, read from the other end."""

    def __init__(self) -> None:
        self._sqs = boto3.client("sqs")
        self._url = self._sqs.create_queue(QueueName=QUEUE_NAME)["QueueUrl"]

    def receive(self) -> list[tuple[str, dict[str, str]]]:
        """Take all letters: body and attributes of each."""
        messages = self._sqs.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages", [])
        return [
            (m["Body"], {k: v["StringValue"] for k, v in m["MessageAttributes"].items()}) for m in messages
        ]


@pytest.fixture
def dead_letters(aws: None) -> DeadLetters:
    return DeadLetters()


def sns_event(*messages: object) -> dict[str, Any]:
    """What SNS calls a function with; messages that aren't strings are sent as JSON."""
    texts = [message if isinstance(message, str) else json.dumps(message) for message in messages]
    return {
        "Records": [
            {"EventSource": "aws:sns", "Sns": {"MessageId": f"message-{number}", "Message": text}}
            for number, text in enumerate(texts)
        ]
    }


@pytest.fixture(name="sns_event")
def sns_event_fixture() -> Any:
    return sns_event
