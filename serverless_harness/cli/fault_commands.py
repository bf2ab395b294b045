"""`./scripts/fault`: faults on demand from the command line."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from serverless_harness.cli.options import EndpointOption, PortOption
from serverless_harness.stack import DEFAULT_PORT

if TYPE_CHECKING:
    from serverless_harness.resilience.faults import Fault, Faults

app = typer.Typer(help="Set, list and clear faults of a running stack.", no_args_is_help=True)


class Effect(StrEnum):
    """What a fault can do; see docs/resilience.md."""

    THROTTLE = "throttle"
    SERVER_ERROR = "server-error"
    ACCESS_DENIED = "access-denied"
    DELAY = "delay"
    DROP = "drop"
    DROP_ANSWER = "drop-answer"
    KILL = "kill"
    HANG = "hang"
    EXHAUST_MEMORY = "exhaust-memory"


class Phase(StrEnum):
    """When a function is struck."""

    INIT = "init"
    INVOKE = "invoke"


@app.command()
def add(
    effect: Effect,
    service: Annotated[str | None, typer.Option(help="As boto3 names it: dynamodb.")] = None,
    operation: Annotated[str | None, typer.Option(help="Name or pattern: TransactWriteItems.")] = None,
    caller: Annotated[
        str | None, typer.Option("--caller", "--role", help="A role's name, or sns.amazonaws.com.")
    ] = None,
    resource: Annotated[str | None, typer.Option(help="Pattern of an ARN or name.")] = None,
    function: Annotated[
        str | None, typer.Option(help="Pattern of a function's name; for kill, hang, exhaust-memory.")
    ] = None,
    phase: Annotated[Phase | None, typer.Option(help="When the function is struck.")] = None,
    containing: Annotated[str | None, typer.Option(help="Text that the call or payload holds.")] = None,
    delay_ms: Annotated[int | None, typer.Option(help="Delay, or time until the kill.")] = None,
    first_calls: Annotated[int | None, typer.Option("--first", help="Only so many calls.")] = None,
    share: Annotated[float | None, typer.Option(help="This share of the calls, above 0 to 1.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the share's random numbers.")] = None,
    expires_in_s: Annotated[float | None, typer.Option("--for", help="Seconds until it ends.")] = None,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Set a fault; it strikes from now on, until it expires (60 s unless --for says otherwise)."""
    fault = _faults(port, endpoint).add(
        effect.value,
        service=service,
        operation=operation,
        caller=caller,
        resource=resource,
        function=function,
        phase=phase.value if phase else None,
        containing=containing,
        delay_ms=delay_ms,
        first_calls=first_calls,
        share=share,
        seed=seed,
        expires_in_s=expires_in_s,
    )
    _show([fault])


@app.command(name="list")
def list_faults(port: PortOption = DEFAULT_PORT, endpoint: EndpointOption = None) -> None:
    """Show the faults that are set, and what they struck."""
    _show(_faults(port, endpoint).current())


@app.command()
def clear(
    fault_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="All without it.")] = None,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """End a fault, or all of them; show what they struck."""
    _show(_faults(port, endpoint).clear(fault_id))


def _faults(port: int, endpoint: str | None) -> "Faults":
    from serverless_harness.cli.deployment_commands import require_stack
    from serverless_harness.resilience.faults import Faults

    return Faults.of(require_stack(port, endpoint).target)


def _show(faults: "list[Fault]") -> None:
    from serverless_harness.console import say

    if not faults:
        say("no faults")
    for fault in faults:
        say(
            f"{fault.id:<9} {fault.effect:<15} {fault.description}, until {fault.expires_at:%H:%M:%S} UTC, "
            f"struck {fault.injected} of {fault.matched}"
        )
