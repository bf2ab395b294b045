"""Whether a call to a service is one that a fault is for."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from io import BytesIO
from typing import Any, cast

from localstack.aws.api import RequestContext

from serverless_harness.emulator.faults.model import FaultSpec
from serverless_harness.emulator.iam import callers
from serverless_harness.emulator.iam.actions import Call, Permission, UnsupportedCallError, permissions_for


def matches(spec: FaultSpec, call: Call, context: RequestContext) -> bool:
    """Tell whether a fault is for this call.

    LocalStack's calls of itself, such as those of its log writer, are nobody's but their `caller`'s.
    """
    return (
        spec.service == call.service
        and fnmatchcase(call.operation, spec.operation)
        and _is_of_caller(spec, context)
        and (spec.containing is None or _holds(_parameters(call), spec.containing))
        and (spec.resource is None or any(fnmatchcase(each, spec.resource) for each in resources_of(call)))
    )


def _is_of_caller(spec: FaultSpec, context: RequestContext) -> bool:
    if spec.caller is None:
        return not context.is_internal_call
    return spec.caller in callers_of(context)


def callers_of(context: RequestContext) -> set[str]:
    """Return the role's name, if a role calls, and the service's, if LocalStack calls for one."""
    names = set()
    session = callers.find_session(callers.access_key_id(context), context.partition)
    if session is not None:
        names.add(session.role_arn.rpartition("/")[2])
    internal = context.internal_request_params
    if internal and (service := internal.get("service_principal")):
        names.add(service if "." in service else f"{service}.amazonaws.com")
    return names


def resources_of(call: Call) -> set[str]:
    """Return the ARNs that the call is about, their last parts, and its parameters that are text."""
    resources = {value for value in call.parameters.values() if isinstance(value, str)}
    for arn in (permission.resource for permission in permissions_of(call)):
        resources |= {arn, arn.rpartition(":")[2], arn.rpartition("/")[2]}
    return resources


def permissions_of(call: Call) -> list[Permission]:
    """Return the permissions that IAM would ask for; none where it doesn't know the call."""
    try:
        return list(permissions_for(call))
    except UnsupportedCallError:
        return []


def _parameters(call: Call) -> dict[str, Any]:
    """Return a call's parameters; an invoke's payload, which can be read from the request once, is kept."""
    parameters = cast(dict[str, Any], call.parameters)
    payload: Any = parameters.get("Payload")
    if hasattr(payload, "read") and not isinstance(payload, BytesIO):
        parameters["Payload"] = BytesIO(payload.read())
    return parameters


def _holds(value: object, text: str) -> bool:
    return any(text in each for each in _texts(value))


def _texts(value: object) -> Iterator[str]:
    """Walk through a call's parameters; bodies of S3 objects, which may be large, are left alone."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, BytesIO):
        yield value.getvalue().decode("latin-1")
    elif isinstance(value, bytes):
        yield value.decode("latin-1")
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
