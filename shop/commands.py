"""The shop's own commands and their options; what they do is imported when they are called."""

from pathlib import Path
from typing import Annotated

import typer

from serverless_harness.cli.options import EndpointOption, PortOption
from serverless_harness.stack import DEFAULT_PORT

app = typer.Typer()


@app.command()
def status(
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
    invoke_url: Annotated[
        bool, typer.Option("--invoke-url", help="Print just the address of the shop.")
    ] = False,
) -> None:
    """Say what runs, where, and what is deployed on it."""
    from serverless_harness.cli.deployment_commands import show_status
    from serverless_harness.console import say
    from shop.sending import require_shop

    if invoke_url:
        say(require_shop(port, endpoint).invoke_url)
    else:
        show_status(port, endpoint)


@app.command(name="send-orders")
def send_orders(
    shop_id: Annotated[str | None, typer.Argument(metavar="[SHOP_ID]", help="By default the first.")] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", help="A JSON file of orders; by default the samples."),
    ] = None,
    count: Annotated[
        int | None, typer.Option("--count", min=1, help="Number of orders; by default each in the file once.")
    ] = None,
    clients: Annotated[int, typer.Option("--clients", min=1, max=256, help="Requests at a time.")] = 1,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Encrypt orders, send them and wait until they are booked."""
    from shop.sending import send_orders_of

    raise typer.Exit(send_orders_of(port, endpoint, shop_id, file, count, clients))


@app.command(name="send-rubbish")
def send_rubbish(
    shop_id: Annotated[str | None, typer.Argument(metavar="[SHOP_ID]")] = None,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Send what a broken client would, and show what comes of it."""
    from shop.sending import send_rubbish_to

    raise typer.Exit(send_rubbish_to(port, endpoint, shop_id))


@app.command()
def timing(
    function: Annotated[
        str | None, typer.Argument(help="One function; by default all, and the whole order.")
    ] = None,
    event: Annotated[
        str, typer.Option("--event", metavar="FILE", help="For one function: a file or an event's name.")
    ] = "order",
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many of each, cold and warm.")] = 10,
    shop_id: Annotated[
        str | None,
        typer.Option("--shop", metavar="SHOP_ID", help="Whose orders are sent; by default the first's."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FOLDER", help="Where the reports go.")
    ] = None,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Time each function and the whole order, cold and warm; print a table, write report.json and .html."""
    from serverless_harness.cli.deployment_commands import require_stack
    from serverless_harness.project.locate import current
    from serverless_harness.timing.run import time_function
    from shop.timing.run import measure_and_report

    stack, folder = require_stack(port, endpoint), output or current().make_state() / "timing"
    if function:
        time_function(stack, function, event, count, folder)
    else:
        measure_and_report(stack, count, shop_id, folder)


@app.command()
def soak(
    orders: Annotated[int, typer.Option("--orders", min=1, help="How many are sent.")] = 2000,
    clients: Annotated[int, typer.Option("--clients", min=1, max=256, help="Requests at a time.")] = 32,
    seed: Annotated[int | None, typer.Option("--seed", help="Of the chaos; drawn without it.")] = None,
) -> None:
    """Send orders while faults strike, on a stack of its own; audit what became of each."""
    from shop.soak import run_soak

    raise typer.Exit(run_soak(orders, clients, seed))
