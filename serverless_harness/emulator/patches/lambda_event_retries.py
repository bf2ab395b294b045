"""Asynchronous invokes are tried again after AWS's delays (`lambda_service.event_retries`).

LocalStack's back-off after throttling and service errors never grows, since nobody counts the attempts; and
its delay of failed events can be set in whole seconds only, and is then up to a second longer. Its queues are
those of SQS, which cost every event more than its function's own poller. Events that were throttled wait for
the end of an invoke, too.
"""

from localstack.services.lambda_.invocation import event_manager
from localstack.services.lambda_.invocation.counting_service import ConcurrencyTracker, CountingService
from localstack.services.lambda_.invocation.event_manager import (
    LambdaEventManager,
    Poller,
    get_sqs_client,
    has_enough_time_for_retry,
)

from serverless_harness.emulator.delivery.delayed_calls import scaled_s
from serverless_harness.emulator.lambda_service import event_retries
from serverless_harness.emulator.patches import replace, wrap

PATCHED: list[object] = [
    ConcurrencyTracker.atomic_decrement,
    CountingService.get_invocation_lease,
    LambdaEventManager,
    Poller.handle_message,
    Poller.process_throttles_and_system_errors,
    get_sqs_client,
    has_enough_time_for_retry,
]


def apply() -> None:
    """Check the scale, and replace the delays."""
    scaled_s(0)  # A wrong setting ends the start.
    replace(event_manager, "get_sqs_client", event_retries.event_queue_client)
    replace(event_manager, "has_enough_time_for_retry", event_retries.has_enough_time_for_retry)
    wrap(ConcurrencyTracker.atomic_decrement, event_retries.decrement)
    replace(Poller, "process_throttles_and_system_errors", event_retries.queue_after_backoff)
