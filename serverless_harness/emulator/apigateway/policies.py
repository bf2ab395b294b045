"""Whether policies let a caller invoke a method: what an authorizer returns, and an API's resource policy.

Sources: API Gateway developer guide, "Control access to a REST API with API Gateway resource policies", "How
API Gateway resource policies affect authorization workflow" and "Output from an API Gateway Lambda
authorizer".
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from serverless_harness.emulator.apigateway import RestInvocation
from serverless_harness.emulator.iam.api_policies import parse_resource_policy
from serverless_harness.emulator.iam.evaluation import Decision, PolicySet, Reason, Request, evaluate
from serverless_harness.emulator.iam.policy import Policy, PolicyType, parse_policy
from serverless_harness.emulator.iam.principals import Principal, PrincipalKind

ACTION = "execute-api:Invoke"
ANONYMOUS = Principal(PrincipalKind.ANONYMOUS, "anonymous")


def method_arn(context: RestInvocation, method: str | None = None) -> str:
    """Return the ARN of what a request asks for: its stage, its method and the path as it was written."""
    invoked = context.invocation_request
    path = str(invoked["path"]).lstrip("/")
    return f"{api_arn(context)}/{context.stage}/{method or invoked['http_method']}/{path}"


def api_arn(context: RestInvocation) -> str:
    """Return the ARN of an API for invocations."""
    partition = "aws-cn" if context.region.startswith("cn-") else "aws"
    return f"arn:{partition}:execute-api:{context.region}:{context.account_id}:{context.api_id}"


def resource_policy(context: RestInvocation) -> tuple[Policy, ...]:
    """Return the API's resource policy as it was when the stage was deployed; raises PolicyError."""
    return parse_resource_policy(context.deployment.rest_api.rest_api.get("policy"), api_arn(context))


def of_authorizer(document: Mapping[str, Any]) -> Policy:
    """Read the policy that a Lambda authorizer returned; raises PolicyError."""
    return parse_policy(json.dumps({"Version": "2012-10-17", **document}), PolicyType.IDENTITY, "authorizer")


def decide(context: RestInvocation, principal_id: str, policy: Policy) -> Decision:
    """Decide what an authorizer's policy means for a request, along with the API's resource policy.

    Raises:
        PolicyError: The resource policy isn't supported.
    """
    principal = Principal(PrincipalKind.USER, principal_id, context.account_id)
    return _evaluate(context, principal, (policy,), resource_policy(context))


def denies_everyone(context: RestInvocation) -> bool:
    """Return whether the resource policy denies a request whoever makes it: no authorizer is asked then."""
    decision = _evaluate(context, ANONYMOUS, (), resource_policy(context))
    return decision.reason is Reason.EXPLICIT_DENY


def _evaluate(
    context: RestInvocation, principal: Principal, identity: tuple[Policy, ...], resource: tuple[Policy, ...]
) -> Decision:
    request = Request(principal, ACTION, method_arn(context), context.account_id, _request_keys(context))
    return evaluate(request, PolicySet(identity=identity, resource=resource))


def _request_keys(context: RestInvocation) -> dict[str, tuple[str, ...]]:
    """Return the condition keys that a request has; it comes over no VPC endpoint, so it has none of one."""
    now = datetime.now(UTC)
    headers = context.invocation_request["headers"]
    told = {
        "aws:currenttime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:epochtime": str(int(now.timestamp())),
        "aws:securetransport": str(context.request.is_secure).lower(),
        "aws:sourceip": context.context_variables["identity"].get("sourceIp"),
        "aws:useragent": headers.get("User-Agent"),
        "aws:referer": headers.get("Referer"),
        "aws:requestedregion": context.region,
        "aws:resourceaccount": context.account_id,
    }
    return {key: (value,) for key, value in told.items() if value}
