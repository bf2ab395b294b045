"""CloudWatch Logs: AWS checks calls on a group against `log-group:<name>:log-stream:` with an empty stream.

Sources: AWS pages "Actions, resources, and condition keys for Amazon CloudWatch Logs" and "CloudWatch Logs
resources and operations"; the ARNs are those that AWS's own denials name.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from serverless_harness.emulator.iam.actions.call import Call, Permission

_GROUP_TAGGING = {"TagResource", "UntagResource", "ListTagsForResource"}


def permissions(call: Call) -> Iterator[Permission]:
    """Yield what a call to `logs` needs."""
    for resource in _resources(call):
        yield Permission(f"logs:{call.operation}", resource)
    role = call.parameters.get("roleArn")
    if call.operation == "PutSubscriptionFilter" and role:
        yield Permission("iam:PassRole", role, {"iam:passedtoservice": ("logs.amazonaws.com",)})


def _resources(call: Call) -> Iterator[str]:
    parameters = call.parameters
    if call.operation in _GROUP_TAGGING:
        yield parameters["resourceArn"].removesuffix(":*")
        return
    groups = _group_names(parameters)
    if call.operation == "DescribeLogGroups":
        groups = [parameters.get("logGroupNamePrefix") or ""]
    if not groups:
        yield parameters.get("destinationArn") or "*"
        return
    stream = parameters.get("logStreamName") or ""
    for group in groups:
        base = (
            group.removesuffix(":*") if group.startswith("arn:") else call.arn("logs", f"log-group:{group}")
        )
        yield f"{base}:log-stream:{stream}"


def _group_names(parameters: Mapping[str, Any]) -> list[str]:
    for name in ("logGroupName", "logGroupIdentifier"):
        if value := parameters.get(name):
            return [value]
    for name in ("logGroupNames", "logGroupIdentifiers", "logGroupArnList"):
        if values := parameters.get(name):
            return list(values)
    return []
