"""CloudWatch metrics of invokes go out once a second, all functions' together (`lambda_service.metrics`).

LocalStack starts a thread and makes a PutMetricData call, and for an error two, for every invoke; it counts
no throttled ones.
"""

from collections.abc import Callable

from localstack.services.lambda_.invocation import version_manager
from localstack.services.lambda_.invocation.metrics import record_cw_metric_error, record_cw_metric_invocation
from localstack.services.lambda_.invocation.version_manager import LambdaVersionManager
from localstack.utils.threads import FuncThread, start_thread

from serverless_harness.emulator.lambda_service import metrics
from serverless_harness.emulator.patches import replace, wrap

PATCHED: list[object] = [record_cw_metric_error, record_cw_metric_invocation, LambdaVersionManager.invoke]

METRIC_THREADS = "record-cloudwatch-metric"
"""How the names begin of the threads that `LambdaVersionManager.invoke` starts for them."""


def apply() -> None:
    """Count instead of calling."""
    replace(version_manager, "record_cw_metric_invocation", metrics.record_invocation)
    replace(version_manager, "record_cw_metric_error", metrics.record_error)
    replace(version_manager, "start_thread", _start_thread)
    wrap(LambdaVersionManager.invoke, metrics.count_throttle)


def _start_thread(method: Callable[..., object], *, name: str | None = None) -> FuncThread | None:
    """Run in the caller's thread what now only counts."""
    if name and name.startswith(METRIC_THREADS):
        method()
        return None
    return start_thread(method, name=name)
