"""`timing FUNCTION`: measures any function with an event, and shows the table."""

import json
from pathlib import Path

from serverless_harness import paths
from serverless_harness.console import say
from serverless_harness.deploy.deployment import Deployment
from serverless_harness.functions.invoke import complete, load_event
from serverless_harness.stack.up import Stack
from serverless_harness.timing.machine import describe_machine, timing_progress
from serverless_harness.timing.measure import Bench
from serverless_harness.timing.rows import Row, cold_warm_ratio, function_row, print_table


def time_function(stack: Stack, function: str, event: str, count: int, directory: Path) -> None:
    """Measure a function `count` times each, cold and warm; print a table, write `report.json`.

    Raises UserError where there is no such function or event, HarnessError where the function fails.
    """
    deployment = Deployment.require(stack.target)
    name = deployment.function_name(function)
    payload = complete(deployment, load_event(deployment.target.project, function, event))
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
    directory.mkdir(parents=True, exist_ok=True)
    report = {
        "machine": describe_machine(stack),
        "rows": [row.as_json() for row in rows],
        "cold_warm_ratio": {name: cold_warm_ratio(rows, name)},
    }
    (directory / "report.json").write_text(json.dumps(report, indent=2))
    say(paths.shown(directory / "report.json"))
