"""Which values the attributes of a queue may have.

Sources: SQS API reference, SetQueueAttributes; the wording of refusals is the service's.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from localstack.services.sqs.exceptions import InvalidAttributeValue, InvalidParameterValueException

RANGES = {
    "DelaySeconds": (0, 900),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
    "MaximumMessageSize": (1024, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43_200),
}
CHOICES = {
    "ContentBasedDeduplication": ("true", "false"),
    "DeduplicationScope": ("messageGroup", "queue"),
    "FifoThroughputLimit": ("perMessageGroupId", "perQueue"),
    "SqsManagedSseEnabled": ("true", "false"),
}
REMOVED_BY_NOTHING = ("Policy", "RedrivePolicy", "RedriveAllowPolicy")
"""The attributes that an empty value takes away."""

RECEIVES_MAX = 1000
SOURCES_MAX = 10
_PERMISSIONS = ("allowAll", "denyAll", "byQueue")

type IsFifo = Callable[[str], bool | None]
"""Tells of a queue's ARN whether the queue is FIFO; None: there is none."""


def check(attributes: Mapping[str, str], *, fifo: bool, is_fifo: IsFifo) -> None:
    """Refuse values that a queue can't have; names are checked elsewhere.

    Raises:
        InvalidAttributeValue: A value isn't a number, isn't in its range, or isn't one of those that there
            are.
        InvalidParameterValueException: A redrive policy is incomplete, or its dead-letter queue isn't there
            or of the other kind.
    """
    for name, value in attributes.items():
        if name in REMOVED_BY_NOTHING and value == "":
            continue
        if name in RANGES and not _in_range(value, *RANGES[name]):
            raise _invalid(name)
        if name in CHOICES and value.lower() not in {choice.lower() for choice in CHOICES[name]}:
            raise _invalid(name)
        if name == "Policy" and not isinstance(_document(value), dict):
            raise _invalid(name)
        if name == "RedrivePolicy":
            _check_redrive_policy(value, fifo, is_fifo)
        if name == "RedriveAllowPolicy":
            _check_redrive_allow_policy(value)


def _invalid(name: str) -> InvalidAttributeValue:
    return InvalidAttributeValue(f"Invalid value for the parameter {name}.")  # type: ignore[no-untyped-call]


def _in_range(value: str, least: int, most: int) -> bool:
    digits = value.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) < 20 and least <= int(value) <= most


def _document(value: str) -> Any:  # noqa: ANN401
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _check_redrive_policy(value: str, fifo: bool, is_fifo: IsFifo) -> None:
    policy = _document(value)
    if not isinstance(policy, dict):
        raise _refusal("RedrivePolicy", value, "Redrive policy is not a valid JSON map.")
    for name in ("maxReceiveCount", "deadLetterTargetArn"):
        if policy.get(name) in (None, ""):
            reason = f"Redrive policy does not contain mandatory attribute: {name}."
            raise _refusal("RedrivePolicy", value, reason)
    count = policy["maxReceiveCount"]
    if isinstance(count, bool) or not _in_range(str(count), 1, RECEIVES_MAX):
        reason = (
            f"Invalid value for maxReceiveCount: {count}, valid values are from 1 to {RECEIVES_MAX} "
            "both inclusive."
        )
        raise _refusal("RedrivePolicy", value, reason)
    target_is_fifo = is_fifo(str(policy["deadLetterTargetArn"]))
    if target_is_fifo is None:
        raise _refusal("RedrivePolicy", value, "Dead letter target does not exist.")
    if target_is_fifo is not fifo:
        # The two stops are the service's.
        reason = "Dead-letter queue must be same type of queue as the source.."
        raise _refusal("RedrivePolicy", value, reason)


def _check_redrive_allow_policy(value: str) -> None:
    policy = _document(value)
    permission = policy.get("redrivePermission") if isinstance(policy, dict) else None
    if permission not in _PERMISSIONS:
        raise _refusal("RedriveAllowPolicy", value, "Amazon SQS can't create the redrive allow policy.")
    sources = policy.get("sourceQueueArns")
    by_queue = permission == "byQueue"
    if by_queue != bool(sources) or (by_queue and not _are_sources(sources)):
        raise _refusal("RedriveAllowPolicy", value, "Amazon SQS can't create the redrive allow policy.")


def _are_sources(sources: Any) -> bool:  # noqa: ANN401
    return (
        isinstance(sources, list)
        and len(sources) <= SOURCES_MAX
        and all(isinstance(arn, str) and arn.count(":") == 5 for arn in sources)
    )


def _refusal(name: str, value: str, reason: str) -> InvalidParameterValueException:
    text = f"Value {value} for parameter {name} is invalid. Reason: {reason}"
    return InvalidParameterValueException(text)  # type: ignore[no-untyped-call]
