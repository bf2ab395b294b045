"""What the services of docker-compose.yml do, by the name of their role: deploy, shop, forward or plan.

The folder of Terraform's state, packages and records is a volume that they share.
"""

import asyncio
import contextlib
import json
import time
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from serverless_harness import paths
from serverless_harness.cli import running
from serverless_harness.console import say, step
from serverless_harness.deploy.deployment import Deployment, deploy, find_unchanged
from serverless_harness.deploy.handler_watch import HandlerWatch
from serverless_harness.deploy.session import forget_earlier_sessions, recorded_session_id, session_id
from serverless_harness.deploy.terraform import Terraform, install_providers, may_have_lost_state
from serverless_harness.errors import HarnessError, UserError
from serverless_harness.locks import locked
from serverless_harness.stack.endpoint import parse_endpoint
from serverless_harness.stack.forward import forward
from serverless_harness.stack.up import send_first_order
from serverless_harness.targets import LocalTarget
from serverless_harness.waiting import Wait
from shop import shops
from shop.orders import load_orders
from shop.register import CashRegister

LOOK_INTERVAL_S = 0.5
EMULATOR_TIMEOUT_S = 600
"""A new emulator comes with the next `docker compose up`; until then, the shop is restarted and waits."""
DEPLOY_LOCK = paths.STATE / "deploy.lock"
ANSWERS = Path("/tmp/shop-answers")
"""Touched whenever the shop was found to answer: the container's health check looks at its age."""

STARTS_OVER = "'docker compose restart localstack' empties the emulator, and all is deployed anew"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

EndpointOption = Annotated[str, typer.Option("--endpoint", metavar="URL", help="The emulator.")]


@app.command(name="deploy")
def deploy_role(
    endpoint: EndpointOption,
    always: Annotated[bool, typer.Option("--always", help="Also where no source changed.")] = False,
) -> None:
    """Deploy to the emulator what terraform/ and handlers/ say."""
    _deploy(parse_endpoint(endpoint).target, always)


@app.command()
def shop(
    endpoint: EndpointOption,
    gateway: Annotated[str, typer.Option("--gateway", help="The door, as it is called in here.")],
    public_url: Annotated[str, typer.Option("--public-url", help="The door, as the host calls it.")],
) -> None:
    """Send a first order, say how to send another, and keep the functions' code up to date."""
    target = parse_endpoint(endpoint).target
    session = Wait("the emulator to answer", EMULATOR_TIMEOUT_S, interval_s=0.5).until(
        lambda: _session_or_none(endpoint)
    )
    deployment = _deploy(target)
    send_first_order(Deployment(LocalTarget(gateway, target.state_dir), deployment.outputs))
    say(f"\nSend an order:\n{_curl_line(deployment, public_url)}\n")
    _keep_up_to_date(HandlerWatch(deployment, say), target, gateway, session)
    raise HarnessError("the emulator has ended, and all state with it: 'docker compose up' starts another")


@app.command(name="forward")
def forward_role(
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Where to listen.")],
    to: Annotated[str, typer.Option("--to", metavar="HOST:PORT", help="Where connections go.")],
) -> None:
    """Hand connections on to another container."""
    host, _, host_port = to.rpartition(":")
    asyncio.run(forward(port, host, int(host_port)))


@app.command()
def plan(endpoint: EndpointOption) -> None:
    """End with exit code 0 where Terraform finds nothing to change, else with 1."""
    target = parse_endpoint(endpoint).target
    with locked(DEPLOY_LOCK):
        empty = Terraform(target, install_providers(), _variables(target)).plan_is_empty()
    say("nothing to change" if empty else "there are changes")
    raise typer.Exit(0 if empty else 1)


@app.command()
def outputs(endpoint: EndpointOption) -> None:
    """Print the emulator's session and Terraform's outputs as JSON."""
    deployment = Deployment.require(parse_endpoint(endpoint).target)
    session = recorded_session_id(parse_endpoint(endpoint).target)
    print(json.dumps({"session_id": session, "outputs": deployment.outputs}))


def _deploy(target: LocalTarget, always: bool = False) -> Deployment:
    paths.STATE.mkdir(exist_ok=True)
    with locked(DEPLOY_LOCK):
        if forget_earlier_sessions(target):
            say("The emulator was started anew: all is deployed again.")
        if not always and (unchanged := find_unchanged(target)):
            say("No source has changed since the last deployment.")
            return unchanged
        cut_off = may_have_lost_state(target)
        try:
            with step("Deploy") as current:
                deployment, result = deploy(target, current.progress)
                current.result = str(result)
        except HarnessError as error:
            if cut_off:
                raise HarnessError(f"{error}; {STARTS_OVER}") from None
            raise
        with step("Seed") as current:
            current.result = f"{shops.seed(deployment)} items of {len(shops.shop_ids(deployment))} shops"
    return deployment


def _keep_up_to_date(watch: HandlerWatch, target: LocalTarget, gateway: str, session: str) -> None:
    """Give functions their new code and say that the door answers, until this run of the emulator ends."""
    # The next run may answer before the end of this one was seen: who deploys to it records that.
    while recorded_session_id(target) == session:
        if _is_healthy(gateway):
            ANSWERS.touch()
            # While Terraform deploys, it brings the code along.
            with contextlib.suppress(BlockingIOError), locked(DEPLOY_LOCK, wait=False):
                watch.look()
        elif _session_or_none(target.endpoint_url) != session:
            return
        time.sleep(LOOK_INTERVAL_S)


def _variables(target: LocalTarget) -> dict[str, Any]:
    file = target.state_dir / "terraform" / "harness.auto.tfvars.json"
    try:
        variables: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError:
        raise UserError(f"nothing is deployed to {target.name}") from None
    return variables


def _curl_line(deployment: Deployment, public_url: str) -> str:
    """Give a line that books a new order of the first shop; once, however often it is sent."""
    register = CashRegister(deployment, shops.shop_ids(deployment)[0])
    body = register.encrypt(load_orders()[0])[0].body.decode()
    url = LocalTarget(public_url, deployment.target.state_dir).invoke_url(deployment.outputs)
    return f"curl -H 'Content-Type: application/json' --data '{body}' {url}"


def _session_or_none(endpoint: str) -> str | None:
    try:
        return session_id(endpoint)
    except httpx.HTTPError:
        return None


def _is_healthy(endpoint: str) -> bool:
    """Tell whether the emulator answers at `endpoint`; LocalStack logs none of these requests."""
    try:
        return httpx.get(f"{endpoint}/_localstack/health", timeout=10, trust_env=False).is_success
    except httpx.HTTPError:
        return False


if __name__ == "__main__":
    running.main(app)
