"""`./scripts/timing`: measures, shows the table, and writes `report.json` and `report.html`."""

from pathlib import Path
from typing import Any

from serverless_harness.stack.up import Stack
from serverless_harness.timing import report
from serverless_harness.timing.machine import describe_machine, timing_progress
from serverless_harness.timing.measure import DirectInvoke
from serverless_harness.timing.rows import Row, function_row, print_table
from serverless_harness.timing.statistics import Distribution
from shop.deployment import ShopDeployment
from shop.send_commands import known_shops
from shop.timing.orders import FUNCTIONS, OrderBench, OrderTrip
from shop.timing.results import ORDER, Results, order_row

MEMORY_SIZES_MB = (128, 256, 512, 1024, 1769)
MEMORY_FUNCTIONS = ("decrypt", "process")
"""accept computes next to nothing."""
ORDER_NOTE = (
    "An order's row is from the POST to the booking. In an order, these times overlap: a function can start "
    "before the one that published to it has ended."
)
CPU_NOTES = {
    "aws": "CPU in proportion to memory, as on AWS: 1 vCPU at 1,769 MB.",
    "unlimited": "CPU is not limited on this stack, so memory hardly matters; start one with "
    "LAMBDA_PROCESS_CPU=aws to give functions CPU as AWS does.",
}


def measure_and_report(stack: Stack, count: int, shop_id: str | None, directory: Path) -> None:
    """Measure `count` times each, cold and warm; raises UserError where no shop is deployed.

    Writes both reports into `directory`.
    """
    deployment = ShopDeployment.require(stack.target)
    results = measure(deployment, shop_id or known_shops(deployment)[0], count, describe_machine(stack))
    print_table(results.rows)
    write_reports(results, directory)


def measure(deployment: ShopDeployment, shop_id: str, count: int, machine: dict[str, Any]) -> Results:
    """Measure every function and the whole order, with a progress bar."""
    rows: list[Row] = []
    by_memory: dict[str, dict[int, Distribution]] = {}
    total = count * (2 * len(FUNCTIONS) + 2 + len(MEMORY_FUNCTIONS) * len(MEMORY_SIZES_MB))
    with (
        OrderBench(deployment, shop_id).restoring(FUNCTIONS) as bench,
        timing_progress(total) as (progress, task),
    ):

        def advance() -> None:
            progress.advance(task)

        # The last first: what accept and decrypt publish keeps the functions after them busy for a while.
        for function in reversed(FUNCTIONS):
            progress.update(task, description=function)
            warm = function_row(function, "warm", bench.invoke_warm(function, count, advance))
            cold = function_row(function, "cold", bench.invoke_cold(function, count, advance))
            rows[:0] = [cold, warm]
        progress.update(task, description=ORDER)
        trips: dict[str, list[OrderTrip]] = {}
        for temperature in ("cold", "warm"):
            trips[temperature] = []
            for _ in range(count):
                trips[temperature].append(bench.send_order(cold=temperature == "cold"))
                advance()
            rows.append(order_row(temperature, trips[temperature]))
        for function in MEMORY_FUNCTIONS:
            progress.update(task, description=f"{function}, memory")
            invokes = bench.against_memory(function, MEMORY_SIZES_MB, count, advance)
            by_memory[function] = {size: _handler_times(of_size) for size, of_size in invokes.items()}
    return Results(machine, rows, _typical(trips["cold"]), _typical(trips["warm"]), by_memory)


def _typical(trips: list[OrderTrip]) -> OrderTrip:
    """Give the one in the middle."""
    return sorted(trips, key=lambda trip: trip.total_ms)[len(trips) // 2]


def _handler_times(invokes: list[DirectInvoke]) -> Distribution:
    return Distribution.of([invoke.handler_ms for invoke in invokes])


def write_reports(results: Results, directory: Path) -> None:
    """Write `report.json`, and `report.html` with all that it shows inside it."""
    report.write_reports(directory, results.as_json(), lambda: render_page(results))


def render_page(results: Results) -> str:
    """Give the report as one page that loads nothing."""
    from serverless_harness.timing.plots import distributions
    from shop.timing import plots

    cpu = results.machine["functions_cpu"]
    sections = [
        report.Section("Cold and warm", distributions(results.rows)),
        report.Section("The path of an order", plots.waterfalls(results)),
        report.Section(
            "Duration against memory size",
            plots.against_memory(results.handler_ms_by_memory),
            CPU_NOTES.get(cpu, "CPU in proportion to memory: 1 vCPU at 1,769 MB."),
        ),
    ]
    return report.render_page(results.machine, results.rows, sections, f"{report.NOTE} {ORDER_NOTE}")
