"""How long invokes waited for a CPU of a busy machine, which the log doesn't tell: the emulator does.

AWS and other emulators keep no such record; nor does ours of invokes long ago. There, wall time is own time.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from serverless_harness.errors import HarnessError
from serverless_harness.functions.reports import Report
from serverless_harness.stack.control import control
from serverless_harness.targets import LocalTarget, Target

PATH = "/_emulator/invocations"


def with_cpu_waits(target: Target, reports: Sequence[Report], since_ms: int) -> list[Report]:
    """Give the reports with what each invoke and its init waited, where the place at `target` knows it.

    The invokes ended at `since_ms`, in milliseconds since the epoch, or later.
    """
    known: dict[tuple[str, float], Any] = {}
    if isinstance(target, LocalTarget) and reports:
        # Another emulator knows no such path, or no token; a report without this is a report still.
        with contextlib.suppress(HarnessError, KeyError, TypeError):
            answer = control(target, "GET", f"{PATH}?since_ms={since_ms}")
            known = {(each["request_id"], each["duration_ms"]): each for each in answer["invocations"]}
    return [_completed(report, known.get((report.request_id, report.duration_ms))) for report in reports]


def _completed(report: Report, times: dict[str, Any] | None) -> Report:
    if times is None:
        return report
    return replace(
        report,
        waited_for_cpu_ms=times["waited_for_cpu_ms"],
        init_waited_for_cpu_ms=times["init_waited_for_cpu_ms"],
    )
