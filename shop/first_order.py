"""The first order, by which `up` shows that the shop works."""

import json
import time

from serverless_harness import paths
from serverless_harness.errors import HarnessError
from serverless_harness.terminal_output import say, step
from shop import shops
from shop.cash_register import CashRegister, EncryptedOrder
from shop.deployment import ShopDeployment
from shop.orders import load_orders

FIRST_ORDER = "first-order.json"


def send_first_order(deployment: ShopDeployment) -> None:
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


def curl_lines(deployment: ShopDeployment, inline: bool) -> list[str]:
    """Give lines that send orders; they need no name resolution.

    The first order, out of its file, and an order that can't be decrypted; with `inline`, just an order of
    its own, its body on the line.
    """
    shop_id = shops.shop_ids(deployment)[0]
    if inline:
        body = CashRegister(deployment, shop_id).encrypt(load_orders()[0])[0].body.decode()
        return [_curl(body, deployment)]
    file = paths.shown(deployment.target.state_dir / FIRST_ORDER)
    bad = json.dumps({"shop_id": shop_id, "content_base64": "?"})
    return [_curl(f"@{file}", deployment), _curl(bad, deployment)]


def _curl(data: str, deployment: ShopDeployment) -> str:
    return f"curl -H 'Content-Type: application/json' --data '{data}' {deployment.invoke_url}"
