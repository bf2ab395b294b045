"""Constraints of members that LocalStack takes unchecked, held to before the service sees the call.

The others are checked by the services themselves, or told of where a service ends in an exception. Sources:
Lambda API reference, CreateFunction and UpdateFunctionConfiguration; the wording is the service's.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from botocore.model import OperationModel

from serverless_harness.emulator.validation import model

LAMBDA_TIMEOUT_MAX_S = 900
LAMBDA_MEMORY_MAX_MB = 10_240
_VARIABLE_NAME = "[a-zA-Z]([a-zA-Z0-9_])+"
_CONFIGURATION = ("Timeout", "MemorySize", "Description", "Handler", "EphemeralStorage")
_OF_LOGS = (
    "DescribeLogGroups",
    "DescribeMetricFilters",
    "DescribeSubscriptionFilters",
    "FilterLogEvents",
    "PutMetricFilter",
    "PutSubscriptionFilter",
    "TestMetricFilter",
)
_CHECKED: dict[tuple[str, str], Sequence[str] | None] = {
    ("lambda", "CreateFunction"): _CONFIGURATION,
    ("lambda", "UpdateFunctionConfiguration"): _CONFIGURATION,
    ("lambda", "Invoke"): ("InvocationType", "LogType"),
    **dict.fromkeys(("logs", operation) for operation in _OF_LOGS),
}
"""The members that are checked of each operation; None: all."""
_MOST = {"Timeout": LAMBDA_TIMEOUT_MAX_S, "MemorySize": LAMBDA_MEMORY_MAX_MB}
"""What the model doesn't tell, or tells of accounts with raised limits."""


_ONE_OF = {("ec2", "CreateLaunchTemplateVersion"): ("LaunchTemplateId", "LaunchTemplateName")}
"""Members of which a request has to have one."""
_TAG_KEYS = {"Key", "key", "TagKey"}
"""What services call the key of a tag."""


def missing_alternative(parameters: dict[str, Any], operation: OperationModel) -> str | None:
    """Return the first of the members of which there has to be one, where there is none."""
    names = _ONE_OF.get((operation.service_model.service_name, operation.name), ())
    return names[0] if names and not any(parameters.get(name) for name in names) else None


def has_tag_without_key(parameters: dict[str, Any]) -> bool:
    """Say whether one of a request's tags has no key; many models don't tell that it needs one."""
    tags = parameters.get("Tags")
    return isinstance(tags, list) and any(isinstance(tag, dict) and not {*tag} & _TAG_KEYS for tag in tags)


def violations(parameters: dict[str, Any], operation: OperationModel) -> list[str]:
    """Return the constraints that are violated of those that are checked here, in AWS's words."""
    call = (operation.service_model.service_name, operation.name)
    if call not in _CHECKED:
        return []
    names = _CHECKED[call]
    checked = parameters if names is None else {name: parameters.get(name) for name in names}
    found = [text for text in model.violations(checked, operation) if "Value null at" not in text]
    return found + list(_beyond_model(parameters))


def _beyond_model(parameters: dict[str, Any]) -> Iterator[str]:
    for name, most in _MOST.items():
        value = parameters.get(name)
        if value is not None and value > most:
            where = f"{name[0].lower()}{name[1:]}"
            yield (
                f"Value '{value}' at '{where}' failed to satisfy constraint: "
                f"Member must have value less than or equal to {most}"
            )
    variables = (parameters.get("Environment") or {}).get("Variables") or {}
    if not all(re.fullmatch(_VARIABLE_NAME, name) for name in variables):
        # The value isn't shown: it may be a secret.
        yield (
            "Value at 'environment.variables' failed to satisfy constraint: Map keys must satisfy "
            f"constraint: [Member must satisfy regular expression pattern: {_VARIABLE_NAME}]"
        )
