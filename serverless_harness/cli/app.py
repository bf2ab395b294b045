"""The commands and their options; what they do is imported when they are called."""

from pathlib import Path
from typing import Annotated

import click
import typer

from serverless_harness.cli import container_commands, dead_letter_commands, fault_commands, runtime_commands
from serverless_harness.cli.group import ProjectGroup, use_project
from serverless_harness.cli.options import EndpointOption, PortOption, RawOption
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
app.add_typer(container_commands.app, name="container", hidden=True)

ComposeOption = Annotated[
    bool, typer.Option("--compose", help="In containers, by docker-compose.yml, instead of embedded.")
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
            help="The project; otherwise it is found from the current folder upwards.",
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
        bool, typer.Option("--watch", help="Go on until ctrl-C: edited functions take effect at once.")
    ] = False,
) -> None:
    """Start the stack, deploy the project, seed it and try it out."""
    if compose:
        if endpoint:
            raise click.UsageError("--compose starts a stack of its own: leave --endpoint out")
        if watch:
            raise click.UsageError("--compose watches the functions' sources in any case: leave --watch out")
    from serverless_harness.deploy.watch import require_sources, watch_handlers
    from serverless_harness.project.locate import current
    from serverless_harness.stack.compose import ComposeStack
    from serverless_harness.stack.embedded import EmbeddedStack
    from serverless_harness.stack.endpoint import parse_endpoint
    from serverless_harness.stack.up import Stack, bring_up

    if endpoint:
        stack: Stack = parse_endpoint(endpoint)
    else:
        stack = ComposeStack.on_port(port) if compose else EmbeddedStack(port)
    if watch:
        require_sources(current())
    deployment = bring_up(stack)
    if watch:
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
        from serverless_harness.stack.down import stop_compose_stacks

        stop_compose_stacks(port)
        return
    from serverless_harness.stack.down import stop_stacks

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
        bool, typer.Option("--confirm-aws-costs", help="Confirm that tests may create billable resources.")
    ] = False,
) -> None:
    """Run the unit tests, then the integration tests on a stack of their own; other options go to pytest."""
    from serverless_harness.testing.suite import run_tests

    raise typer.Exit(run_tests(target, confirm_aws_costs, context.args))


@app.command()
def deploy(
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Build the packages and apply Terraform to a running stack."""
    from serverless_harness.cli.deployment_commands import deploy_to

    deploy_to(port, endpoint)


@app.command()
def status(
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Say what runs, where, and what is deployed on it."""
    from serverless_harness.cli.deployment_commands import show_status

    show_status(port, endpoint)


@app.command()
def logs(
    function: Annotated[
        str | None, typer.Argument(help="A function's name or part of it; without it, all functions.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until ctrl-C.")] = False,
    since_minutes: Annotated[
        float, typer.Option("--since-minutes", min=0, help="How far back to start.")
    ] = 15,
    raw: RawOption = False,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Print the functions' CloudWatch logs."""
    from serverless_harness.cli.deployment_commands import show_logs

    show_logs(port, endpoint, function, since_minutes, follow, raw)


@app.command()
def invoke(
    function: Annotated[str, typer.Argument(help="A function's name or part of it.")],
    event: Annotated[
        str,
        typer.Option("--event", metavar="FILE", help="A file, or the name of one of the project's events."),
    ],
    raw: RawOption = False,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Invoke a function with a test event; print its result, its duration and the log's tail."""
    from serverless_harness.cli.deployment_commands import invoke_function

    raise typer.Exit(invoke_function(port, endpoint, function, event, raw))


@app.command()
def timing(
    function: Annotated[str, typer.Argument(help="A function's name or part of it.")],
    event: Annotated[
        str,
        typer.Option("--event", metavar="FILE", help="A file, or the name of one of the project's events."),
    ],
    count: Annotated[
        int, typer.Option("--count", "-n", min=1, help="Number of invokes, cold and warm.")
    ] = 10,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FOLDER", help="Where the report goes.")
    ] = None,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Time a function, cold and warm; print a table, write report.json."""
    from serverless_harness.cli.deployment_commands import require_stack
    from serverless_harness.project.locate import current
    from serverless_harness.timing.run import time_function

    stack = require_stack(port, endpoint)
    time_function(stack, function, event, count, output or current().make_state() / "timing")


@app.command(name="iam-report")
def iam_report(
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Print each role's permissions, what used them, what was denied, and the smallest policy that serves."""
    from serverless_harness.cli.deployment_commands import require_stack
    from serverless_harness.functions.iam_report import report_roles, show

    show(report_roles(require_stack(port, endpoint).target), as_json)
