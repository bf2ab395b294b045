"""Asynchronous invokes: AWS's delays before another attempt, scaled by `LAMBDA_ASYNC_DELAY_SCALE`.

The delays are those of the Lambda developer guide, "How Lambda handles errors and retries with asynchronous
invocation".
"""

import json
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass

from localstack import config
from localstack.aws.api.lambda_ import TooManyRequestsException
from localstack.services.lambda_.analytics import FunctionStatus
from localstack.services.lambda_.invocation.counting_service import ConcurrencyTracker
from localstack.services.lambda_.invocation.event_manager import Poller, SQSInvocation
from localstack.services.lambda_.invocation.lambda_models import EventInvokeConfig

from serverless_harness.emulator.clock import clock
from serverless_harness.emulator.delivery.delayed_calls import scaled_s, shared_delayed_calls
from serverless_harness.emulator.lambda_service.event_queues import EVENT_QUEUES
from serverless_harness.emulator.lambda_service.throttled_events import shared_throttled_events
from serverless_harness.emulator.tracing import spans

LOG = logging.getLogger(__name__)

MAX_BACKOFF_S = 5 * 60
DEFAULT_MAX_EVENT_AGE_S = 6 * 60 * 60


class EventQueueClient:
    """What LocalStack's event managers call in the place of an SQS client; delays are scaled."""

    def create_queue(self, QueueName: str) -> dict[str, str]:
        """Create a queue; its name is its URL."""
        EVENT_QUEUES.create(QueueName)
        return {"QueueUrl": QueueName}

    def delete_queue(self, QueueUrl: str) -> None:
        """Delete a queue."""
        EVENT_QUEUES.delete(QueueUrl)

    def delete_message(self, QueueUrl: str, ReceiptHandle: str) -> None:
        """Do nothing: an event that was taken is in no queue."""

    def send_message(self, QueueUrl: str, MessageBody: str, DelaySeconds: float = 0) -> None:
        """Queue a message, `DelaySeconds` times the scale from now."""
        if DelaySeconds:
            queue_later(QueueUrl, MessageBody, scaled_s(DelaySeconds))
        else:
            EVENT_QUEUES.get(QueueUrl).put(MessageBody)


@dataclass(frozen=True)
class Retry:
    """Queues an event again, when it is called."""

    queue_url: str
    body: str

    def __call__(self) -> None:
        """Queue it, unless its function has been deleted."""
        try:
            EVENT_QUEUES.get(self.queue_url).put(self.body)
        except LookupError:
            LOG.debug("The function of event queue %s was deleted before the retry", self.queue_url)
            span = spans.open_span(json.loads(self.body).get("trace_context") or {})
            spans.end(span, "failed", "the function was deleted before the retry")


def queue_later(queue_url: str, body: str, delay_s: float) -> None:
    """Queue an event's message in `delay_s` seconds."""
    shared_delayed_calls().call_later(delay_s, Retry(queue_url, body), is_kept=True)


def event_queue_client(*_: object, **__: object) -> EventQueueClient:
    """Return the client; whatever LocalStack's `get_sqs_client` takes doesn't matter to it."""
    return EventQueueClient()


def has_enough_time_for_retry(
    sqs_invocation: SQSInvocation, event_invoke_config: EventInvokeConfig | None
) -> bool:
    """Whether the next attempt would come before the event's maximum age; the age is not scaled."""
    max_age_s = event_invoke_config.maximum_event_age_in_seconds if event_invoke_config else None
    if max_age_s is None:
        max_age_s = DEFAULT_MAX_EVENT_AGE_S
    age_s = clock.now() - sqs_invocation.invocation.invoke_time.timestamp()
    delay_s = scaled_s((sqs_invocation.retries + 1) * config.LAMBDA_RETRY_BASE_DELAY_SECONDS)
    return bool(age_s + delay_s <= max_age_s)


def backoff_s(retries: int) -> float:
    """Return the delay after so many retries (from 0): 1 s, and twice as long each time up to 5 min."""
    return float(min(2**retries, MAX_BACKOFF_S))


def spread(delay_s: float, chance: float) -> float:
    """Return a delay between half of `delay_s` and all of it, by `chance` from 0 to 1."""
    return delay_s * (1 + chance) / 2


def queue_after_backoff(poller: Poller, sqs_invocation: SQSInvocation, error: Exception) -> str:
    """Queue an event again that Lambda throttled, or failed to run; return what LocalStack counts it as."""
    LOG.debug("%s is to be tried again: %s", poller.version_manager.function_arn, error)
    delay_s = backoff_s(sqs_invocation.exception_retries)
    sqs_invocation.exception_retries += 1
    client, queue_url = EventQueueClient(), poller.event_queue_url
    if not isinstance(error, TooManyRequestsException):
        client.send_message(queue_url, sqs_invocation.encode(), delay_s)
        return str(FunctionStatus.system_error)
    shared_throttled_events().wait(
        poller.version_manager.function_version.id.unqualified_arn(),  # type: ignore[no-untyped-call]
        scaled_s(spread(delay_s, random.random())),
        Retry(queue_url, sqs_invocation.encode()),
    )
    return str(FunctionStatus.throttle_error)


def decrement(fn: Callable[[ConcurrencyTracker, str], None], self: ConcurrencyTracker, scope: str) -> None:
    """Count an invoke that has ended, and let a throttled event have its place; `scope` is an ARN."""
    fn(self, scope)
    shared_throttled_events().has_room(":".join(scope.split(":")[:7]))
