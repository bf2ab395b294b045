"""What the notes' tests share. The fixtures `stack`, `outputs`, `eventually`, … come with the harness."""

import secrets

import httpx
import pytest


@pytest.fixture(scope="session")
def api(stack):
    """A client of the deployed API."""
    with httpx.Client(base_url=stack.url(), timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture
def title():
    """A title that no other test has, so that tests can run side by side."""
    return f"Note {secrets.token_hex(4)}"


@pytest.fixture
def table(stack, outputs):
    """Reads a note as it is in the table."""
    dynamodb = stack.client("dynamodb")

    def table(note_id):
        key = {"id": {"S": note_id}}
        return dynamodb.get_item(TableName=outputs["table_name"], Key=key, ConsistentRead=True).get("Item")

    return table
