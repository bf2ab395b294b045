"""CloudWatch metrics of invokes: counted, and sent once a second, all functions' together.

The data keep their second and their sample count; as in AWS, an invoke without an error counts as `Errors` 0.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from localstack.aws.api.lambda_ import TooManyRequestsException
from localstack.aws.connect import connect_to
from localstack.runtime import events
from localstack.services.lambda_.invocation.lambda_models import Invocation, InvocationResult
from localstack.services.lambda_.invocation.version_manager import LambdaVersionManager
from localstack.utils.bootstrap import is_api_enabled
from localstack.utils.objects import singleton_factory

from serverless_harness.emulator.clock import clock
from serverless_harness.emulator.delivery.delayed_calls import shared_delayed_calls

LOG = logging.getLogger(__name__)

FLUSH_INTERVAL_S = 1.0
MAX_DATA = 1000
"""Of one PutMetricData call (CloudWatch API reference)."""


class Datum(NamedTuple):
    """What is counted: one function's `Invocations`, `Errors` or `Throttles` in one second."""

    account_id: str
    region_name: str
    function_name: str
    metric: str
    value: int
    time: datetime


class MetricBuffer:
    """Sums what is recorded, and hands it to `publish` after `FLUSH_INTERVAL_S`."""

    def __init__(
        self,
        publish: Callable[[Counter[Datum]], None],
        call_later: Callable[[float, Callable[[], None]], None],
    ) -> None:
        self._publish = publish
        self._call_later = call_later
        self._lock = threading.Lock()
        self._counts: Counter[Datum] = Counter()

    def record(self, account_id: str, region_name: str, function_name: str, **values: int) -> None:
        """Record one sample of each metric named."""
        now = datetime.fromtimestamp(int(clock.now()), UTC)
        with self._lock:
            is_first = not self._counts
            for metric, value in values.items():
                self._counts[Datum(account_id, region_name, function_name, metric, value, now)] += 1
        if is_first:
            self._call_later(FLUSH_INTERVAL_S, self._flush)

    def forget(self) -> None:
        """Drop what was recorded and hasn't been handed on."""
        with self._lock:
            self._counts.clear()

    def _flush(self) -> None:
        with self._lock:
            counts, self._counts = self._counts, Counter()
        self._publish(counts)


@singleton_factory
def shared_buffer() -> MetricBuffer:
    """Return the one of this LocalStack process."""
    return MetricBuffer(_publish_in_thread, shared_delayed_calls().call_later)


def record_invocation(function_name: str, account_id: str, region_name: str) -> None:
    """Count an invoke that ended without an error."""
    shared_buffer().record(account_id, region_name, function_name, Invocations=1, Errors=0)


def record_error(function_name: str, account_id: str, region_name: str) -> None:
    """Count an invoke that ended in an error of its function."""
    shared_buffer().record(account_id, region_name, function_name, Invocations=1, Errors=1)


def count_throttle(
    invoke: Callable[..., InvocationResult], manager: LambdaVersionManager, *, invocation: Invocation
) -> InvocationResult:
    """Count an invoke that is throttled, as neither an invocation nor an error.

    Source: Lambda developer guide, "Types of metrics for Lambda functions".
    """
    try:
        return invoke(manager, invocation=invocation)
    except TooManyRequestsException:
        version = manager.function_version.id
        shared_buffer().record(version.account, version.region, version.function_name, Throttles=1)
        raise


def _publish_in_thread(counts: Counter[Datum]) -> None:
    threading.Thread(target=publish, args=(counts,), name="lambda-metrics", daemon=True).start()


def publish(counts: Counter[Datum]) -> None:
    """Call PutMetricData for each account and region; not while the emulator stops: its data go with it."""
    if not is_api_enabled("cloudwatch") or events.infra_stopping.is_set():
        return
    for account_id, region_name in {(datum.account_id, datum.region_name) for datum in counts}:
        data = [
            metric_datum(datum, count)
            for datum, count in counts.items()
            if (datum.account_id, datum.region_name) == (account_id, region_name)
        ]
        client: Any = connect_to(aws_access_key_id=account_id, region_name=region_name).cloudwatch
        for start in range(0, len(data), MAX_DATA):
            try:
                client.put_metric_data(Namespace="AWS/Lambda", MetricData=data[start : start + MAX_DATA])
            except Exception as error:  # noqa: BLE001 (a lost metric must not cost anything else)
                LOG.info("The metrics of Lambda invokes can't be sent to CloudWatch: %s", error)


def metric_datum(datum: Datum, count: int) -> dict[str, Any]:
    """Return `count` equal samples as one member of PutMetricData's MetricData."""
    return {
        "MetricName": datum.metric,
        "Dimensions": [{"Name": "FunctionName", "Value": datum.function_name}],
        "Timestamp": datum.time,
        "Values": [float(datum.value)],
        "Counts": [float(count)],
        "Unit": "Count",
    }
