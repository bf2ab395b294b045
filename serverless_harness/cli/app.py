"""The commands and their options; what they do is imported when they are called."""

from pathlib import Path
from typing import Annotated

import click
import typer

from serverless_harness.cli import (
    clock_commands,
    container_commands,
    dead_letter_commands,
    fault_commands,
    runtime_commands,
    state_commands,
)
from serverless_harness.cli.group import ProjectGroup, use_project
from serverless_harness.cli.options import (
    CountOption,
    EndpointOption,
    EventOption,
    FunctionArgument,
    PortOption,
    RawOption,
    ReportsOption,
)
from serverless_harness.stack import DEFAULT_PORT

app = typer.Typer(
    cls=ProjectGroup,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
)
app.add_typer(fault_commands.app, name="fault")
app.add_typer(dead_letter_commands.app, name="dead-letters")
app.add_typer(runtime_commands.app, name="runtime")
app.add_typer(state_commands.app, name="state")
app.add_typer(clock_commands.app, name="clock")
app.add_typer(container_commands.app, name="container", hidden=True)

ComposeOption = Annotated[
    bool,
    typer.Option("--compose", help="Use a stack in Docker containers (docker-compose.yml)."),
]


@app.callback()
def choose_project(
    project: Annotated[
        Path | None,
        typer.Option(
            "--project",
            metavar="FOLDER",
            callback=use_project,
            is_eager=True,
            expose_value=False,
            help="The project's folder. Default: the current folder, or the first above it with a project.",
        ),
    ] = None,
) -> None:
    """Run a serverless project's Terraform and Lambda functions on this machine."""


@app.command()
def up(
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
    compose: ComposeOption = False,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Keep running and update functions as you edit them, until Ctrl-C."),
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Delete the state that `down` saved and start again.")
    ] = False,
    debug: Annotated[
        str | None,
        typer.Option("--debug", metavar="FUNCTION[:PORT]", help="Debug this function; see `debug`."),
    ] = None,
) -> None:
    """Start a stack, or continue with what `down` saved; deploy the project and try it out."""
    if debug and endpoint:
        raise click.UsageError("--debug is only for stacks that 'up' starts: leave it out")
    if fresh and endpoint:
        raise click.UsageError("--fresh is only for stacks that 'up' starts: leave it out")
    if compose:
        if endpoint:
            raise click.UsageError(
                "--compose starts a stack, --endpoint uses one that runs: give one of the two"
            )
        if watch:
            raise click.UsageError("--compose always watches the functions' sources: leave --watch out")
    from serverless_harness.project.locate import current
    from serverless_harness.stack.compose import ComposeStack
    from serverless_harness.stack.embedded import EmbeddedStack
    from serverless_harness.stack.existing_endpoint import parse_endpoint
    from serverless_harness.stack.up import Stack, bring_up

    if debug:
        from serverless_harness.functions.debugging import Wanted, show_how_to_attach, start_debugging

        wanted = Wanted.parse(debug)
    if endpoint:
        stack: Stack = parse_endpoint(endpoint)
    else:
        stack = ComposeStack.on_port(port, fresh) if compose else EmbeddedStack(port, fresh=fresh)
    if watch:
        from serverless_harness.deploy.watch_loop import require_sources, watch_handlers

        require_sources(current())
    deployment = bring_up(stack)
    if debug:
        show_how_to_attach(stack, start_debugging(stack, wanted), wanted.port, write=False)
    if watch:
        if isinstance(stack, EmbeddedStack):
            from serverless_harness.stack.resetting import forget

            forget(stack.target)
        watch_handlers(deployment)


@app.command()
def down(
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Stop only the stack on this port.")
    ] = None,
    compose: ComposeOption = False,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete the stack's state, and what an earlier `down` saved.")
    ] = False,
) -> None:
    """Stop the stacks that `up` started; save their state for the next `up`."""
    from serverless_harness.stack.down import stop_compose_stacks, stop_stacks

    (stop_compose_stacks if compose else stop_stacks)(port, delete)


@app.command()
def reset(port: PortOption = DEFAULT_PORT) -> None:
    """Bring a running stack back to what it was when the project had just been deployed and seeded."""
    from serverless_harness.cli.state_commands import reset_stack

    reset_stack(port)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    options_metavar="[OPTIONS] [PYTEST ARGUMENTS]",
)
def test(
    context: typer.Context,
    target: Annotated[
        str,
        typer.Option(
            "--target",
            help="Where the integration tests run: embedded, compose, aws, or the URL of a LocalStack.",
        ),
    ] = "embedded",
    confirm_aws_costs: Annotated[
        bool, typer.Option("--confirm-aws-costs", help="Confirm that tests may create billable resources.")
    ] = False,
) -> None:
    """Run the unit tests, then the integration tests on a new stack.

    All other options and arguments are passed to pytest.
    """
    from serverless_harness.testing.suite import run_tests

    raise typer.Exit(run_tests(target, confirm_aws_costs, context.args))


@app.command()
def deploy(
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Deploy the project to a stack that is running."""
    from serverless_harness.cli.deployment_actions import deploy_to

    deploy_to(port, endpoint)


@app.command()
def status(
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Show what is running and deployed, and at which address."""
    from serverless_harness.cli.deployment_actions import show_status

    show_status(port, endpoint)


@app.command()
def console(
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
    aws: Annotated[
        bool, typer.Option("--aws", help="Show what is deployed to AWS, without changing it.")
    ] = False,
    console_port: Annotated[
        int | None,
        typer.Option(
            "--console-port",
            min=1,
            max=65535,
            help="Port of the console on 127.0.0.1. Default: 4580, or any free port if it is taken.",
        ),
    ] = None,
) -> None:
    """Serve a console in the browser for a running stack, until Ctrl-C.

    It shows functions, logs, traces, dead letters, faults and data, and prints the link that opens it.
    """
    if aws and endpoint:
        raise click.UsageError("--aws and --endpoint name two places: give one of the two")
    from serverless_harness.cli.deployment_actions import require_stack
    from serverless_harness.console.serve import serve
    from serverless_harness.console.source import Source
    from serverless_harness.targets import AwsTarget

    stack = None if aws else require_stack(port, endpoint)
    serve(Source(stack.target if stack else AwsTarget.from_configuration(), stack), console_port)


@app.command()
def logs(
    function: Annotated[
        str | None,
        typer.Argument(
            help="A function's name, or a part of it that no other function has. Default: all functions."
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Print new lines until Ctrl-C.")] = False,
    since_minutes: Annotated[
        float,
        typer.Option("--since-minutes", metavar="N", min=0, help="Print the lines of the last N minutes."),
    ] = 15,
    raw: RawOption = False,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Print the functions' CloudWatch logs."""
    from serverless_harness.cli.deployment_actions import show_logs

    show_logs(port, endpoint, function, since_minutes, follow, raw)


@app.command()
def invoke(
    function: FunctionArgument,
    event: EventOption,
    raw: RawOption = False,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Invoke a function with a test event and print the result.

    Its duration, its memory and the end of its log are printed as well.
    """
    from serverless_harness.cli.deployment_actions import invoke_function

    raise typer.Exit(invoke_function(port, endpoint, function, event, raw))


@app.command()
def debug(
    function: Annotated[
        str | None,
        typer.Argument(
            metavar="FUNCTION[:PORT]",
            help="A function's name, or a part of it that no other function has, and the debugger's port. "
            "Default: 5678.",
        ),
    ] = None,
    off: Annotated[
        bool, typer.Option("--off", help="End debugging of the function, or of all if none is given.")
    ] = False,
    write_launch: Annotated[
        bool, typer.Option("--write-launch", help="Write VS Code's configuration to .vscode/launch.json.")
    ] = False,
    port: PortOption = DEFAULT_PORT,
) -> None:
    """Make a function's next execution environment wait for a debugger, such as VS Code's.

    Without a function, show which ones are being debugged.
    """
    from serverless_harness.cli.deployment_actions import debug_function

    debug_function(port, function, off, write_launch)


@app.command()
def timing(
    function: FunctionArgument,
    event: EventOption,
    count: CountOption = 10,
    output: ReportsOption = None,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Time a function's cold and warm invokes.

    Prints a table and writes report.json and report.html.
    """
    from serverless_harness.cli.deployment_actions import require_stack
    from serverless_harness.project.locate import current
    from serverless_harness.timing.run import time_function

    stack = require_stack(port, endpoint)
    time_function(stack, function, event, count, output or current().make_state() / "timing")


@app.command(name="iam-report")
def iam_report(
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Print what each role may do, what it used and was denied.

    Ends with the smallest policy that would have been enough.
    """
    from serverless_harness.cli.deployment_actions import require_stack
    from serverless_harness.functions.iam_report import report_roles, show

    show(report_roles(require_stack(port, endpoint).target), as_json)


@app.command()
def trace(
    any_id: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]",
            help="The id of a trace or request, or a text from a payload, such as an order's id.",
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=1000, help="How many requests to list, the newest first.")
    ] = 20,
    function: Annotated[
        str | None,
        typer.Option(help="List only requests that invoked this function; a part of its name is enough."),
    ] = None,
    errors: Annotated[
        bool, typer.Option("--errors", help="List only requests in which something failed.")
    ] = False,
    min_ms: Annotated[
        float | None, typer.Option("--min-ms", min=0, help="List only requests that took at least this long.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list or the trace as JSON.")] = False,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """List the latest requests that entered the stack, or show the trace of one.

    A trace is a tree of calls, inits, invokes, deliveries and faults, with their times.
    """
    if any_id and (function or errors or min_ms is not None):
        raise click.UsageError("--function, --errors and --min-ms are for the list: leave them or the ID out")
    from serverless_harness.cli.deployment_actions import require_stack
    from serverless_harness.functions import traces

    target = traces.local(require_stack(port, endpoint).target)
    wanted = {"limit": limit, "function": function, "error": "1" if errors else "", "min_ms": min_ms}
    traces.show(target, any_id, as_json, **wanted)
