"""What was measured, in the form in which it is shown, plotted and written to `report.json`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serverless_harness.timing.rows import Row, median
from serverless_harness.timing.statistics import Distribution, cost_per_million_usd
from shop.timing.orders import FUNCTIONS, OrderTrip, begin_ms

ORDER = "order"
"""The name of the row that is a whole order, POST to booking."""


@dataclass(frozen=True)
class Span:
    """One bar of a waterfall: milliseconds since the order was sent."""

    lane: str
    kind: str
    start_ms: float
    end_ms: float


@dataclass(frozen=True)
class Results:
    """One run's measurements."""

    machine: Mapping[str, Any]
    rows: Sequence[Row]
    cold_order: OrderTrip
    warm_order: OrderTrip
    handler_ms_by_memory: Mapping[str, Mapping[int, Distribution]]
    """By function and memory size in MB."""

    def row(self, name: str, temperature: str) -> Row:
        """Give one row; raises StopIteration where there is none."""
        return next(row for row in self.rows if (row.name, row.temperature) == (name, temperature))

    def cold_warm_ratio(self, name: str) -> float:
        """Tell how many times slower cold is than warm, by medians."""
        return self.row(name, "cold").total.median_ms / self.row(name, "warm").total.median_ms

    def as_json(self) -> dict[str, Any]:
        """Give `report.json`."""
        return {
            "machine": dict(self.machine),
            "rows": [row.as_json() for row in self.rows],
            "cold_warm_ratio": {name: self.cold_warm_ratio(name) for name in (*FUNCTIONS, ORDER)},
            "waterfall": {
                temperature: [vars(span) for span in waterfall(trip)]
                for temperature, trip in (("cold", self.cold_order), ("warm", self.warm_order))
            },
            "handler_ms_by_memory_mb": {
                function: {str(size): distribution.as_json() for size, distribution in by_size.items()}
                for function, by_size in self.handler_ms_by_memory.items()
            },
        }


def order_row(temperature: str, trips: Sequence[OrderTrip]) -> Row:
    """Sum up orders."""
    return Row(
        ORDER,
        temperature,
        Distribution.of([trip.total_ms for trip in trips]),
        {
            "init": median(trips, lambda trip: trip.init_ms),
            "handler": median(trips, lambda trip: trip.handler_ms),
            "waited": median(trips, lambda trip: trip.waited_for_cpu_ms),
            "gateway": median(trips, lambda trip: trip.gateway_ms),
            "queueing": median(trips, lambda trip: trip.queueing_ms),
        },
        median(trips, _order_cost_usd),
        {
            "init": median(trips, lambda trip: trip.wall_ms["init"]),
            "handler": median(trips, lambda trip: trip.wall_ms["handler"]),
        },
    )


def _order_cost_usd(trip: OrderTrip) -> float:
    reports = [invocation.report for invocation in trip.invocations.values()]
    return sum(cost_per_million_usd(report.billed_duration_ms, report.memory_size_mb) for report in reports)


def waterfall(trip: OrderTrip) -> list[Span]:
    """Lay out one order's way: the request, and each function's init and handler."""
    zero_ms = trip.sent_ms
    spans = [Span("POST", "request", 0.0, trip.answered_ms - zero_ms)]
    for function in FUNCTIONS:
        invocation = trip.invocations[function]
        started_ms = invocation.started_ms - zero_ms
        if invocation.is_cold:
            spans.append(Span(function, "init", begin_ms(invocation) - zero_ms, started_ms))
        spans.append(Span(function, "handler", started_ms, started_ms + invocation.report.wall_ms))
    return spans
