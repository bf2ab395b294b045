"""`./scripts/timing`: measures, shows the table, and writes `report.json` and `report.html`."""

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import psutil
from markupsafe import Markup
from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from serverless_harness import paths
from serverless_harness.console import console, say
from serverless_harness.stack.up import Stack
from serverless_harness.timing.statistics import Distribution
from shop.deployment import ShopDeployment
from shop.sending import known_shops
from shop.timing import plots
from shop.timing.measure import FUNCTIONS, Bench, DirectInvoke, OrderTrip
from shop.timing.results import ORDER, Results, Row, function_row, order_row

MEMORY_SIZES_MB = (128, 256, 512, 1024, 1769)
MEMORY_FUNCTIONS = ("decrypt", "process")
"""accept computes next to nothing."""
PARTS = ("init", "handler", "gateway", "queueing")
COLUMNS = ("", "", "min", "median", "p95", "max", "cold/warm", *PARTS, "$/million")
NO_TIME = "-"
MAX_TABLE_WIDTH = 500


def measure_and_report(stack: Stack, count: int, shop_id: str | None, directory: Path) -> None:
    """Measure `count` times each, cold and warm; raises UserError where no shop is deployed.

    Writes both reports into `directory`.
    """
    deployment = ShopDeployment.require(stack.target)
    results = measure(deployment, shop_id or known_shops(deployment)[0], count, describe_machine(stack))
    print_whole(_screen_table(results))
    directory.mkdir(parents=True, exist_ok=True)
    write_reports(results, directory)
    say(f"{paths.shown(directory / 'report.json')}\n{paths.shown(directory / 'report.html')}")


def measure(deployment: ShopDeployment, shop_id: str, count: int, machine: dict[str, Any]) -> Results:
    """Measure every function and the whole order, with a progress bar."""
    rows: list[Row] = []
    by_memory: dict[str, dict[int, Distribution]] = {}
    total = count * (2 * len(FUNCTIONS) + 2 + len(MEMORY_FUNCTIONS) * len(MEMORY_SIZES_MB))
    with Bench.made_ready(deployment, shop_id) as bench, _progress(total) as (progress, task):

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


def describe_machine(stack: Stack) -> dict[str, Any]:
    """Tell what the figures depend on: the machine, and how CPU is shared out among functions."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "target": stack.target.name,
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
        "functions_cpu": _functions_cpu(stack),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _functions_cpu(stack: Stack) -> str:
    """Tell how CPU is shared out, `unknown` where the stack doesn't say."""
    settings = stack.settings_in_force()
    return "unknown" if settings is None else settings.get("LAMBDA_PROCESS_CPU", "unlimited")


def write_reports(results: Results, directory: Path) -> None:
    """Write `report.json`, and `report.html` with all that it shows inside it."""
    (directory / "report.json").write_text(json.dumps(results.as_json(), indent=2))
    (directory / "report.html").write_text(render_page(results))


def render_page(results: Results) -> str:
    """Give the report as one page that loads nothing."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    figures = {
        "distributions": plots.distributions(results),
        "waterfalls": plots.waterfalls(results),
        "against_memory": plots.against_memory(results.handler_ms_by_memory),
    }
    return environment.get_template("report.html.j2").render(
        machine=results.machine,
        columns=COLUMNS,
        table=table_cells(results),
        **{name: Markup(svg) for name, svg in figures.items()},
    )


def table_cells(results: Results) -> list[list[str]]:
    """Give the table's rows as text, times in milliseconds."""
    return [_cells(results, row) for row in results.rows]


def _cells(results: Results, row: Row) -> list[str]:
    total = row.total
    times = [_ms(time) for time in (total.min_ms, total.median_ms, total.p95_ms, total.max_ms)]
    ratio = f"{results.cold_warm_ratio(row.name):.1f}" if row.temperature == "cold" else ""
    parts = [_ms(row.parts_ms[part]) if part in row.parts_ms else NO_TIME for part in PARTS]
    return [row.name, row.temperature, *times, ratio, *parts, f"{row.cost_usd:.2f}"]


def _ms(time_ms: float) -> str:
    return f"{time_ms:.0f}" if time_ms >= 100 else f"{time_ms:.1f}"


def _screen_table(results: Results) -> Table:
    table = Table(*COLUMNS, box=None, pad_edge=False)
    for column in table.columns:
        column.no_wrap = True
    for column in table.columns[2:]:
        column.justify = "right"
    for cells in table_cells(results):
        table.add_row(*cells, end_section=cells[1] == "warm")
    return table


def print_whole(table: Table) -> None:
    """Print a table as wide as it is, also where the output is no terminal."""
    width = Measurement.get(console, console.options.update(width=MAX_TABLE_WIDTH), table).maximum
    Console(highlight=False, width=max(console.width, width), file=console.file).print(table)


@contextmanager
def _progress(total: int) -> Iterator[tuple[Progress, TaskID]]:
    columns = (TextColumn("{task.description:<16}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        yield progress, progress.add_task("", total=total)
