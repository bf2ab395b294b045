"""`timing FUNCTION`: measures any function with an event, and shows the table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from serverless_harness.deploy.deployment import Deployment
from serverless_harness.functions.invoke import complete, load_event
from serverless_harness.stack.up import Stack
from serverless_harness.timing.machine import describe_machine, timing_progress
from serverless_harness.timing.measure import Bench
from serverless_harness.timing.report import Section, render_page, write_reports
from serverless_harness.timing.rows import Row, cold_warm_ratio, function_row, print_table


def time_function(stack: Stack, function: str, event: str, count: int, directory: Path) -> None:
    """Measure a function `count` times each, cold and warm; print a table, write the reports.

    Raises UserError where there is no such function or event, HarnessError where the function fails.
    """
    deployment = Deployment.require(stack.target)
    name = deployment.function_name(function)
    payload = complete(deployment, load_event(deployment.target.project, name, event))
    rows: list[Row] = []
    with (
        Bench(deployment, lambda _: payload).restoring([name]) as bench,
        timing_progress(2 * count) as (progress, task),
    ):
        progress.update(task, description=function)
        warm = bench.invoke_warm(name, count, lambda: progress.advance(task))
        cold = bench.invoke_cold(name, count, lambda: progress.advance(task))
        rows = [function_row(name, "cold", cold), function_row(name, "warm", warm)]
    print_table(rows)
    machine = describe_machine(stack)
    samples = {
        "machine": machine,
        "rows": [row.as_json() for row in rows],
        "cold_warm_ratio": {name: cold_warm_ratio(rows, name)},
    }
    write_reports(directory, samples, lambda: _page(machine, rows))


def _page(machine: Mapping[str, Any], rows: Sequence[Row]) -> str:
    from serverless_harness.timing import plots

    return render_page(machine, rows, [Section("Cold and warm", plots.distributions(rows))])
