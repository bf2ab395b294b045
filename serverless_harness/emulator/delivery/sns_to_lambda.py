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

from localstack.aws.api.lambda_ import InvocationType
from localstack.services.sns.models import SnsSubscription
from localstack.services.sns.publisher import (
    LambdaTopicPublisher,
    SnsPublishContext,
    create_sns_message_body,
    store_delivery_log,
)
from localstack.utils.objects import singleton_factory

from serverless_harness.emulator.delivery import sns_dead_letters
from serverless_harness.emulator.delivery.delayed_calls import scaled_s, shared_delayed_calls
from serverless_harness.emulator.delivery.in_hand import CountedPool
from serverless_harness.emulator.delivery.sns_retries import retry_delay_s
from serverless_harness.emulator.gateway import direct_calls
from serverless_harness.emulator.tracing import spans

LOG = logging.getLogger(__name__)

RETRY_THREADS = 4


@singleton_factory
def _retry_pool() -> CountedPool:
    return CountedPool(RETRY_THREADS, thread_name_prefix="sns-lambda-retry")


def publish(
    publisher: LambdaTopicPublisher, context: SnsPublishContext, subscriber: SnsSubscription, retry: int = 0
) -> None:
    """Deliver a message to a function; again later if the Lambda service fails to take it."""
    name = subscriber["Endpoint"].partition(":function:")[2]
    span = spans.current() if retry else spans.begin("delivery", "sns", "message", name)
    with spans.within(span):
        _attempt(publisher, context, subscriber, retry)


def _attempt(
    publisher: LambdaTopicPublisher, context: SnsPublishContext, subscriber: SnsSubscription, retry: int
) -> None:
    try:
        request_id = _invoke(publisher, context, subscriber)
    except Exception as error:  # noqa: BLE001 (every error is either retried or reported)
        _fail(publisher, context, subscriber, retry, error)
    else:
        spans.end(spans.current(), "delivered")
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
    event = publisher.prepare_message(context.message, subscriber, context.topic_attributes)
    return direct_calls.invoke(
        subscriber["Endpoint"],
        event.encode(),
        InvocationType.Event,
        service_principal="sns",
        source_arn=subscriber["TopicArn"],
    ).request_id


def _fail(
    publisher: LambdaTopicPublisher,
    context: SnsPublishContext,
    subscriber: SnsSubscription,
    retry: int,
    error: Exception,
) -> None:
    if subscriber["SubscriptionArn"] not in context.store.subscriptions:
        return
    delay_s = retry_delay_s(retry + 1) if direct_calls.is_server_side(error) else None
    LOG.info("SNS can't deliver to %s (attempt %d): %s", subscriber["Endpoint"], retry + 1, error)
    if delay_s is None:
        _give_up(context, subscriber, error)
        return
    again = functools.partial(publish, publisher, context, subscriber, retry + 1)
    shared_delayed_calls().call_later(scaled_s(delay_s), functools.partial(_submit, again), is_kept=True)


def _submit(again: Callable[[], None]) -> None:
    _retry_pool().submit(again)


def _give_up(context: SnsPublishContext, subscriber: SnsSubscription, error: Exception) -> None:
    store_delivery_log(context.message, subscriber, success=False, topic_attributes=context.topic_attributes)
    body = create_sns_message_body(
        message_context=context.message, subscriber=subscriber, topic_attributes=context.topic_attributes
    )
    sns_dead_letters.send(subscriber, body, error=str(error))
    spans.end(spans.current(), "failed", str(error))
