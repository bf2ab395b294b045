"""`serverless-harness clock`: the emulator's clock, which can be set forward."""

from typing import TYPE_CHECKING, Annotated

import click
import typer

from serverless_harness.cli.options import EndpointOption, PortOption
from serverless_harness.stack import DEFAULT_PORT
from serverless_harness.terminal_output import say

if TYPE_CHECKING:
    from serverless_harness.stack.clock import StackClock

app = typer.Typer(help="Show the emulator's clock, or set it forward.", invoke_without_command=True)


@app.callback()
def show(
    context: typer.Context,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Show the emulator's clock."""
    if context.invoked_subcommand is None:
        _say(_clock(port, endpoint))
    elif endpoint or port != DEFAULT_PORT:
        raise click.UsageError("put --port and --endpoint after 'advance'")


@app.command()
def advance(
    by: Annotated[
        str,
        typer.Argument(metavar="TIME", help="How far to set it forward, such as 90s, 5m, 2h, 1d or 1h30m."),
    ],
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Set the emulator's clock forward; it can't be set back.

    Retries, expiry, schedules and other things that are then due happen at once.
    """
    clock = _clock(port, endpoint)
    clock.advance(by)
    _say(clock)


def _clock(port: int, endpoint: str | None) -> "StackClock":
    from serverless_harness.cli.deployment_actions import require_stack
    from serverless_harness.stack.clock import StackClock

    return StackClock.of(require_stack(port, endpoint).target)


def _say(clock: "StackClock") -> None:
    ahead = clock.ahead()
    told = f"{ahead} ahead of this machine's clock" if ahead else "the same as this machine's clock"
    say(f"{clock.now():%Y-%m-%d %H:%M:%S} UTC, {told}")
