"""What becomes of a message that SNS couldn't deliver: it goes to the subscription's dead-letter queue.

It is sent in the topic's name, as AWS sends it: the queue's policy permits `sns.amazonaws.com` with the topic
as `aws:SourceArn` (SNS developer guide, "Configuring an Amazon SNS dead-letter queue for a subscription").
LocalStack names the subscription. It is tried as often as a delivery.
"""

import functools
import json
import logging
from typing import Any

from localstack.aws.connect import connect_to
from localstack.services.sns.models import SnsSubscription
from localstack.utils.aws.arns import extract_region_from_arn, sqs_queue_url_for_arn

from serverless_harness.emulator.delivery import dead_letters
from serverless_harness.emulator.delivery.sns_retries import retry_delay_s

LOG = logging.getLogger(__name__)

_PASSED_ON = ("MessageAttributes", "MessageGroupId", "MessageDeduplicationId")


def send(sns_subscriber: SnsSubscription, message: str, error: str, **options: Any) -> None:  # noqa: ANN401
    """Send a message's body, as the endpoint would have got it, with what `options` has for a queue."""
    name = f"a message of {sns_subscriber['TopicArn']} for {sns_subscriber['Endpoint']} ({error})"
    queue_arn = json.loads(str(sns_subscriber.get("RedrivePolicy") or "{}")).get("deadLetterTargetArn")
    if not queue_arn:
        LOG.error("%s can't be delivered and is lost, as the subscription has no dead-letter queue", name)
        return
    settings = {key: options[key] for key in _PASSED_ON if options.get(key)}
    letter = functools.partial(_send_letter, queue_arn, message, sns_subscriber["TopicArn"], settings)
    dead_letters.send(letter, name, queue_arn, retry_delay_s)


def _send_letter(queue_arn: str, body: str, topic_arn: str, settings: dict[str, Any]) -> None:
    clients: Any = connect_to(region_name=extract_region_from_arn(queue_arn), config=dead_letters.ONE_ATTEMPT)
    client = clients.sqs.request_metadata(source_arn=topic_arn, service_principal="sns")
    client.send_message(QueueUrl=sqs_queue_url_for_arn(queue_arn), MessageBody=body, **settings)
