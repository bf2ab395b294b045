"""Rows of the table of what was measured, and how they are shown."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from serverless_harness.terminal_output import console
from serverless_harness.timing.measure import DirectInvoke
from serverless_harness.timing.statistics import Distribution, cost_per_million_usd

PARTS = ("init", "handler", "waited", "gateway", "queueing")
"""Init and handler by the functions' own time; `waited` is what a busy machine kept the two waiting."""
COLUMNS = ("", "", "min", "median", "p95", "max", "cold/warm", *PARTS, "$/million")
NO_TIME = "-"
MAX_TABLE_WIDTH = 500


@dataclass(frozen=True)
class Row:
    """One row of the table: a function or the whole order, cold or warm.

    `parts_ms` are medians, by PARTS. `cost_usd` is AWS's price of a million.
    """

    name: str
    temperature: str
    total: Distribution
    parts_ms: Mapping[str, float]
    cost_usd: float
    wall_ms: Mapping[str, float]
    """Medians of init and handler by a clock on the wall: waiting for a CPU of a busy machine included."""

    def as_json(self) -> dict[str, Any]:
        """Give what `report.json` holds of it."""
        return {
            "name": self.name,
            "temperature": self.temperature,
            "total": self.total.as_json(),
            "parts_median_ms": dict(self.parts_ms),
            "wall_median_ms": dict(self.wall_ms),
            "cost_per_million_usd": self.cost_usd,
        }


def function_row(function: str, temperature: str, invokes: Sequence[DirectInvoke]) -> Row:
    """Sum up direct invokes of one function."""
    report = invokes[0].report
    billed_ms = median(invokes, lambda invoke: invoke.report.billed_duration_ms)
    return Row(
        function,
        temperature,
        Distribution.of([invoke.round_trip_ms for invoke in invokes]),
        {
            "init": median(invokes, lambda invoke: invoke.init_ms),
            "handler": median(invokes, lambda invoke: invoke.handler_ms),
            "waited": median(invokes, lambda invoke: invoke.waited_for_cpu_ms),
            "gateway": median(invokes, lambda invoke: invoke.gateway_ms),
        },
        cost_per_million_usd(billed_ms, report.memory_size_mb),
        {
            "init": median(invokes, lambda invoke: invoke.report.init_wall_ms or 0.0),
            "handler": median(invokes, lambda invoke: invoke.report.wall_ms),
        },
    )


def median[T](items: Sequence[T], value: Callable[[T], float]) -> float:
    """Give the median of a value of each item."""
    return Distribution.of([value(item) for item in items]).median_ms


def cold_warm_ratio(rows: Sequence[Row], name: str) -> float:
    """Tell how many times slower cold is than warm, by medians; StopIteration where a row is missing."""
    cold, warm = (
        next(row.total.median_ms for row in rows if (row.name, row.temperature) == (name, temperature))
        for temperature in ("cold", "warm")
    )
    return cold / warm


def table_cells(rows: Sequence[Row]) -> list[list[str]]:
    """Give the table's rows as text, times in milliseconds."""
    return [_cells(rows, row) for row in rows]


def _cells(rows: Sequence[Row], row: Row) -> list[str]:
    total = row.total
    times = [_ms(time) for time in (total.min_ms, total.median_ms, total.p95_ms, total.max_ms)]
    ratio = f"{cold_warm_ratio(rows, row.name):.1f}" if row.temperature == "cold" else ""
    parts = [_ms(row.parts_ms[part]) if part in row.parts_ms else NO_TIME for part in PARTS]
    return [row.name, row.temperature, *times, ratio, *parts, f"{row.cost_usd:.2f}"]


def _ms(time_ms: float) -> str:
    return f"{time_ms:.0f}" if time_ms >= 100 else f"{time_ms:.1f}"


OWN_AND_WALL_COLUMNS = ("", "", "init, own", "init, wall", "handler, own", "handler, wall")


def own_and_wall_cells(rows: Sequence[Row]) -> list[list[str]]:
    """Give own and wall time side by side as text, in milliseconds: a row of each row."""
    return [
        [
            row.name,
            row.temperature,
            *(_ms(times[part]) for part in ("init", "handler") for times in (row.parts_ms, row.wall_ms)),
        ]
        for row in rows
    ]


def print_table(rows: Sequence[Row]) -> None:
    """Print the rows as wide as they are, also where the output is no terminal."""
    print_whole(screen_table(rows))


def screen_table(rows: Sequence[Row]) -> Table:
    """Give the rows as a table for the screen."""
    table = Table(*COLUMNS, box=None, pad_edge=False)
    for column in table.columns:
        column.no_wrap = True
    for column in table.columns[2:]:
        column.justify = "right"
    for cells in table_cells(rows):
        table.add_row(*cells, end_section=cells[1] == "warm")
    return table


def print_whole(table: Table) -> None:
    """Print a table as wide as it is, also where the output is no terminal."""
    width = Measurement.get(console, console.options.update(width=MAX_TABLE_WIDTH), table).maximum
    Console(highlight=False, width=max(console.width, width), file=console.file).print(table)
