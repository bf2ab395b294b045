"""The commands and their options; what they do is imported when they are called."""

from pathlib import Path
from typing import Annotated

import click
import typer

from serverless_harness import paths
from serverless_harness.cli import dead_letter_commands, fault_commands
from serverless_harness.cli.options import DEFAULT_PORT, EndpointOption, PortOption

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
        from serverless_harness.stack.compose_up import bring_up_compose

        bring_up_compose(port, "" if port == DEFAULT_PORT else f" --port {port}")
        return
    from serverless_harness.stack.embedded import EmbeddedStack
    from serverless_harness.stack.endpoint import parse_endpoint
    from serverless_harness.stack.up import Stack, bring_up

    if endpoint:
        stack: Stack = parse_endpoint(endpoint)
        deployment = bring_up(stack, f" --endpoint {endpoint}")
    else:
        deployment = bring_up(EmbeddedStack(port), "" if port == DEFAULT_PORT else f" --port {port}")
    if watch:
        from serverless_harness.deploy.watch import watch_handlers

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
        from serverless_harness.stack.compose_up import stop_compose_stacks

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
        bool, typer.Option("--confirm-aws-costs", help="Yes, on that account.")
    ] = False,
) -> None:
    """Run the unit tests, then the integration tests on a stack of their own; the rest goes to pytest."""
    from serverless_harness.testing.suite import run_tests

    raise typer.Exit(run_tests(target, confirm_aws_costs, context.args))


@app.command()
def deploy(
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Build the packages and apply terraform/ to a running stack."""
    from serverless_harness.cli.shop_commands import deploy_to

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
    from serverless_harness.cli.shop_commands import show_status

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
    from serverless_harness.cli.shop_commands import show_logs

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
    from serverless_harness.cli.shop_commands import invoke_function

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
    from serverless_harness.cli.shop_commands import send_orders_of

    raise typer.Exit(send_orders_of(port, endpoint, shop_id, file, count, clients))


@app.command(name="send-rubbish")
def send_rubbish(
    shop_id: Annotated[str | None, typer.Argument(metavar="[SHOP_ID]")] = None,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Send what a broken client would, and show what comes of it."""
    from serverless_harness.cli.shop_commands import send_rubbish_to

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
    from serverless_harness.cli.shop_commands import require_stack
    from serverless_harness.timing.run import measure_and_report

    measure_and_report(require_stack(port, endpoint), count, shop_id, output or paths.STATE / "timing")


@app.command()
def soak(
    orders: Annotated[int, typer.Option("--orders", min=1, help="How many are sent.")] = 2000,
    clients: Annotated[int, typer.Option("--clients", min=1, max=256, help="How many at a time.")] = 32,
    seed: Annotated[int | None, typer.Option("--seed", help="Of the chaos; drawn without it.")] = None,
) -> None:
    """Send orders while faults strike, on a stack of its own; audit what became of each."""
    from shop.soak import run_soak

    raise typer.Exit(run_soak(orders, clients, seed))


@app.command(name="iam-report")
def iam_report(
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Print each role's permissions, what used them, what was denied, and the smallest policy that serves."""
    from serverless_harness.cli.shop_commands import require_stack
    from serverless_harness.functions.iam_report import report_roles, show

    show(report_roles(require_stack(port, endpoint).target), as_json)
