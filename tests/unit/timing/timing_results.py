"""Measurements made up, in the shape in which a run gives them."""

from serverless_harness.functions.invocations import Invocation
from serverless_harness.functions.reports import Report
from serverless_harness.timing.measure import DirectInvoke
from serverless_harness.timing.rows import function_row
from serverless_harness.timing.statistics import Distribution
from shop.timing.orders import FUNCTIONS, OrderTrip
from shop.timing.results import Results, order_row

MACHINE = {
    "measured_at": "2026-01-31T12:00:00+00:00",
    "target": "http://127.0.0.1:4566",
    "processor": "<Processor & Sons>",
    "cores": 2,
    "memory_gb": 8.0,
    "system": "Linux",
    "functions_cpu": "aws",
}


def report(duration_ms, init_ms=None, memory_mb=128):
    billed_ms = -(-(duration_ms + (init_ms or 0)) // 1)
    return Report("id", duration_ms, int(billed_ms), memory_mb, 50, init_ms)


def invoke(duration_ms, round_trip_ms, init_ms=None):
    return DirectInvoke(report(duration_ms, init_ms), round_trip_ms)


def trip(cold, sent_ms=1_000_000.0):
    """An order, cold or ten times as quick: decrypt begins after accept, process before decrypt ends."""
    scale = 10 if cold else 1
    invocations = {}
    begins_ms = dict(zip(FUNCTIONS, (5, 40, 60), strict=True))
    for function in FUNCTIONS:
        begin_ms = sent_ms + begins_ms[function] * scale
        init_ms = 8.0 * scale if cold else None
        started_ms = begin_ms + (init_ms or 0)
        invocations[function] = Invocation(
            function=function,
            request_id=function,
            stream="stream",
            started_ms=int(started_ms),
            ended_ms=int(started_ms + 22 * scale),
            report=report(20.0 * scale, init_ms),
            init_started_ms=int(begin_ms) if cold else None,
        )
    return OrderTrip(sent_ms, sent_ms + 40.0 * scale, invocations)


def results():
    rows = []
    for function in FUNCTIONS:
        rows.append(function_row(function, "cold", [invoke(20, 320, 250), invoke(24, 340, 260)]))
        rows.append(function_row(function, "warm", [invoke(4, 10), invoke(6, 12), invoke(5, 30)]))
    rows.append(order_row("cold", [trip(True)]))
    rows.append(order_row("warm", [trip(False)]))
    by_memory = {"decrypt": {128: Distribution.of([80.0, 82.0]), 1769: Distribution.of([6.0])}}
    return Results(MACHINE, rows, trip(True), trip(False), by_memory)
