"""What the functions did in the last minutes: counted by CloudWatch, timed by the emulator or the logs."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from serverless_harness.console.source import Source
from serverless_harness.errors import HarnessError
from serverless_harness.functions.cpu_waits import PATH as INVOCATIONS_PATH
from serverless_harness.functions.logs import read_group
from serverless_harness.functions.reports import parse_report
from serverless_harness.timing.statistics import percentile

WINDOW_S = 15 * 60
MINUTE_MS = 60_000
OVERLAP_MS = 5_000
"""How far back is looked again: what ends together isn't told in the order of its end."""
REPORT_PATTERN = '?"REPORT RequestId" ?"platform.report"'
COUNTS = ("Invocations", "Errors", "Throttles")
MAX_QUERIES = 500
"""Of one GetMetricData call (CloudWatch API reference)."""


@dataclass(frozen=True)
class Invoked:
    """An invoke that ended; `ended_ms` is since the epoch, `init_ms` None where it was warm."""

    function: str
    request_id: str
    ended_ms: int
    duration_ms: float
    init_ms: float | None


@dataclass
class LatestInvokes:
    """The invokes of the last `WINDOW_S` seconds; only what is new is asked for."""

    source: Source
    _invokes: dict[tuple[str, int], Invoked] = field(default_factory=dict)
    _session: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, log_groups: Mapping[str, tuple[str, str]], session: str, now_s: float) -> list[Invoked]:
        """Give them, the oldest first.

        `log_groups` are the region and log group of each function, `session` names the run of the stack:
        what an earlier one did is forgotten.
        """
        with self._lock:
            if session != self._session:
                self._session, self._invokes = session, {}
            since_ms = round((now_s - WINDOW_S) * 1000)
            newest_ms = max((each.ended_ms for each in self._invokes.values()), default=0)
            for each in self._since(log_groups, max(since_ms, newest_ms - OVERLAP_MS)):
                self._invokes[each.request_id, each.ended_ms] = each
            self._invokes = {key: each for key, each in self._invokes.items() if each.ended_ms >= since_ms}
            return sorted(self._invokes.values(), key=lambda each: each.ended_ms)

    def _since(self, log_groups: Mapping[str, tuple[str, str]], since_ms: int) -> list[Invoked]:
        try:
            answer = self.source.control("GET", f"{INVOCATIONS_PATH}?since_ms={since_ms}")
        except HarnessError:  # AWS, or an emulator without our plugins or whose token isn't known.
            return [
                each for name, where in log_groups.items() for each in self._in_log(name, where, since_ms)
            ]
        return [
            Invoked(
                each["function_name"],
                each["request_id"],
                each["ended_ms"],
                each["duration_ms"],
                each["init_duration_ms"],
            )
            for each in answer["invocations"]
        ]

    def _in_log(self, name: str, where: tuple[str, str], since_ms: int) -> Iterable[Invoked]:
        region, group = where
        for event in read_group(self.source.client("logs", region), group, name, since_ms, REPORT_PATTERN):
            if report := parse_report(event.message):
                yield Invoked(
                    name, report.request_id, event.timestamp_ms, report.duration_ms, report.init_duration_ms
                )


@dataclass(frozen=True)
class Activity:
    """One function in the last `WINDOW_S` seconds; `per_minute` counts its invokes, the oldest first.

    `counts` are CloudWatch's sums by the metric's name.
    """

    invokes: Sequence[Invoked] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    per_minute: Sequence[int] = ()

    @property
    def cold_starts(self) -> int:
        return sum(each.init_ms is not None for each in self.invokes)

    @property
    def p50_ms(self) -> float | None:
        return self._percentile(50)

    @property
    def p95_ms(self) -> float | None:
        return self._percentile(95)

    def _percentile(self, percent: float) -> float | None:
        durations = [each.duration_ms for each in self.invokes]
        return percentile(durations, percent) if durations else None


def activity_of(invokes: Sequence[Invoked], counts: Mapping[str, int], now_s: float) -> Activity:
    """Put a function's invokes and counts together."""
    minutes = [0] * (WINDOW_S // 60)
    for each in invokes:
        age = int((now_s * 1000 - each.ended_ms) // MINUTE_MS)
        if 0 <= age < len(minutes):
            minutes[-1 - age] += 1
    return Activity(invokes, counts, minutes)


def read_counts(source: Source, region: str, functions: Sequence[str]) -> dict[str, dict[str, int]]:
    """Sum CloudWatch's metrics of functions over the last `WINDOW_S` seconds, by function and metric."""
    end = datetime.fromtimestamp(source.now_s() // 60 * 60 + 60, UTC)
    wanted = [(function, metric) for function in functions for metric in COUNTS]
    sums: dict[str, dict[str, int]] = {function: dict.fromkeys(COUNTS, 0) for function in functions}
    for start in range(0, len(wanted), MAX_QUERIES):
        part = wanted[start : start + MAX_QUERIES]
        # The emulator searches all data of a metric for each period; on AWS, periods begin at round times.
        period_s = WINDOW_S if source.target.is_local else 60
        queries = [_query(index, *each, period_s) for index, each in enumerate(part)]
        pages = source.client("cloudwatch", region).get_paginator("get_metric_data")
        for page in pages.paginate(
            MetricDataQueries=queries, StartTime=end - timedelta(seconds=WINDOW_S), EndTime=end
        ):
            for result in page["MetricDataResults"]:
                function, metric = part[int(result["Id"].removeprefix("m"))]
                sums[function][metric] += round(sum(result["Values"]))
    return sums


def _query(index: int, function: str, metric: str, period_s: int) -> dict[str, Any]:
    return {
        "Id": f"m{index}",
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/Lambda",
                "MetricName": metric,
                "Dimensions": [{"Name": "FunctionName", "Value": function}],
            },
            "Period": period_s,
            "Stat": "Sum",
        },
    }
