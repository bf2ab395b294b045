"""The services whose calls are mapped, and the mapping of a call."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from serverless_harness.emulator.iam.actions import dynamodb, identity, kms, lambda_, logs, messaging, s3
from serverless_harness.emulator.iam.actions.call import Call, Permission, UnmappedCallError
from serverless_harness.emulator.iam.definition import known_actions


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
"""LocalStack's name of a service to the mapping of its calls."""

_TAGS_OF_REQUEST = ("Tags", "tags", "TagList")


def permissions_for(call: Call) -> list[Permission]:
    """Return everything that a call needs; all of it must be allowed. Empty: the call needs no permission.

    Raises:
        UnmappedCallError: the service, or the operation, isn't mapped.
    """
    mapping = SERVICES.get(call.service)
    if mapping is None:
        raise UnmappedCallError(f"the service {call.service} is not mapped to IAM actions")
    try:
        permissions = list(mapping(call))
    except (KeyError, AttributeError, TypeError) as error:
        raise UnmappedCallError(f"{call.service}:{call.operation} lacks what names its resource") from error
    for permission in permissions:
        _require_known(permission.action)
    tags = _request_tags(call.parameters)
    return [_with(permission, tags) for permission in permissions] if tags else permissions


def _require_known(action: str) -> None:
    if action.lower() not in known_actions(action.partition(":")[0]):
        raise UnmappedCallError(f"{action} is not an IAM action that AWS documents")


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
