"""SNS delivers to Lambda, and tries again when the Lambda service fails to take a message, as AWS does.

AWS's policy for Lambda (SNS developer guide, "Amazon SNS message delivery retries"): 3 retries at once, 2
after 1 s, 10 with exponential back-off from 1 s to 20 s, 100,000 every 20 s, here scaled by
`LAMBDA_ASYNC_DELAY_SCALE`. Errors of the client's side (no such function, no permission) aren't retried. Then
the message goes to the subscription's dead-letter queue, which is tried as often.
"""

import functools
import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError
from localstack.aws.api.lambda_ import InvocationType
from localstack.aws.connect import connect_to
from localstack.services.sns.models import SnsSubscription
from localstack.services.sns.publisher import (
    LambdaTopicPublisher,
    SnsPublishContext,
    create_sns_message_body,
    store_delivery_log,
)
from localstack.utils.aws.arns import extract_region_from_arn, sqs_queue_url_for_arn
from localstack.utils.objects import singleton_factory

from serverless_harness.emulator.delivery import letters
from serverless_harness.emulator.delivery.delayed_calls import delay_scale, shared_delayed_calls

LOG = logging.getLogger(__name__)

CLIENT_CONFIG = Config(retries={"total_max_attempts": 1})
"""The policy is the one that retries."""
IMMEDIATE_RETRIES = 3
PRE_BACKOFF_RETRIES = 2
BACKOFF_RETRIES = 10
POST_BACKOFF_RETRIES = 100_000
MIN_DELAY_S, MAX_DELAY_S = 1.0, 20.0
RETRY_THREADS = 4
THROTTLED_STATUS, SERVER_ERROR_STATUS = 429, 500


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


def is_server_side(error: Exception) -> bool:
    """Whether the service is at fault, not what was asked of it: it throttles, fails, or can't be reached."""
    if not isinstance(error, ClientError):
        return True
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", SERVER_ERROR_STATUS))
    return status >= SERVER_ERROR_STATUS or status == THROTTLED_STATUS


@singleton_factory
def _retry_pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(RETRY_THREADS, thread_name_prefix="sns-lambda-retry")


def publish(
    publisher: LambdaTopicPublisher, context: SnsPublishContext, subscriber: SnsSubscription, retry: int = 0
) -> None:
    """Deliver a message to a function; again later if the Lambda service fails to take it."""
    try:
        request_id = _invoke(publisher, context, subscriber)
    except Exception as error:  # noqa: BLE001 (every error is either retried or reported)
        _fail(publisher, context, subscriber, retry, error)
    else:
        store_delivery_log(
            context.message,
            subscriber,
            success=True,
            topic_attributes=context.topic_attributes,
            delivery={
                "statusCode": 202,
                "providerResponse": json.dumps({"lambdaRequestId": request_id}),
            },
        )


def _invoke(publisher: LambdaTopicPublisher, context: SnsPublishContext, subscriber: SnsSubscription) -> str:
    function_arn = subscriber["Endpoint"]
    clients: Any = connect_to(region_name=extract_region_from_arn(function_arn), config=CLIENT_CONFIG)
    client = clients.lambda_.request_metadata(source_arn=subscriber["TopicArn"], service_principal="sns")
    event = publisher.prepare_message(context.message, subscriber, context.topic_attributes)
    response = client.invoke(
        FunctionName=function_arn, Payload=event.encode(), InvocationType=InvocationType.Event
    )
    return str(response["ResponseMetadata"]["RequestId"])


def _fail(
    publisher: LambdaTopicPublisher,
    context: SnsPublishContext,
    subscriber: SnsSubscription,
    retry: int,
    error: Exception,
) -> None:
    if subscriber["SubscriptionArn"] not in context.store.subscriptions:
        return
    delay_s = retry_delay_s(retry + 1) if is_server_side(error) else None
    LOG.info("SNS can't deliver to %s (attempt %d): %s", subscriber["Endpoint"], retry + 1, error)
    if delay_s is None:
        _give_up(context, subscriber)
        return
    again = functools.partial(publish, publisher, context, subscriber, retry + 1)
    shared_delayed_calls().call_later(delay_s * delay_scale(), functools.partial(_submit, again))


def _submit(again: Callable[[], None]) -> None:
    _retry_pool().submit(again)


def _give_up(context: SnsPublishContext, subscriber: SnsSubscription) -> None:
    store_delivery_log(context.message, subscriber, success=False, topic_attributes=context.topic_attributes)
    queue_arn = json.loads(str(subscriber.get("RedrivePolicy") or "{}")).get("deadLetterTargetArn")
    name = f"message {context.message.message_id} for {subscriber['Endpoint']}"
    if not queue_arn:
        LOG.error("Lost: %s can't be delivered, and the subscription has no dead-letter queue", name)
        return
    body = create_sns_message_body(
        message_context=context.message, subscriber=subscriber, topic_attributes=context.topic_attributes
    )
    letter = functools.partial(_send_letter, queue_arn, body, subscriber["TopicArn"])
    letters.send(letter, f"SNS's dead letter of {name}, to {queue_arn},", retry_delay_s)


def _send_letter(queue_arn: str, body: str, topic_arn: str) -> None:
    """Send it in the topic's name, as AWS does: queue policies know it (SNS guide, "Dead-letter queues").

    LocalStack's own way is in the subscription's name, and its errors don't tell whether a retry may help.
    """
    clients: Any = connect_to(region_name=extract_region_from_arn(queue_arn), config=CLIENT_CONFIG)
    client = clients.sqs.request_metadata(source_arn=topic_arn, service_principal="sns")
    client.send_message(QueueUrl=sqs_queue_url_for_arn(queue_arn), MessageBody=body)
