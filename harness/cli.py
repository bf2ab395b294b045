"""The commands' options, and how they end: bad input is one line and exit code 2, a failure one and 1."""

import errno
import signal
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import click
import typer

from harness import dead_letter_commands, exhaustion, fault_commands, paths
from harness.console import error_console
from harness.errors import HarnessError, UserError
from harness.options import DEFAULT_PORT, EndpointOption, PortOption

INTERRUPTED = 128 + signal.SIGINT
REMEDIES = {
    errno.EACCES: "make it yours to read and write, then run this again",
    errno.EROFS: "run this from a copy of the project on a disk that can be written to",
    errno.ENOTDIR: "move the file that is there in a folder's place out of the way, then run this again",
    **exhaustion.REMEDIES,
}
"""What the caller can do where the system refuses something or has run out of it."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
app.add_typer(fault_commands.app, name="fault")
app.add_typer(dead_letter_commands.app, name="dead-letters")

ComposeOption = Annotated[
    bool, typer.Option("--compose", help="In containers, by docker-compose.yml, instead of embedded.")
]


@app.command()
def up(
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
    compose: ComposeOption = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on until ctrl-C: edited handlers take effect at once.")
    ] = False,
) -> None:
    """Start the stack, deploy the shop, seed it and send a first order."""
    if compose:
        if endpoint:
            raise click.UsageError("--compose starts a stack of its own: leave --endpoint out")
        if watch:
            raise click.UsageError("--compose watches handlers/ in any case: leave --watch out")
        from harness.compose_up import bring_up_compose

        bring_up_compose(port, "" if port == DEFAULT_PORT else f" --port {port}")
        return
    from harness.endpoint import parse_endpoint
    from harness.stack import EmbeddedStack
    from harness.up import Stack, bring_up

    if endpoint:
        stack: Stack = parse_endpoint(endpoint)
        deployment = bring_up(stack, f" --endpoint {endpoint}")
    else:
        deployment = bring_up(EmbeddedStack(port), "" if port == DEFAULT_PORT else f" --port {port}")
    if watch:
        from harness.watch import watch_handlers

        watch_handlers(deployment)


@app.command()
def down(
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Only the stack on this port.")
    ] = None,
    compose: ComposeOption = False,
) -> None:
    """Stop the stacks that `up` started, and forget their state."""
    if compose:
        from harness.compose_up import stop_compose_stacks

        stop_compose_stacks(port)
        return
    from harness.down import stop_stacks

    stop_stacks(port)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
)
def test(
    context: typer.Context,
    target: Annotated[
        str, typer.Option("--target", help="embedded, compose, aws, or the URL of a LocalStack.")
    ] = "embedded",
    confirm_aws_costs: Annotated[
        bool, typer.Option("--confirm-aws-costs", help="Yes, on that account.")
    ] = False,
) -> None:
    """Run the unit tests, then the integration tests on a stack of their own; the rest goes to pytest."""
    from harness.testing import run_tests

    raise typer.Exit(run_tests(target, confirm_aws_costs, context.args))


@app.command()
def deploy(
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Build the packages and apply terraform/ to a running stack."""
    from harness.commands import deploy_to

    deploy_to(port, endpoint)


@app.command()
def status(
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
    invoke_url: Annotated[
        bool, typer.Option("--invoke-url", help="Print just the address of the shop.")
    ] = False,
) -> None:
    """Say what runs, where, and what is deployed on it."""
    from harness.commands import show_status

    show_status(port, endpoint, invoke_url)


@app.command()
def logs(
    function: Annotated[
        str | None, typer.Argument(help="accept, decrypt or process; all without it.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until ctrl-C.")] = False,
    since_minutes: Annotated[
        float, typer.Option("--since-minutes", min=0, help="How far back to start.")
    ] = 15,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Print the functions' CloudWatch logs."""
    from harness.commands import show_logs

    show_logs(port, endpoint, function, since_minutes, follow)


@app.command()
def invoke(
    function: Annotated[str, typer.Argument(help="accept, decrypt or process.")],
    event: Annotated[
        str, typer.Option("--event", metavar="FILE", help="A file, or the name of a shipped event.")
    ],
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Invoke a function with a test event; print its result, its duration and the log's tail."""
    from harness.commands import invoke_function

    raise typer.Exit(invoke_function(port, endpoint, function, event))


@app.command(name="send-orders")
def send_orders(
    shop_id: Annotated[str | None, typer.Argument(metavar="[SHOP_ID]", help="The first without it.")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="An order or a list of orders, JSON; samples without it.")
    ] = None,
    count: Annotated[
        int | None, typer.Option("--count", min=1, help="How many; each of the file's once.")
    ] = None,
    clients: Annotated[int, typer.Option("--clients", min=1, max=256, help="How many at a time.")] = 1,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Encrypt orders, send them and wait until they are booked."""
    from harness.commands import send_orders_of

    raise typer.Exit(send_orders_of(port, endpoint, shop_id, file, count, clients))


@app.command(name="send-rubbish")
def send_rubbish(
    shop_id: Annotated[str | None, typer.Argument(metavar="[SHOP_ID]")] = None,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Send what a broken client would, and show what comes of it."""
    from harness.commands import send_rubbish_to

    raise typer.Exit(send_rubbish_to(port, endpoint, shop_id))


@app.command()
def timing(
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many of each, cold and warm.")] = 10,
    shop_id: Annotated[
        str | None,
        typer.Option("--shop", metavar="SHOP_ID", help="Whose orders are sent; the first without it."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FOLDER", help="Where the reports go.")
    ] = None,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Time each function and the whole order, cold and warm; print a table, write report.json and .html."""
    from harness.commands import require_stack
    from harness.timing.run import measure_and_report

    measure_and_report(require_stack(port, endpoint), count, shop_id, output or paths.STATE / "timing")


@app.command()
def soak(
    orders: Annotated[int, typer.Option("--orders", min=1, help="How many are sent.")] = 2000,
    clients: Annotated[int, typer.Option("--clients", min=1, max=256, help="How many at a time.")] = 32,
    seed: Annotated[int | None, typer.Option("--seed", help="Of the chaos; drawn without it.")] = None,
) -> None:
    """Send orders while faults strike, on a stack of its own; audit what became of each."""
    from harness.soak import run_soak

    raise typer.Exit(run_soak(orders, clients, seed))


@app.command(name="iam-report")
def iam_report(
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Print each role's permissions, what used them, what was denied, and the smallest policy that serves."""
    from harness.commands import require_stack
    from harness.iam_report import report_roles, show

    show(report_roles(require_stack(port, endpoint).target), as_json)


def main(commands: typer.Typer = app) -> NoReturn:
    """Run the command line; every way that it can end is an exit code, with a line if it is a bad one."""
    # Also where the caller, a shell's background job, ignores it: whoever sends it means it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _end_by_signal)
    signal.signal(signal.SIGHUP, _end_by_signal)
    sys.exit(run(sys.argv[1:], commands))


def run(arguments: list[str], commands: typer.Typer = app) -> int:
    """Run one command and give its exit code."""
    try:
        # typer makes this exit code of a KeyboardInterrupt, and says nothing.
        exit_code: int = commands(arguments, standalone_mode=False) or 0
        return _show_error("interrupted", INTERRUPTED) if exit_code == INTERRUPTED else exit_code
    except click.ClickException as error:
        return _show_error(error.format_message(), UserError.exit_code)
    except HarnessError as error:
        return _show_error(str(error), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return _show_error("interrupted", INTERRUPTED)
    except BrokenPipeError:
        return 128 + signal.SIGPIPE
    except Exception as error:  # noqa: BLE001 (the last resort: its traceback goes to a file)
        return _show_unexpected(error)


def _show_unexpected(error: Exception) -> int:
    details = _keep_traceback(error)
    if remedy := _remedy(error):
        return _show_error(f"{error}: {remedy}", UserError.exit_code)
    return _show_error(f"{type(error).__name__}: {error} ({details})", 1)


def _remedy(error: Exception) -> str | None:
    if isinstance(error, OSError):
        return REMEDIES.get(error.errno or 0)
    return REMEDIES[errno.EAGAIN] if str(error) == exhaustion.NO_THREAD else None


def _keep_traceback(error: Exception) -> str:
    """Write an error's traceback to the error log; gives where it is, or why it is nowhere."""
    try:
        paths.ERROR_LOG.parent.mkdir(parents=True, exist_ok=True)
        with paths.ERROR_LOG.open("a") as log:
            log.write(f"{datetime.now(UTC).isoformat()} {' '.join(sys.argv[1:])}\n")
            traceback.print_exception(error, file=log)
    except OSError as log_error:
        return f"no details: {log_error}"
    return f"details: {paths.shown(paths.ERROR_LOG)}"


def _show_error(message: str, exit_code: int) -> int:
    error_console.print("[red]error:[/] ", end="")
    error_console.print(" ".join(message.split()), markup=False)
    return exit_code


def _end_by_signal(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)
