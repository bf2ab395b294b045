"""EventBridge delivers an event to a target: again after failures of its service, then to a dead letter.

Sources: EventBridge user guide, "Retrying event delivery" and "Using dead-letter queues to process
undelivered events": 24 hours and 185 times with exponential back-off unless the target's retry policy says
less (AWS doesn't say how they are spread); what lacks permission, or isn't there, goes to the dead-letter
queue at once. The queue's policy permits `events.amazonaws.com` with the rule as `aws:SourceArn`. Delays are
scaled by `LAMBDA_ASYNC_DELAY_SCALE`.
"""

import functools
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.api.events import Target
from localstack.aws.connect import connect_to
from localstack.utils.aws.arns import extract_region_from_arn, sqs_queue_url_for_arn
from localstack.utils.objects import singleton_factory
from localstack.utils.strings import convert_to_printable_chars

from serverless_harness.emulator.delivery import dead_letters
from serverless_harness.emulator.delivery.delayed_calls import scaled_s, shared_delayed_calls
from serverless_harness.emulator.delivery.in_hand import CountedPool
from serverless_harness.emulator.tracing import spans

LOG = logging.getLogger(__name__)

MAX_RETRIES, MAX_AGE_S = 185, 24 * 3600
MIN_DELAY_S, MAX_DELAY_S = 1.0, 480.0
"""185 retries fill 24 hours."""
THREADS = 4

_ROLE_REQUIRED = (":states:", ":kinesis:", ":firehose:", ":api-destination/")
"""Targets that EventBridge calls as a role alone ("Using resource-based policies" lists the others)."""


def without_role(targets: Iterable[Target]) -> str | None:
    """Return the ARN of a target that needs a role and has none."""
    arns = (target["Arn"] for target in targets if not target.get("RoleArn"))
    return next((arn for arn in arns if any(part in arn for part in _ROLE_REQUIRED)), None)


def retry_delay_s(retry: int) -> float | None:
    """Return the delay before the `retry`-th retry (from 1), None after the last."""
    return float(min(MIN_DELAY_S * 2 ** min(retry - 1, 30), MAX_DELAY_S)) if retry <= MAX_RETRIES else None


def deliver(attempt: Callable[[], object], event: str, target: Target, rule_arn: str) -> None:
    """Call `attempt`, which sends the event to the target, until it succeeds or is given up.

    It is saved with the state while it is to be tried again, so it may be no function of a function's.
    """
    with spans.within(spans.begin("delivery", "events", "event", target["Arn"])):
        _try(attempt, event, target, rule_arn, age_s=0.0, retry=0)


def _try(
    attempt: Callable[[], object],
    event: str,
    target: Target,
    rule_arn: str,
    age_s: float,
    retry: int,
) -> None:
    """Make another attempt, after `retry` ones that AWS would have spread over `age_s` seconds."""
    try:
        attempt()
    except Exception as error:  # noqa: BLE001 (every error is either tried again or reported)
        LOG.info("EventBridge can't deliver to %s (attempt %d): %s", target["Arn"], retry + 1, error)
        policy: Any = target.get("RetryPolicy") or {}
        retries = policy.get("MaximumRetryAttempts", MAX_RETRIES)
        max_age_s = policy.get("MaximumEventAgeInSeconds", MAX_AGE_S)
        exhausted = None
        if dead_letters.is_transient(error):
            delay_s = retry_delay_s(retry + 1) or MAX_DELAY_S
            if retry >= retries:
                exhausted = "MaximumRetryAttempts"
            elif age_s + delay_s > max_age_s:
                exhausted = "MaximumEventAgeInSeconds"
            else:
                again = functools.partial(_try, attempt, event, target, rule_arn, age_s + delay_s, retry + 1)
                call = functools.partial(_submit, again)
                shared_delayed_calls().call_later(scaled_s(delay_s), call, is_kept=True)
                return
        _give_up(event, target, rule_arn, error, exhausted, retry)
        spans.end(spans.current(), "failed", str(error))
    else:
        spans.end(spans.current(), "delivered")


def _submit(again: Callable[[], None]) -> None:
    _pool().submit(again)


@singleton_factory
def _pool() -> CountedPool:
    return CountedPool(THREADS, thread_name_prefix="event-targets")


def _give_up(
    event: str,
    target: Target,
    rule_arn: str,
    error: Exception,
    exhausted: str | None,
    retries: int,
) -> None:
    name = f"an event of {rule_arn} for {target['Arn']}"
    queue_arn = (target.get("DeadLetterConfig") or {}).get("Arn")
    if not queue_arn:
        LOG.error("%s can't be delivered and is lost, as there is no dead-letter queue: %s", name, error)
        return
    attributes = {
        "RULE_ARN": rule_arn,
        "TARGET_ARN": target["Arn"],
        "ERROR_CODE": _code(error),
        "ERROR_MESSAGE": str(error),
        **({"EXHAUSTED_RETRY_CONDITION": exhausted, "RETRY_ATTEMPTS": str(retries)} if exhausted else {}),
    }
    letter = functools.partial(_send_letter, queue_arn, event, attributes, rule_arn)
    dead_letters.send(letter, name, queue_arn, retry_delay_s)


def _code(error: Exception) -> str:
    """Return AWS's code: the sample in "Using dead-letter queues to process undelivered events"."""
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
    if "NonExistentQueue" in code or "NotFound" in code or code == "StateMachineDoesNotExist":
        return "RESOURCE_NOT_FOUND"
    if "AccessDenied" in code or "AuthorizationError" in code:
        return "NO_PERMISSIONS"
    return "THROTTLING" if code in dead_letters.THROTTLING_CODES else "SDK_CLIENT_ERROR"


def _send_letter(queue_arn: str, body: str, attributes: Mapping[str, str], rule_arn: str) -> None:
    clients: Any = connect_to(region_name=extract_region_from_arn(queue_arn), config=dead_letters.ONE_ATTEMPT)
    client = clients.sqs.request_metadata(source_arn=rule_arn, service_principal="events")
    client.send_message(
        QueueUrl=sqs_queue_url_for_arn(queue_arn),
        MessageBody=body,
        MessageAttributes=convert_to_printable_chars(
            {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        ),
    )
