"""The services whose calls are mapped, and the mapping of a call."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from serverless_harness.emulator.iam.actions import (
    dynamodb,
    identity,
    kms,
    lambda_,
    logs,
    messaging,
    reference,
    s3,
)
from serverless_harness.emulator.iam.actions.call import Call, Permission, UnmappedCallError
from serverless_harness.emulator.iam.matching import UNTOLD
from serverless_harness.emulator.iam.service_reference import known_actions


def _apigateway(call: Call) -> Iterator[Permission]:
    """The action is the HTTP method, the resource its path (page "… for Amazon API Gateway Management")."""
    yield Permission(
        f"apigateway:{call.http_method.upper()}",
        call.arn("apigateway", call.path.rstrip("/"), with_account=False),
    )


def _cloudwatch(call: Call) -> Iterator[Permission]:
    names = call.parameters.get("AlarmNames") or [call.parameters.get("AlarmName")]
    resources = [call.arn("cloudwatch", f"alarm:{name}") for name in names if name]
    namespace = call.parameters.get("Namespace")
    context = {"cloudwatch:namespace": (namespace,)} if namespace else {}
    for resource in resources or ["*"]:
        yield Permission(f"cloudwatch:{call.operation}", resource, context)


SERVICES: Mapping[str, Callable[[Call], Iterable[Permission]]] = {
    "apigateway": _apigateway,
    "cloudwatch": _cloudwatch,
    "dynamodb": dynamodb.permissions,
    "iam": identity.iam,
    "kms": kms.permissions,
    "lambda": lambda_.permissions,
    "logs": logs.permissions,
    "s3": s3.permissions,
    "sns": messaging.sns,
    "sqs": messaging.sqs,
    "sts": identity.sts,
}
"""LocalStack's name of a service to the mapping of its calls; others are mapped by AWS's reference."""

_TAGS_OF_REQUEST = ("Tags", "tags", "TagList")


def permissions_for(call: Call) -> list[Permission]:
    """Return everything that a call needs; all of it must be allowed. Empty: the call needs no permission.

    Raises:
        UnsupportedCallError: the call isn't supported here, whoever makes it.
    """
    mapping = SERVICES.get(call.service, reference.permissions)
    try:
        permissions = list(mapping(call))
    except (KeyError, AttributeError, TypeError, UnmappedCallError):
        permissions = list(reference.permissions(call))
    permissions = [_with_known_action(permission) for permission in permissions]
    tags = _request_tags(call.parameters)
    return [_with(permission, tags) for permission in permissions] if tags else permissions


def _with_known_action(permission: Permission) -> Permission:
    """Return the permission, its action untold where AWS documents none of that name."""
    prefix, _, name = permission.action.partition(":")
    if name == UNTOLD or permission.action.lower() in known_actions(prefix):
        return permission
    resource = UNTOLD if permission.resource == "*" else permission.resource
    return Permission(f"{prefix}:{UNTOLD}", resource, permission.context)


def _with(permission: Permission, context: Mapping[str, tuple[str, ...]]) -> Permission:
    return Permission(permission.action, permission.resource, {**permission.context, **context})


def _request_tags(parameters: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return aws:RequestTag/… and aws:TagKeys of a request that has tags, or keys of tags to take away."""
    for name in _TAGS_OF_REQUEST:
        raw = parameters.get(name)
        if not raw:
            continue
        if isinstance(raw, dict):
            return _tag_context({str(key): str(value) for key, value in raw.items()})
        if isinstance(raw, list):
            pairs = {
                _first(tag, "Key", "TagKey", "key"): _first(tag, "Value", "TagValue", "value") for tag in raw
            }
            return _tag_context(pairs)
    for name in ("TagKeys", "tagKeys"):
        if keys := parameters.get(name):
            return {"aws:tagkeys": tuple(keys)}
    return {}


def _first(tag: Mapping[str, Any], *names: str) -> str:
    return str(next((tag[name] for name in names if name in tag), ""))


def _tag_context(tags: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    if not tags:
        return {}
    values = {f"aws:requesttag/{key.lower()}": (value,) for key, value in tags.items()}
    return {"aws:tagkeys": tuple(tags), **values}
