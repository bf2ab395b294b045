"""The commands of the services in docker-compose.yml: deploy, app, forward, and what is asked of them."""

from typing import Annotated

import typer

app = typer.Typer(help="The commands of the services in docker-compose.yml.", no_args_is_help=True)

EndpointOption = Annotated[str, typer.Option("--endpoint", metavar="URL", help="The emulator.")]


@app.command(name="deploy")
def deploy_role(
    endpoint: EndpointOption,
    always: Annotated[bool, typer.Option("--always", help="Deploy even if no source has changed.")] = False,
) -> None:
    """Deploy the project to the emulator."""
    from serverless_harness.stack.container_roles import run_deploy

    run_deploy(endpoint, always)


@app.command(name="app")
def app_role(
    endpoint: EndpointOption,
    gateway: Annotated[str, typer.Option("--gateway", help="The gateway's address within the containers.")],
    public_url: Annotated[str, typer.Option("--public-url", help="The gateway's address on the host.")],
) -> None:
    """Try out what is deployed, say how to use it, and keep the functions' code up to date."""
    from serverless_harness.stack.container_roles import run_app

    run_app(endpoint, gateway, public_url)


@app.command(name="forward")
def forward_role(
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")],
    to: Annotated[
        str, typer.Option("--to", metavar="HOST:PORT", help="Address to which connections are forwarded.")
    ],
    from_outside: Annotated[
        bool, typer.Option("--from-outside", help="Accept connections only from the network that leads out.")
    ] = False,
) -> None:
    """Forward connections to another container."""
    import asyncio

    from serverless_harness.stack.forward import ALL_INTERFACES, forward, outer_address

    host, _, host_port = to.rpartition(":")
    listen = outer_address() if from_outside else ALL_INTERFACES
    asyncio.run(forward(port, host, int(host_port), listen))


@app.command()
def plan(endpoint: EndpointOption) -> None:
    """Exit with code 0 if Terraform finds nothing to change, and with code 1 otherwise."""
    from serverless_harness.stack.container_roles import has_empty_plan

    raise typer.Exit(0 if has_empty_plan(endpoint) else 1)


@app.command()
def outputs(endpoint: EndpointOption) -> None:
    """Print the emulator's session and the record of what is deployed as JSON."""
    from serverless_harness.stack.container_roles import show_deployed

    show_deployed(endpoint)
