"""What the latest invokes took, of their own time and of the machine's: the log has the own time alone.

`GET /_emulator/invocations?since_ms=…`, for whoever has the stack's control token, gives
`{"invocations": […]}`: those that ended since, in milliseconds since the epoch, the oldest first, each with
`function_name`, `request_id`, `ended_ms`, and in milliseconds `duration_ms`, `waited_for_cpu_ms`,
`init_duration_ms` (None where no init preceded it) and `init_waited_for_cpu_ms`.
"""

import threading
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

from localstack.http import Request

from serverless_harness.emulator.lambda_executor.report import InvokeReport

PATH = "/_emulator/invocations"
MAX_KEPT = 20_000


@dataclass(frozen=True)
class InvocationTimes:
    """Of one attempt: a retry has the request id of the first."""

    function_name: str
    request_id: str
    ended_ms: int
    duration_ms: float
    waited_for_cpu_ms: float
    init_duration_ms: float | None
    init_waited_for_cpu_ms: float


class LatestInvocations:
    """Keeps the latest `MAX_KEPT` and forgets the others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: deque[InvocationTimes] = deque(maxlen=MAX_KEPT)

    def add(self, function_name: str, ended_ms: int, report: InvokeReport) -> None:
        """Keep the times of an invoke that has ended."""
        times = InvocationTimes(
            function_name,
            report.request_id,
            ended_ms,
            report.duration_ms,
            report.waited_for_cpu_ms,
            report.init_duration_ms,
            report.init_waited_for_cpu_ms,
        )
        with self._lock:
            self._kept.append(times)

    def since(self, since_ms: int) -> list[InvocationTimes]:
        """Return those that ended at a time or later, the oldest first."""
        with self._lock:
            return [times for times in self._kept if times.ended_ms >= since_ms]


LATEST = LatestInvocations()


class InvocationsResource:
    """Serves them over HTTP."""

    def __init__(self, latest: LatestInvocations) -> None:
        self._latest = latest

    def on_get(self, request: Request) -> dict[str, Any]:
        """List those since `since_ms`; all that are kept where that is no number."""
        since_ms = request.args.get("since_ms", default=0, type=int)
        return {"invocations": [asdict(times) for times in self._latest.since(since_ms)]}
