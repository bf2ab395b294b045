"""The shop as a project of the harness: its data, its first order, its commands."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from serverless_harness.deploy.deployment import Deployment
from serverless_harness.errors import UserError
from serverless_harness.project.project import Project

if TYPE_CHECKING:
    from shop.dead_letters import ShopDeadLetters

FOLDER = Path(__file__).parent


class Shop(Project):
    """The shop: seeded with sample items, tried out with an order."""

    def seed(self, deployment: Deployment) -> str:
        """Give every shop its items; bookings and stock stay as they are."""
        from shop import shops
        from shop.deployment import ShopDeployment

        shop = ShopDeployment.of(deployment)
        return f"{shops.seed(shop)} items of {len(shops.shop_ids(shop))} shops"

    def smoke(self, deployment: Deployment) -> None:
        """Send a first order and show its booking."""
        from shop.deployment import ShopDeployment
        from shop.first_order import send_first_order

        send_first_order(ShopDeployment.of(deployment))

    def status(self, deployment: Deployment) -> None:
        """Show the shop's address, its items and its bookings."""
        from shop.deployment import ShopDeployment
        from shop.overview import show_shops

        show_shops(ShopDeployment.of(deployment))

    def hints(self, deployment: Deployment, options: str | None) -> Sequence[str]:
        """Give requests to send with curl, and commands that show what came of them."""
        from shop.deployment import ShopDeployment
        from shop.first_order import curl_lines

        shop = ShopDeployment.of(deployment)
        if options is None:
            return curl_lines(shop, inline=True)
        return [
            *curl_lines(shop, inline=False),
            f"./scripts/send-orders --count 20 --clients 4{options}",
            f"./scripts/logs process{options}",
        ]

    def event(self, deployment: Deployment, event: object) -> object:
        """Put encrypted orders in the place of `{"$encrypt_for": "AMIS1", "sales": [...]}`.

        Keys differ from stack to stack. Raises UserError where an order can't be encrypted.
        """
        if isinstance(event, list):
            return [self.event(deployment, element) for element in event]
        if not isinstance(event, dict):
            return event
        if "$encrypt_for" in event:
            return _encrypted(deployment, event)
        return {name: self.event(deployment, element) for name, element in event.items()}

    def dead_letters(self, deployment: Deployment) -> "ShopDeadLetters":
        """Give the dead letters, those that decrypt and process write themselves among them."""
        from shop.dead_letters import ShopDeadLetters
        from shop.deployment import ShopDeployment

        return ShopDeadLetters(ShopDeployment.of(deployment))

    def commands(self) -> typer.Typer:
        """Give the cash register's commands, the soak, and the timing of orders."""
        from shop.commands import app

        return app

    def sources(self) -> Sequence[Path]:
        """Give what decides the first data."""
        return [FOLDER / "shops.py", FOLDER / "samples" / "items.json"]

    def command_line(self, command: str) -> str:
        """Tell of the scripts."""
        return f"./scripts/{command}"


def _encrypted(deployment: Deployment, value: dict[str, Any]) -> str:
    from shop.cash_register import CashRegister
    from shop.deployment import ShopDeployment
    from shop.orders import MAX_PLAINTEXT_BYTES

    shop_id = value["$encrypt_for"]
    if not isinstance(shop_id, str):
        raise UserError("$encrypt_for is not a shop's id")
    content = {name: element for name, element in value.items() if name != "$encrypt_for"}
    plaintext = json.dumps(content).encode()
    if len(plaintext) > MAX_PLAINTEXT_BYTES:
        raise UserError(
            f"what $encrypt_for is to encrypt has {len(plaintext)} bytes, more than {MAX_PLAINTEXT_BYTES}"
        )
    body = CashRegister(ShopDeployment.of(deployment), shop_id).encrypt_bytes(plaintext).body
    return str(json.loads(body)["content_base64"])
