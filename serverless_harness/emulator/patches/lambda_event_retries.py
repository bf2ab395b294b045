"""Asynchronous invokes: AWS's delays before another attempt, scaled by `LAMBDA_ASYNC_DELAY_SCALE`.

LocalStack's back-off after throttling and service errors never grows, since nobody counts the attempts; and
its delay of failed events can be set in whole seconds only, and is then up to a second longer.
"""

import functools
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from localstack import config
from localstack.aws.api.lambda_ import TooManyRequestsException
from localstack.services.lambda_.analytics import FunctionStatus
from localstack.services.lambda_.invocation import event_manager
from localstack.services.lambda_.invocation.event_manager import (
    Poller,
    SQSInvocation,
    get_sqs_client,
    has_enough_time_for_retry,
)
from localstack.services.lambda_.invocation.internal_sqs_queue import FakeSqsClient, get_fake_sqs_client
from localstack.services.lambda_.invocation.lambda_models import EventInvokeConfig

from serverless_harness.emulator.delivery.delayed_calls import delay_scale, shared_delayed_calls
from serverless_harness.emulator.patches import replace

PATCHED: list[object] = [
    FakeSqsClient.send_message,
    Poller.handle_message,
    Poller.process_throttles_and_system_errors,
    get_sqs_client,
    has_enough_time_for_retry,
]

LOG = logging.getLogger(__name__)

MAX_BACKOFF_S = 5 * 60
DEFAULT_MAX_EVENT_AGE_S = 6 * 60 * 60


def apply() -> None:
    """Check the scale, and replace the delays."""
    delay_scale()
    replace(event_manager, "get_sqs_client", _get_scaling_sqs_client)
    replace(event_manager, "has_enough_time_for_retry", _has_enough_time_for_retry)
    replace(Poller, "process_throttles_and_system_errors", _process_throttles_and_system_errors)


class ScalingSqsClient:
    """LocalStack's client of its event queues, with scaled delays."""

    def __init__(self, client: FakeSqsClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._client, name)

    def send_message(self, QueueUrl: str, MessageBody: str, DelaySeconds: float = 0) -> None:
        """Queue a message, `DelaySeconds` times the scale from now."""
        send = functools.partial(self._client.send_message, QueueUrl=QueueUrl, MessageBody=MessageBody)
        if DelaySeconds:
            delay_s = DelaySeconds * delay_scale()
            shared_delayed_calls().call_later(delay_s, functools.partial(_send_if_exists, QueueUrl, send))
        else:
            send()


def _send_if_exists(queue_url: str, send: Callable[[], object]) -> None:
    try:
        send()
    except ValueError:
        LOG.debug("The function of event queue %s was deleted before the retry", queue_url)


def _get_scaling_sqs_client(*_: object, **__: object) -> ScalingSqsClient:
    return ScalingSqsClient(get_fake_sqs_client())


def _has_enough_time_for_retry(
    sqs_invocation: SQSInvocation, event_invoke_config: EventInvokeConfig | None
) -> bool:
    """Whether the next attempt would come before the event's maximum age; the age is in real seconds."""
    max_age_s = event_invoke_config.maximum_event_age_in_seconds if event_invoke_config else None
    if max_age_s is None:
        max_age_s = DEFAULT_MAX_EVENT_AGE_S
    age_s = (datetime.now() - sqs_invocation.invocation.invoke_time).total_seconds()
    delay_s = (sqs_invocation.retries + 1) * config.LAMBDA_RETRY_BASE_DELAY_SECONDS * delay_scale()
    return bool(age_s + delay_s <= max_age_s)


def _process_throttles_and_system_errors(
    self: Poller, sqs_invocation: SQSInvocation, error: Exception
) -> str:
    """Queue the event again: after 1 s, and twice as long each time up to 5 min (Lambda developer guide)."""
    LOG.debug("%s is to be tried again: %s", self.version_manager.function_arn, error)
    delay_s = min(2**sqs_invocation.exception_retries, MAX_BACKOFF_S)
    sqs_invocation.exception_retries += 1
    _get_scaling_sqs_client().send_message(self.event_queue_url, sqs_invocation.encode(), delay_s)
    throttled = isinstance(error, TooManyRequestsException)
    return str(FunctionStatus.throttle_error if throttled else FunctionStatus.system_error)
