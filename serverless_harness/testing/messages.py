"""Listens to a topic or a queue: waits for the message that a test looks for, and takes none from others.

A topic is listened to by a queue of the test's own that is subscribed to it. A queue on a local stack is
looked at through LocalStack's `/_aws/sqs/messages`, which changes nothing; on AWS its messages are received
with a visibility timeout of 0, which leaves them there and counts as a receive.
"""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from serverless_harness.stack.queue_contents import messages_in
from serverless_harness.targets import LocalTarget, Target
from serverless_harness.waiting import Wait


@dataclass(frozen=True)
class Message:
    """One message; `body` is its text, `attributes` its own (not the queue's), by name, as text."""

    message_id: str
    body: str
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:  # noqa: ANN401 (any JSON)
        """The body read as JSON; raises ValueError where it is none."""
        return json.loads(self.body)


type Clients = Callable[[str], Any]
"""Gives boto3 clients by service name, as the fixture `aws_client` does."""


@dataclass
class Listener:
    """The messages that have come since listening began, oldest first as far as the queue keeps order."""

    name: str
    look: Callable[[], list[Message]]
    seen: dict[str, Message] = field(default_factory=dict)

    def all(self) -> list[Message]:
        """Look once, and give every message seen so far."""
        for message in self.look():
            self.seen.setdefault(message.message_id, message)
        return list(self.seen.values())

    def wait_for(
        self, matches: Callable[[Message], object] = lambda _: True, *, timeout_s: float = 30
    ) -> Message:
        """Wait until a message matches, and give it.

        Raises WaitTimeoutError after `timeout_s`; the error lists what had come instead.
        """
        return Wait(
            f"a message at {self.name} that matches",
            timeout_s,
            describe=lambda: f"{len(self.seen)} others: {[each.body[:200] for each in self.seen.values()]}",
        ).until(lambda: next((message for message in self.all() if matches(message)), None))


@contextmanager
def listen_to_topic(client: Clients, topic_arn: str) -> Iterator[Listener]:
    """Listen to a topic while the block runs: to all that is published from now on, as it was published."""
    sqs, sns = client("sqs"), client("sns")
    name = f"listener-{secrets.token_hex(6)}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    subscription_arn = None
    try:
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(_policy(arn, topic_arn))})
        subscription_arn = sns.subscribe(
            TopicArn=topic_arn,
            Protocol="sqs",
            Endpoint=arn,
            Attributes={"RawMessageDelivery": "true"},
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]
        yield Listener(f"topic {topic_arn}", lambda: _receive(sqs, url))
    finally:
        if subscription_arn:
            sns.unsubscribe(SubscriptionArn=subscription_arn)
        sqs.delete_queue(QueueUrl=url)


def listen_to_queue(client: Clients, queue_url: str, target: Target) -> Listener:
    """Look at a queue's messages without taking them."""
    if isinstance(target, LocalTarget):

        def look() -> list[Message]:
            return [_message(each) for each in messages_in(target, queue_url)]

        return Listener(f"queue {queue_url}", look)
    sqs = client("sqs")
    return Listener(f"queue {queue_url}", lambda: _receive(sqs, queue_url, VisibilityTimeout=0))


def _policy(queue_arn: str, topic_arn: str) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue_arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
        },
    }


def _receive(sqs: Any, url: str, **options: int) -> list[Message]:  # noqa: ANN401
    answer = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], WaitTimeSeconds=0, **options
    )
    return [_message(found) for found in answer.get("Messages", ())]


def _message(found: Mapping[str, Any]) -> Message:
    attributes = found.get("MessageAttributes", {})
    return Message(
        found["MessageId"],
        found["Body"],
        {name: str(value.get("StringValue", "")) for name, value in attributes.items()},
    )
