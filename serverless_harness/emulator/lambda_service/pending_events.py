"""Asynchronous invokes that Lambda has accepted and not ended: a snapshot takes them along.

They are in `event_queues` of the process, which no state holds. An event that is being handled counts as
pending: whoever loads the snapshot runs it again, as AWS may, too (Lambda developer guide, "Understanding
retry behavior": at least once).
"""

import logging
from dataclasses import dataclass
from typing import Any

from localstack.services.lambda_.invocation.lambda_service import LambdaService

from serverless_harness.emulator.delivery.delayed_calls import shared_delayed_calls
from serverless_harness.emulator.lambda_service.event_queues import EVENT_QUEUES
from serverless_harness.emulator.lambda_service.event_retries import Retry, queue_later
from serverless_harness.emulator.lambda_service.throttled_events import shared_throttled_events

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class PendingEvent:
    """An event for the function version of an ARN, due in `delay_s` seconds; `body` is its message's."""

    version_arn: str
    body: str
    delay_s: float = 0


def collect(service: LambdaService) -> list[PendingEvent]:
    """Return the events that are queued, being handled, or waiting for another attempt."""
    versions = {manager.event_queue_url: arn for arn, manager in _managers(service).items()}
    throttled = [(0.0, call) for call in shared_throttled_events().waiting()]
    pending = []
    for arn, manager in _managers(service).items():
        queued = EVENT_QUEUES.get(manager.event_queue_url).bodies() if manager.event_queue_url else []
        pending += [PendingEvent(arn, body) for body in queued]
    for delay_s, call in [*throttled, *shared_delayed_calls().kept()]:
        if isinstance(call, Retry) and call.queue_url in versions:
            pending.append(PendingEvent(versions[call.queue_url], call.body, delay_s))
    return list({event.body: event for event in pending}.values())


def restore(service: LambdaService, pending: list[PendingEvent]) -> None:
    """Queue events for the functions that a snapshot has brought back."""
    managers = _managers(service)
    for event in pending:
        manager = managers.get(event.version_arn)
        if manager is None or manager.event_queue_url is None:
            LOG.error("An event of %s is lost, as the function no longer exists", event.version_arn)
        else:
            queue_later(manager.event_queue_url, event.body, event.delay_s)


def _managers(service: LambdaService) -> dict[str, Any]:
    managers: Any = service.event_managers
    return dict(managers)
