"""Requests are refused with 429: a method that its stage throttles, a client that its usage plan limits.

Sources: API Gateway developer guide, "Throttle requests to your REST APIs" (a token bucket) and "Usage plans
and API keys for REST APIs".
"""

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    QuotaExceededError,
    ThrottledError,
)
from localstack.services.apigateway.next_gen.execute_api.moto_helpers import (
    get_usage_plan_keys,
    get_usage_plans,
)
from moto.apigateway.models import UsagePlan

from serverless_harness.emulator.apigateway import RestInvocation
from serverless_harness.emulator.clock import clock

RATE_LIMIT = "/throttle/rateLimit"
"""The path of a usage plan's rate, in UpdateUsagePlan."""


class Buckets:
    """A token bucket for each key."""

    def __init__(self, now_s: Callable[[], float] = clock.elapsed) -> None:
        self._now_s = now_s
        self._levels: dict[object, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, key: object, limits: Mapping[str, Any]) -> bool:
        """Take a token; `limits` has `rateLimit`, in requests a second, and `burstLimit`; below 0 is none."""
        rate, burst = _number(limits.get("rateLimit")), _number(limits.get("burstLimit"))
        if rate is None and burst is None:
            return True
        rate = burst if rate is None else rate
        capacity = max(1.0, rate or 0.0) if burst is None else burst
        with self._lock:
            now_s = self._now_s()
            level, at_s = self._levels.get(key, (capacity, now_s))
            level = min(capacity, level + (now_s - at_s) * (rate or 0.0))
            allowed = level >= 1
            self._levels[key] = (level - 1 if allowed else level, now_s)
            return allowed


def _number(value: object) -> float | None:
    """Return a limit; None where there is none (API Gateway writes -1 for no limit)."""
    if value is None or value == "":
        return None
    number = float(str(value))
    return number if number >= 0 else None


class Quotas:
    """The requests of each key in its current period."""

    def __init__(
        self, now: Callable[[], datetime] = lambda: datetime.fromtimestamp(clock.now(), UTC)
    ) -> None:
        self._now = now
        self._used: dict[object, tuple[date, int]] = {}
        self._lock = threading.Lock()

    def take(self, key: object, quota: Mapping[str, Any]) -> bool:
        """Count a request; `quota` has `limit`, `period` (DAY, WEEK, MONTH) and `offset`."""
        limit = _number(quota.get("limit"))
        if limit is None:
            return True
        begin = period_begin(self._now().date(), str(quota.get("period") or "MONTH"))
        with self._lock:
            since, used = self._used.get(key, (begin, int(_number(quota.get("offset")) or 0)))
            if since != begin:
                used = 0
            if used >= limit:
                return False
            self._used[key] = (begin, used + 1)
            return True


def period_begin(day: date, period: str) -> date:
    """Return the first day of a quota's period, in UTC; a week begins on Sunday."""
    if period == "WEEK":
        return day - timedelta(days=(day.weekday() + 1) % 7)
    return day.replace(day=1) if period == "MONTH" else day


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


def update_usage_plan(
    fn: Callable[[UsagePlan, list[dict[str, Any]]], None],
    self: UsagePlan,
    patch_operations: list[dict[str, Any]],
) -> None:
    """Update by moto's `fn`, also where the plan had no limits, and by a rate that isn't a whole number."""
    self.quota, self.throttle = self.quota or {}, self.throttle or {}
    rates = [each for each in patch_operations if each["path"] == RATE_LIMIT and each["op"] != "remove"]
    fn(self, [each for each in patch_operations if each not in rates])
    for each in rates:
        self.throttle["rateLimit"] = float(each["value"])
