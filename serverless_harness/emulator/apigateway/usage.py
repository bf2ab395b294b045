"""API keys are metered by their usage plan, and methods throttled by their stage."""

from collections.abc import Mapping
from typing import Any

from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    QuotaExceededError,
    ThrottledError,
)
from localstack.services.apigateway.next_gen.execute_api.moto_helpers import (
    get_usage_plan_keys,
    get_usage_plans,
)

from serverless_harness.emulator.apigateway import RestInvocation
from serverless_harness.emulator.apigateway.throttling import Buckets, Quotas

BUCKETS = Buckets()
QUOTAS = Quotas()


def throttle_method(context: RestInvocation) -> None:
    """Hold all clients together to the stage's rate for the method, or raise 429."""
    settings = context.stage_configuration.get("methodSettings") or {}
    path = context.resource["path"].lstrip("/")
    method = context.resource_method["httpMethod"]
    found = settings.get(f"{path.replace('/', '~1')}/{method}") or settings.get(f"{path}/{method}")
    found = found or settings.get("*/*") or {}
    limits = {"rateLimit": found.get("throttlingRateLimit"), "burstLimit": found.get("throttlingBurstLimit")}
    if not BUCKETS.take((context.api_id, context.stage, path, method), limits):
        raise ThrottledError("Too Many Requests")


def meter(context: RestInvocation) -> None:
    """Hold a client with an API key to its plan's rate and quota, or raise 429."""
    key_id = context.context_variables["identity"].get("apiKeyId")
    plan = _plan_of(context, key_id) if key_id else None
    if plan is None:
        return
    stages = plan.get("apiStages") or []
    stage = next(each for each in stages if _is_of(context, each))
    path, method = context.resource["path"], context.resource_method["httpMethod"]
    of_method = (stage.get("throttle") or {}).get(f"{path}/{method}")
    if of_method and not BUCKETS.take((plan["id"], key_id, context.api_id, path, method), of_method):
        raise ThrottledError("Too Many Requests")
    if not BUCKETS.take((plan["id"], key_id), plan.get("throttle") or {}):
        raise ThrottledError("Too Many Requests")
    if not QUOTAS.take((plan["id"], key_id), plan.get("quota") or {}):
        raise QuotaExceededError("Limit Exceeded")


def _plan_of(context: RestInvocation, key_id: str) -> dict[str, Any] | None:
    plans: list[dict[str, Any]] = [*get_usage_plans(context.account_id, context.region)]  # type: ignore[list-item]
    for plan in plans:
        if any(_is_of(context, stage) for stage in plan.get("apiStages") or []):
            keys = get_usage_plan_keys(
                usage_plan_id=plan["id"], account_id=context.account_id, region_name=context.region
            )
            if any(key["id"] == key_id for key in keys):
                return plan
    return None


def _is_of(context: RestInvocation, stage: Mapping[str, Any]) -> bool:
    return (stage.get("apiId"), stage.get("stage")) == (context.api_id, context.stage)
