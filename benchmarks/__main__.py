"""Measures every row of the table, on fresh stacks: `python -m benchmarks`.

With `--vs ministack` beside ministack, sample by sample; with `--guard` a short check for CI.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import guard as guarding
from benchmarks import table
from benchmarks.contenders import MINISTACK_VERSION, Embedded, Ministack, install_ministack
from benchmarks.figures import Figures
from benchmarks.rounds import measure_round
from benchmarks.up_again import measure_up_again
from serverless_harness import paths
from serverless_harness.cli import running
from serverless_harness.errors import UserError
from serverless_harness.project.locate import current
from serverless_harness.terminal_output import say

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def benchmark(
    rounds: Annotated[
        int, typer.Option("--rounds", min=1, help="Number of rounds, each on a fresh stack of each kind.")
    ] = 3,
    vs: Annotated[
        str | None,
        typer.Option(
            "--vs", metavar="ministack", help="Measure this emulator at the same time, for comparison."
        ),
    ] = None,
    guard: Annotated[
        bool,
        typer.Option(
            "--guard",
            help="Measure only the ratios that CI checks, and exit with code 1 if one of them fails.",
        ),
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write all samples to this file, as JSON.")
    ] = None,
) -> None:
    """Measure, print the table, write the JSON."""
    if guard:
        raise typer.Exit(_guard())
    if vs not in (None, "ministack"):
        raise UserError(f"'{vs}' can't be measured: --vs takes only ministack")
    kinds: list[type[Embedded] | type[Ministack]] = [Embedded]
    if vs:
        say(f"ministack {MINISTACK_VERSION}: install")
        install_ministack()
        kinds.append(Ministack)
    machine = table.machine()
    figures = {kind.name: Figures() for kind in kinds}
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        measure_round(number, [kind() for kind in kinds], figures, say)
    say("up again")
    measure_up_again(figures[Embedded.name])
    _report(machine, figures, output or current().state / "benchmarks" / "report.json")


def _guard() -> int:
    ratios = guarding.measure()
    for ratio in ratios:
        say(str(ratio))
    return 0 if all(ratio.holds for ratio in ratios) else 1


def _report(machine: dict[str, str], figures: dict[str, Figures], output: Path) -> None:
    for name, value in machine.items():
        say(f"{name}: {value}")
    say(shown := table.markdown(figures))
    for name, each in figures.items():
        for line in table.ratios(each):
            say(f"{name}: {line}")
        for row, reason in each.failures.items():
            say(f"{name}: {row} failed: {' '.join(reason.split())}")
    contenders = {
        name: {"samples": each.samples, "failures": each.failures} for name, each in figures.items()
    }
    report = {"at": datetime.now(UTC).isoformat(), "machine": machine, "contenders": contenders}
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(report, indent=2, ensure_ascii=False))
    output.with_suffix(".md").write_text(shown)
    say(f"all samples: {paths.shown(output)}, the table as Markdown beside it")


if __name__ == "__main__":
    running.main(app)
