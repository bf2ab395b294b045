"""How often a client, or all of them, may call a method: rates with bursts, and quotas.

Sources: API Gateway developer guide, "Throttle requests to your REST APIs" (a token bucket) and "Usage plans
and API keys for REST APIs".
"""

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from serverless_harness.emulator.clock import clock


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
