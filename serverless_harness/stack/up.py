"""Brings a stack up until an order has travelled through it."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol

from serverless_harness import paths
from serverless_harness.console import say, step
from serverless_harness.deploy.deployment import Deployment, deploy, find_unchanged
from serverless_harness.deploy.terraform import Installation, install_providers, may_have_lost_state
from serverless_harness.errors import HarnessError
from serverless_harness.stack.embedded import EmbeddedStack
from serverless_harness.stack.snapshot import Snapshot, SnapshotError
from serverless_harness.targets import LocalTarget
from shop import shops
from shop.orders import load_orders
from shop.register import CashRegister, EncryptedOrder

FIRST_ORDER = "first-order.json"


class Stack(Protocol):
    """What `bring_up` can bring up: an embedded stack, one that somebody else runs, …"""

    @property
    def target(self) -> LocalTarget:
        """Where the shop is deployed."""

    def ensure_running(self) -> bool:
        """Start it unless it runs; gives whether it was started."""

    def detach(self) -> None:
        """Let it outlive this process."""

    def stop(self) -> None:
        """Stop it and forget its state."""


def bring_up(stack: Stack, options: str = "") -> Deployment:
    """Start, deploy, seed and order; what is there already stays as it is. Gives the shop.

    A stack that was started here is stopped again if anything goes wrong or is interrupted.
    """
    started = False
    try:
        providers = _in_background(install_providers)
        with step("Stack") as current:
            started = stack.ensure_running()
            current.result = f"{'started' if started else 'runs already'}, {stack.target.endpoint_url}"
        with step("Providers") as current:
            installation = providers.result()
            current.result = f"{Path(installation.program).name} is ready"
        if isinstance(stack, EmbeddedStack) and started:
            deployment = _bring_shop_to_new(stack, installation)
        else:
            unchanged = _find_unchanged(stack.target)
            deployment = unchanged or _deploy_to_running(stack, installation)
            send_first_order(deployment)
        stack.detach()
    except BaseException:
        if started:
            stack.stop()
        raise
    show_what_to_try(deployment, options)
    return deployment


def _in_background[Result](work: Callable[[], Result]) -> Future[Result]:
    """Call `work` in a thread that this process's end doesn't wait for, as it would for a pool's."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 (raised where the result is asked for)
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def _bring_shop_to_new(stack: EmbeddedStack, installation: Installation) -> Deployment:
    """Restore the shop from its snapshot, else deploy it and keep one; an order travels through it."""
    snapshot = Snapshot.of(stack)
    if snapshot.exists():
        try:
            deployment = _restore(snapshot)
            send_first_order(deployment)
            return deployment
        except HarnessError as error:
            say(f"The snapshot {snapshot.folder.name} is of no use, so the shop is deployed anew: {error}")
            snapshot.discard()
            stack.stop()
            stack.start()
    deployment = _deploy(stack, installation)
    with step("Snapshot") as current:
        try:
            current.result = f"{snapshot.save() / 1e6:.1f} MB kept for the next time"
        except SnapshotError as error:
            current.result = f"not kept: {error}"
    send_first_order(deployment)
    return deployment


def _deploy_to_running(stack: Stack, installation: Installation) -> Deployment:
    """Deploy what changed. After a deployment that was cut off, start over unless this one takes it up."""
    if not (isinstance(stack, EmbeddedStack) and may_have_lost_state(stack.target)):
        return _deploy(stack, installation)
    if Deployment.find(stack.target) is None:
        say("The first deployment was cut off, so the stack starts over, empty.")
    else:
        try:
            return _deploy(stack, installation)
        except HarnessError as error:
            say(
                "The last deployment was cut off and can't be taken up, "
                f"so the stack starts over, empty: {error}"
            )
    stack.stop()
    stack.start()
    return _bring_shop_to_new(stack, installation)


def _find_unchanged(target: LocalTarget) -> Deployment | None:
    with step("Changes") as current:
        deployment = find_unchanged(target)
        current.result = "none since the last deployment" if deployment else "to be found by Terraform"
    return deployment


def _restore(snapshot: Snapshot) -> Deployment:
    with step("Restore") as current:
        deployment = snapshot.restore()
        current.result = f"the seeded shop from snapshot {snapshot.folder.name[:12]}…, nothing to deploy"
    return deployment


def _deploy(stack: Stack, installation: Installation) -> Deployment:
    with step("Deploy") as current:
        deployment, result = deploy(stack.target, current.progress, installation)
        current.result = str(result)
    with step("Seed") as current:
        current.result = f"{shops.seed(deployment)} items of {len(shops.shop_ids(deployment))} shops"
    return deployment


def send_first_order(deployment: Deployment) -> None:
    """Send one order and show its booking; next time the identical bytes, which book nothing twice."""
    shop_id = shops.shop_ids(deployment)[0]
    register = CashRegister(deployment, shop_id)
    with step("First order") as current:
        started = time.monotonic()
        order = first_order(register)
        answer = register.send(order)
        if not answer.accepted:
            raise HarnessError(f"the first order was answered {answer.status}: see ./scripts/logs")
        if not register.await_bookings([answer], lambda _: None):
            raise HarnessError("the first order was accepted but not booked: see ./scripts/logs")
        travelled_ms = (time.monotonic() - started) * 1000
        current.result = (
            f"of {shop_id} booked {travelled_ms:.0f} ms after it was sent: {order.order_id[:12]}…"
        )
    for item in shops.read_items(deployment, shop_id):
        if item.gross_number:
            say(
                f"    item {item.item_no} ({item.item_description}): gross_number {item.gross_number}, "
                f"gross_turnover {item.gross_turnover}, stock {item.stock}"
            )


def first_order(register: CashRegister) -> EncryptedOrder:
    """Give the first order that was made for the shop's key, or make it."""
    file = register.deployment.target.state_dir / FIRST_ORDER
    if file.exists():
        body = file.read_bytes()
        content = json.loads(body)
        if content["key_sha256"] == register.key_sha256:
            return EncryptedOrder(content["order_id"], body)
    order = register.encrypt(load_orders()[0])[0]
    # The shop ignores fields that it doesn't know.
    extended = {**json.loads(order.body), "order_id": order.order_id, "key_sha256": register.key_sha256}
    body = json.dumps(extended).encode()
    file.write_bytes(body)
    return EncryptedOrder(order.order_id, body)


def show_what_to_try(deployment: Deployment, options: str, kind_option: str = "") -> None:
    """Print lines to copy; they need no name resolution.

    `options` lead the scripts to this stack, `kind_option` also tells `down` which kind it is.
    """
    url = deployment.invoke_url
    file = paths.shown(deployment.target.state_dir / FIRST_ORDER)
    shop_id = shops.shop_ids(deployment)[0]
    say(f"""
Try it:
  curl -H 'Content-Type: application/json' --data '@{file}' {url}
  curl -H 'Content-Type: application/json' --data '{{"shop_id": "{shop_id}", "content_base64": "?"}}' {url}
  ./scripts/send-orders {shop_id} --count 20 --clients 4{options}
  ./scripts/logs process{options}

Bookings and all other state live as long as the stack; ./scripts/down{kind_option}{options} ends both.""")
