"""`./scripts/fault`: faults on demand from the command line."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from serverless_harness.cli.options import EndpointOption, PortOption
from serverless_harness.stack import DEFAULT_PORT

if TYPE_CHECKING:
    from serverless_harness.resilience.faults import Fault, Faults

app = typer.Typer(help="Add, list and clear faults on a running stack.", no_args_is_help=True)


class FaultEffect(StrEnum):
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
    effect: Annotated[
        FaultEffect, typer.Argument(metavar="EFFECT", help=f"One of {', '.join(FaultEffect)}.")
    ],
    service: Annotated[str | None, typer.Option(help="Service as boto3 names it, such as dynamodb.")] = None,
    operation: Annotated[
        str | None, typer.Option(help="Operation or pattern, such as GetItem or 'Get*'.")
    ] = None,
    caller: Annotated[
        str | None,
        typer.Option("--caller", "--role", help="Who calls: a role's name, or a service: sns.amazonaws.com."),
    ] = None,
    resource: Annotated[
        str | None, typer.Option(help="Pattern for the ARN or name of the called resource.")
    ] = None,
    function: Annotated[
        str | None, typer.Option(help="Pattern for the function's name, with kill, hang and exhaust-memory.")
    ] = None,
    phase: Annotated[
        Phase | None, typer.Option(help="Strike the function in this phase. Default: invoke.")
    ] = None,
    containing: Annotated[
        str | None, typer.Option(help="Strike only calls or payloads that contain this text.")
    ] = None,
    delay_ms: Annotated[
        int | None,
        typer.Option(
            help="Milliseconds by which calls are delayed, or after which the function is killed or hangs."
        ),
    ] = None,
    first_calls: Annotated[
        int | None, typer.Option("--first", help="Strike only this many calls; later ones succeed.")
    ] = None,
    share: Annotated[
        float | None,
        typer.Option(
            help="Strike a share of the calls, chosen at random: 0.1 is every tenth call on average."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the random choice that --share makes.")] = None,
    expires_in_s: Annotated[
        float | None, typer.Option("--for", help="Seconds until the fault ends. Default: 60.")
    ] = None,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Add a fault, which strikes until it ends."""
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
    """Show the current faults, and how often they struck."""
    _show(_faults(port, endpoint).current())


@app.command()
def clear(
    fault_id: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="The fault's id, as `fault list` shows it. Default: all faults."),
    ] = None,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """End a fault or all, and show how often they struck."""
    _show(_faults(port, endpoint).clear(fault_id))


def _faults(port: int, endpoint: str | None) -> "Faults":
    from serverless_harness.cli.deployment_actions import require_stack
    from serverless_harness.resilience.faults import Faults

    return Faults.of(require_stack(port, endpoint).target)


def _show(faults: "list[Fault]") -> None:
    from serverless_harness.terminal_output import say

    if not faults:
        say("There are no faults.")
    for fault in faults:
        say(
            f"{fault.id:<9} {fault.effect:<15} {fault.description}, until {fault.expires_at:%H:%M:%S} UTC, "
            f"struck {fault.injected} of {fault.matched}"
        )
