"""The shops of a deployment: which there are, their items, their bookings."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import batched
from pathlib import Path
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

from serverless_harness.errors import UserError
from shop.deployment import ShopDeployment

SAMPLE_ITEMS = Path(__file__).parent / "samples" / "items.json"
KEYS_A_BATCH = 100
"""BatchGetItem takes no more (its reference)."""


@dataclass(frozen=True)
class Item:
    """An item of a shop, with what was booked on it; `gross_turnover` and prices are exact."""

    item_no: int
    item_description: str
    selling_price: Decimal
    stock: Decimal
    gross_number: Decimal
    gross_turnover: Decimal


def shop_ids(deployment: ShopDeployment) -> list[str]:
    """Give the shops that have a key, in alphabetical order."""
    pages = deployment.client("kms").get_paginator("list_aliases").paginate()
    names = (alias["AliasName"] for page in pages for alias in page["Aliases"])
    prefix = deployment.key_alias_prefix
    return sorted(name.removeprefix(prefix) for name in names if name.startswith(prefix))


def require_shop(deployment: ShopDeployment, shop_id: str) -> None:
    """Raise UserError where there is no shop of this id."""
    known = shop_ids(deployment)
    if shop_id not in known:
        raise UserError(f"there is no shop '{shop_id}'; the shops are {', '.join(known)}")


def seed(deployment: ShopDeployment) -> int:
    """Give every shop its items, and return their number; what was booked, stock included, stays."""
    items = json.loads(SAMPLE_ITEMS.read_text(), parse_float=Decimal)
    shops = shop_ids(deployment)
    dynamodb = deployment.client("dynamodb")
    for shop_id in shops:
        for item in items:
            dynamodb.update_item(
                TableName=deployment.table_name,
                Key=_key(shop_id, f"s-{item['item_no']:05}"),
                UpdateExpression="SET item_description = :description, selling_price = :price, "
                "stock = if_not_exists(stock, :stock)",
                ExpressionAttributeValues={
                    ":description": {"S": item["item_description"]},
                    ":price": {"N": str(item["selling_price"])},
                    ":stock": {"N": str(item["stock"])},
                },
            )
    return len(shops) * len(items)


def read_items(deployment: ShopDeployment, shop_id: str) -> list[Item]:
    """Read a shop's items, by their numbers, as they are now."""
    return [_item(row) for row in _rows(deployment, shop_id, "s-")]


def count_orders(deployment: ShopDeployment, shop_id: str) -> int:
    """Count the orders that were booked for a shop."""
    pages = _query(deployment, shop_id, "o-", Select="COUNT")
    return sum(page["Count"] for page in pages)


def booked_orders(deployment: ShopDeployment, shop_id: str, order_ids: Collection[str]) -> set[str]:
    """Tell which of `order_ids` are booked."""
    dynamodb = deployment.client("dynamodb")
    booked: set[str] = set()
    for batch in batched(sorted(order_ids), KEYS_A_BATCH, strict=False):
        keys: Sequence[dict[str, Any]] = [_key(shop_id, f"o-{order_id}") for order_id in batch]
        while keys:
            request = {deployment.table_name: {"Keys": keys, "ConsistentRead": True}}
            answer = dynamodb.batch_get_item(RequestItems=request)
            rows = answer["Responses"].get(deployment.table_name, [])
            booked.update(row["record_type"]["S"].removeprefix("o-") for row in rows)
            keys = answer.get("UnprocessedKeys", {}).get(deployment.table_name, {}).get("Keys", [])
    return booked


def public_key_der(deployment: ShopDeployment, shop_id: str) -> bytes:
    """Fetch the public half of a shop's key, DER (SubjectPublicKeyInfo); raises UserError: no such shop."""
    kms = deployment.client("kms")
    try:
        answer = kms.get_public_key(KeyId=deployment.key_alias_prefix + shop_id)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NotFoundException", "ValidationException"):
            require_shop(deployment, shop_id)
        raise
    return bytes(answer["PublicKey"])


def _rows(deployment: ShopDeployment, shop_id: str, prefix: str) -> Iterator[dict[str, Any]]:
    deserializer = TypeDeserializer()
    for page in _query(deployment, shop_id, prefix):
        for row in page["Items"]:
            yield {name: deserializer.deserialize(value) for name, value in row.items()}


def _query(deployment: ShopDeployment, shop_id: str, prefix: str, **options: str) -> Iterator[dict[str, Any]]:
    paginator = deployment.client("dynamodb").get_paginator("query")
    pages: Iterator[dict[str, Any]] = paginator.paginate(
        TableName=deployment.table_name,
        KeyConditionExpression="shop_id = :shop_id AND begins_with(record_type, :prefix)",
        ExpressionAttributeValues={":shop_id": {"S": shop_id}, ":prefix": {"S": prefix}},
        ConsistentRead=True,
        **options,
    )
    return pages


def _item(row: dict[str, Any]) -> Item:
    return Item(
        item_no=int(row["record_type"].removeprefix("s-")),
        item_description=row["item_description"],
        selling_price=row["selling_price"],
        stock=row["stock"],
        gross_number=row.get("gross_number", Decimal(0)),
        gross_turnover=row.get("gross_turnover", Decimal(0)),
    )


def _key(shop_id: str, record_type: str) -> dict[str, Any]:
    return {"shop_id": {"S": shop_id}, "record_type": {"S": record_type}}
