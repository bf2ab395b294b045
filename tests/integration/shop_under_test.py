"""A shop that lives as long as a test."""

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal

from serverless_harness.waiting import Wait
from shop import shops
from shop.cash_register import CashRegister, EncryptedOrder
from shop.deployment import ShopDeployment
from shop.orders import Order, Sale

BOOKING_TIMEOUT_S = 240
"""Lambda retries after one and after two more minutes."""
PRICES = {1: Decimal("2.99"), 2: Decimal("0.10"), 3: Decimal("1249.95")}
"""Of the items that every shop has, by item number."""
STOCK = 100
CLIENTS = 8
"""How many send orders at the same time."""


def sale(item_no: int, gross_number: int, gross_turnover: str | None = None) -> Sale:
    """A sale at the item's price, or for what is given."""
    turnover = Decimal(gross_turnover) if gross_turnover else PRICES[item_no] * gross_number
    return Sale(item_no=item_no, gross_number=gross_number, gross_turnover=turnover)


@contextmanager
def create_key(deployment: ShopDeployment, description: str) -> Iterator[str]:
    """Have a key as Terraform makes it for a shop."""
    kms = deployment.client("kms")
    key_id = kms.create_key(KeyUsage="ENCRYPT_DECRYPT", KeySpec="RSA_4096", Description=description)[
        "KeyMetadata"
    ]["KeyId"]
    try:
        yield key_id
    finally:
        kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)


@dataclass(frozen=True)
class Totals:
    """What is booked on an item, and what is left of it."""

    gross_number: int
    gross_turnover: Decimal
    stock: int


UNTOUCHED = Totals(0, Decimal(0), STOCK)


@dataclass(frozen=True, eq=False)
class ShopUnderTest:
    """A shop with the items 1 to 3, STOCK pieces of each, and its cash register."""

    deployment: ShopDeployment
    shop_id: str
    register: CashRegister

    @classmethod
    @contextmanager
    def opened(cls, deployment: ShopDeployment, key_id: str) -> "Iterator[ShopUnderTest]":
        """Have a shop with a fresh id whose alias names the key."""
        shop_id = f"TEST-{secrets.token_hex(6)}"
        kms = deployment.client("kms")
        alias = deployment.key_alias_prefix + shop_id
        kms.create_alias(AliasName=alias, TargetKeyId=key_id)
        try:
            shop = cls(deployment, shop_id, CashRegister(deployment, shop_id))
            for item_no, price in PRICES.items():
                shop.seed(item_no, price)
            yield shop
        finally:
            kms.delete_alias(AliasName=alias)
            _delete_rows(deployment, shop_id)

    def seed(self, item_no: int, price: Decimal = Decimal("1.00")) -> None:
        """Add an item, STOCK pieces of it."""
        self.deployment.client("dynamodb").put_item(
            TableName=self.deployment.table_name,
            Item={
                "shop_id": {"S": self.shop_id},
                "record_type": {"S": f"s-{item_no:05}"},
                "item_description": {"S": f"item {item_no}"},
                "selling_price": {"N": str(price)},
                "stock": {"N": str(STOCK)},
            },
        )

    def order(self, *sales: Sale) -> EncryptedOrder:
        """Encrypt an order that fits into one ciphertext."""
        [order] = self.register.encrypt(Order(sales=list(sales)))
        return order

    def order_of(self, content: object) -> EncryptedOrder:
        """Encrypt whatever JSON: an order that no register would send."""
        return self.register.encrypt_bytes(json.dumps(content).encode())

    def send(self, *orders: EncryptedOrder) -> None:
        """Send orders, CLIENTS at a time, as a register does: again, where SNS was too slow for `accept`."""
        answers = self.register.send_all(orders, CLIENTS, progress=lambda _: None)
        assert all(answer.accepted for answer in answers), answers

    def totals(self) -> dict[int, Totals]:
        """Read what is booked, by item number."""
        return {
            item.item_no: Totals(int(item.gross_number), item.gross_turnover, int(item.stock))
            for item in shops.read_items(self.deployment, self.shop_id)
        }

    def booked(self, orders: Sequence[EncryptedOrder]) -> set[str]:
        """Tell which orders are booked, by their ids."""
        return shops.booked_orders(self.deployment, self.shop_id, {order.order_id for order in orders})

    def await_booked(self, *orders: EncryptedOrder) -> None:
        """Wait until all orders are booked."""
        wanted = {order.order_id for order in orders}
        Wait(
            f"{len(wanted)} orders of {self.shop_id} to be booked",
            BOOKING_TIMEOUT_S,
            describe=lambda: f"{len(self.booked(orders))} booked",
            hint="./scripts/logs",
        ).until(lambda: self.booked(orders) == wanted)


def _delete_rows(deployment: ShopDeployment, shop_id: str) -> None:
    dynamodb = deployment.client("dynamodb")
    pages = dynamodb.get_paginator("query").paginate(
        TableName=deployment.table_name,
        KeyConditionExpression="shop_id = :shop_id",
        ExpressionAttributeValues={":shop_id": {"S": shop_id}},
        ProjectionExpression="shop_id, record_type",
    )
    for page in pages:
        for key in page["Items"]:
            dynamodb.delete_item(TableName=deployment.table_name, Key=key)
