"""Metric filters: what PutMetricFilter refuses, and the metric data that events give.

Sources: CloudWatch Logs user guide, "Creating metrics from log events using filters" (values, default
values, dimensions), and API reference, PutMetricFilter and MetricTransformation.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from localstack.aws.api.logs import InvalidParameterException, MetricTransformation, StandardUnit
from moto.logs.models import LogEvent

from serverless_harness.emulator.clock import clock
from serverless_harness.emulator.logs.patterns import FilterPattern

MAX_FILTERS_OF_GROUP = 100
MAX_DIMENSIONS = 3
MAX_VALUES_OF_DATUM = 150
MINUTE_MS = 60_000


def check_transformations(pattern: FilterPattern, transformations: Sequence[MetricTransformation]) -> None:
    """Refuse what PutMetricFilter does.

    Raises:
        InvalidParameterException: A part of the transformation can't be.
    """
    [transformation] = transformations
    if not (transformation["metricName"] and transformation["metricNamespace"]):
        raise InvalidParameterException(
            "Invalid metric transformation: a metric needs a name and a namespace"
        )
    if str(transformation["metricNamespace"]).startswith("AWS/"):
        raise InvalidParameterException("Invalid metric transformation: the namespace AWS/ is reserved")
    value = str(transformation.get("metricValue") or "")
    if _number(value) is None and not pattern.has_field(value):
        raise InvalidParameterException(
            f"Invalid metric transformation: the metric value '{value}' is neither a number nor a field "
            "of the pattern"
        )
    _check_dimensions(pattern, transformation)


def _check_dimensions(pattern: FilterPattern, transformation: MetricTransformation) -> None:
    dimensions = transformation.get("dimensions") or {}
    if not dimensions:
        return
    if len(dimensions) > MAX_DIMENSIONS:
        raise InvalidParameterException(
            f"Invalid metric transformation: a metric can have at most {MAX_DIMENSIONS} dimensions"
        )
    if transformation.get("defaultValue") is not None:
        raise InvalidParameterException(
            "Invalid metric transformation: dimensions and default value are mutually exclusive properties."
        )
    if not pattern.has_field("$.a") and not any(pattern.has_field(field) for field in dimensions.values()):
        raise InvalidParameterException("The specified filter pattern does not support dimensions")
    for field in dimensions.values():
        if not pattern.has_field(field):
            raise InvalidParameterException(
                f"Invalid metric transformation: the dimension value '{field}' is no field of the pattern"
            )


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


class Datum(NamedTuple):
    """Values of one metric at one time, and how often each comes."""

    namespace: str
    name: str
    unit: str | None
    dimensions: tuple[tuple[str, str], ...]
    at_s: int
    values: Mapping[float, int]

    def to_metric_data(self) -> Iterator[dict[str, Any]]:
        """Yield it as PutMetricData takes it."""
        counted = list(self.values.items())
        for start in range(0, len(counted), MAX_VALUES_OF_DATUM):
            part = counted[start : start + MAX_VALUES_OF_DATUM]
            datum: dict[str, Any] = {
                "MetricName": self.name,
                # Functions write their lines by the machine's clock.
                "Timestamp": datetime.fromtimestamp(self.at_s + clock.ahead_s, UTC),
                "Values": [value for value, _ in part],
                "Counts": [float(count) for _, count in part],
            }
            if self.dimensions:
                datum["Dimensions"] = [{"Name": name, "Value": value} for name, value in self.dimensions]
            if self.unit and self.unit != StandardUnit.None_:
                datum["Unit"] = self.unit
            yield datum


class MetricFilter:
    """A metric filter at work. It remembers of which minutes it has reported something.

    A default value is reported once for a minute in which there are events and none has matched so far.
    """

    def __init__(self, pattern: FilterPattern, transformation: MetricTransformation) -> None:
        self._pattern = pattern
        self._transformation = transformation
        self._reported_minute = -1

    def data(self, events: Iterable[LogEvent]) -> list[Datum]:
        """Return the metric data that events give."""
        found: dict[tuple[int, tuple[tuple[str, str], ...]], Counter[float]] = {}
        unmatched_s: dict[int, int] = {}
        matched_minutes: set[int] = set()
        for event in events:
            minute = event.timestamp // MINUTE_MS
            if self._pattern.match(event.message) is None:
                unmatched_s.setdefault(minute, event.timestamp // 1000)
                continue
            matched_minutes.add(minute)
            value, dimensions = self._value(event.message), self._dimensions(event.message)
            if value is not None and dimensions is not None:
                found.setdefault((event.timestamp // 1000, dimensions), Counter())[value] += 1
        default = self._transformation.get("defaultValue")
        if default is not None:
            for minute, at_s in sorted(unmatched_s.items()):
                if minute > self._reported_minute and minute not in matched_minutes:
                    found.setdefault((at_s, ()), Counter())[float(default)] += 1
        self._reported_minute = max(self._reported_minute, *matched_minutes, *unmatched_s, -1)
        return [self._datum(at_s, dimensions, values) for (at_s, dimensions), values in found.items()]

    def _datum(
        self, at_s: int, dimensions: tuple[tuple[str, str], ...], values: Mapping[float, int]
    ) -> Datum:
        transformation = self._transformation
        return Datum(
            namespace=transformation["metricNamespace"],
            name=transformation["metricName"],
            unit=transformation.get("unit"),
            dimensions=dimensions,
            at_s=at_s,
            values=values,
        )

    def _value(self, message: str) -> float | None:
        value = self._transformation["metricValue"]
        number = _number(value)
        if number is not None:
            return number
        return _number(self._pattern.value(message, value) or "")

    def _dimensions(self, message: str) -> tuple[tuple[str, str], ...] | None:
        """Return the dimensions; None where the message lacks one, and so gives no data."""
        given = self._transformation.get("dimensions") or {}
        values = {name: self._pattern.value(message, field) for name, field in given.items()}
        if not all(values.values()):
            return None
        return tuple((name, value) for name, value in values.items() if value)
