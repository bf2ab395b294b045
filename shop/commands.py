"""The shop's own commands and their options; what they do is imported when they are called."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from serverless_harness.cli.options import CountOption, EndpointOption, PortOption, ReportsOption
from serverless_harness.errors import UserError
from serverless_harness.stack import DEFAULT_PORT

app = typer.Typer(rich_markup_mode=None)

ShopArgument = Annotated[str | None, typer.Argument(metavar="[SHOP_ID]", help="Default: the first shop.")]
ClientsOption = Annotated[
    int, typer.Option("--clients", min=1, max=256, help="Number of requests at the same time.")
]


@app.command()
def status(
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
    invoke_url: Annotated[bool, typer.Option("--invoke-url", help="Print only the shop's URL.")] = False,
) -> None:
    """Show what is running and deployed, and at which address."""
    from serverless_harness.cli.deployment_actions import show_status
    from serverless_harness.terminal_output import say
    from shop.send_commands import require_shop

    if invoke_url:
        say(require_shop(port, endpoint).invoke_url)
    else:
        show_status(port, endpoint)


@app.command(name="send-orders")
def send_orders(
    shop_id: ShopArgument = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", help="A JSON file of orders. Default: the sample orders."),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option("--count", min=1, help="Number of orders. Default: each order of the file once."),
    ] = None,
    clients: ClientsOption = 1,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Encrypt orders, send them and wait until they are booked."""
    from shop.send_commands import send_orders_of

    raise typer.Exit(send_orders_of(port, endpoint, shop_id, file, count, clients))


@app.command(name="send-rubbish")
def send_rubbish(
    shop_id: ShopArgument = None,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Send broken requests and show what each one leads to."""
    from shop.send_commands import send_rubbish_to

    raise typer.Exit(send_rubbish_to(port, endpoint, shop_id))


@app.command()
def timing(
    function: Annotated[
        str | None, typer.Argument(help="A function's name. Default: all functions and a whole order.")
    ] = None,
    event: Annotated[
        str, typer.Option("--event", metavar="FILE", help="With FUNCTION: a JSON file, or an event's name.")
    ] = "order",
    count: CountOption = 10,
    shop_id: Annotated[
        str | None,
        typer.Option("--shop", metavar="SHOP_ID", help="The shop whose orders are sent. Default: the first."),
    ] = None,
    output: ReportsOption = None,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Time each function and a whole order, cold and warm.

    Prints a table and writes report.json and report.html.
    """
    from serverless_harness.cli.deployment_actions import require_stack
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
    orders: Annotated[int, typer.Option("--orders", min=1, help="Number of orders.")] = 2000,
    clients: ClientsOption = 32,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Seed of the random choices. Default: a new one.")
    ] = None,
    restart: Annotated[
        Literal["down", "kill"] | None,
        typer.Option(
            help="Instead of faults: end the stack in the middle of the orders, by `down` or by a kill as "
            "in a crash, and start it again."
        ),
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(
            "--rounds",
            min=1,
            help="With --restart: the number of rounds; all orders are sent in each of them. Default: 20.",
        ),
    ] = None,
    compose: Annotated[
        bool, typer.Option("--compose", help="With --restart: the stack in containers.")
    ] = False,
) -> None:
    """Send orders while faults strike, or while the stack ends and starts again; then audit each order.

    Starts a stack of its own, and stops it afterwards.
    """
    from shop.restart_soak import RESTART_ROUNDS, run_restart_soak
    from shop.soak import run_soak

    if restart:
        raise typer.Exit(run_restart_soak(restart, compose, rounds or RESTART_ROUNDS, orders, clients, seed))
    if rounds or compose:
        raise UserError("--rounds and --compose need --restart")
    raise typer.Exit(run_soak(orders, clients, seed))
