"""What the sales' tests share; `stack`, `outputs`, `eventually`, … come with the harness."""

import secrets

import httpx
import pytest


@pytest.fixture(scope="session")
def api(stack):
    """A client of the deployed API."""
    with httpx.Client(base_url=stack.url(), timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture
def shop():
    """A shop that no other test sells in."""
    return f"shop-{secrets.token_hex(4)}"


@pytest.fixture
def item(stack, outputs):
    """Reads an item of the table by its id."""
    dynamodb = stack.client("dynamodb")

    def item(item_id):
        key = {"id": {"S": item_id}}
        return dynamodb.get_item(TableName=outputs["table_name"], Key=key, ConsistentRead=True).get("Item")

    return item


@pytest.fixture
def sell(api):
    """Sends a sale; returns its id."""

    def sell(shop, number, cents):
        sale = {"id": f"{shop}-{number}", "shop": shop, "cents": cents}
        answer = api.post("sales", json=sale)
        assert answer.status_code == 202, answer.text
        return sale["id"]

    return sell
