"""What becomes of a message that SNS couldn't deliver: it goes to the subscription's dead-letter queue.

It is sent in the topic's name, as AWS sends it: the queue's policy permits `sns.amazonaws.com` with the topic
as `aws:SourceArn` (SNS developer guide, "Configuring an Amazon SNS dead-letter queue for a subscription").
LocalStack names the subscription. It is tried as often as a delivery.
"""

import functools
import json
import logging
from typing import Any

from botocore.config import Config
from localstack.aws.connect import connect_to
from localstack.services.sns.models import SnsSubscription
from localstack.utils.aws.arns import extract_region_from_arn, sqs_queue_url_for_arn

from serverless_harness.emulator.delivery import letters

LOG = logging.getLogger(__name__)

CLIENT_CONFIG = Config(retries={"total_max_attempts": 1})
"""The policy is the one that retries."""
IMMEDIATE_RETRIES = 3
PRE_BACKOFF_RETRIES = 2
BACKOFF_RETRIES = 10
POST_BACKOFF_RETRIES = 100_000
MIN_DELAY_S, MAX_DELAY_S = 1.0, 20.0

_PASSED_ON = ("MessageAttributes", "MessageGroupId", "MessageDeduplicationId")


def retry_delay_s(retry: int) -> float | None:
    """Return AWS's delay before the `retry`-th retry (from 1), None when the policy is exhausted."""
    if retry <= IMMEDIATE_RETRIES:
        return 0.0
    retry -= IMMEDIATE_RETRIES
    if retry <= PRE_BACKOFF_RETRIES:
        return MIN_DELAY_S
    retry -= PRE_BACKOFF_RETRIES
    if retry <= BACKOFF_RETRIES:
        return float(MIN_DELAY_S * (MAX_DELAY_S / MIN_DELAY_S) ** ((retry - 1) / (BACKOFF_RETRIES - 1)))
    retry -= BACKOFF_RETRIES
    return MAX_DELAY_S if retry <= POST_BACKOFF_RETRIES else None


def send(sns_subscriber: SnsSubscription, message: str, error: str, **options: Any) -> None:  # noqa: ANN401
    """Send a message's body, as the endpoint would have got it, with what `options` has for a queue."""
    name = f"a message of {sns_subscriber['TopicArn']} for {sns_subscriber['Endpoint']} ({error})"
    queue_arn = json.loads(str(sns_subscriber.get("RedrivePolicy") or "{}")).get("deadLetterTargetArn")
    if not queue_arn:
        LOG.error("%s can't be delivered and is lost, as the subscription has no dead-letter queue", name)
        return
    settings = {key: options[key] for key in _PASSED_ON if options.get(key)}
    letter = functools.partial(_send_letter, queue_arn, message, sns_subscriber["TopicArn"], settings)
    letters.send(letter, f"SNS's dead letter of {name}, to {queue_arn},", retry_delay_s)


def _send_letter(queue_arn: str, body: str, topic_arn: str, settings: dict[str, Any]) -> None:
    clients: Any = connect_to(region_name=extract_region_from_arn(queue_arn), config=CLIENT_CONFIG)
    client = clients.sqs.request_metadata(source_arn=topic_arn, service_principal="sns")
    client.send_message(QueueUrl=sqs_queue_url_for_arn(queue_arn), MessageBody=body, **settings)
