"""Tables, queues and topics: what is in them, without taking anything."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from werkzeug import Request

from serverless_harness.console.overview import read_queues
from serverless_harness.console.source import MAX_READ, Source, known
from serverless_harness.console.view import View
from serverless_harness.stack.queue_contents import messages_in

MAX_ITEMS = 100
MAX_MESSAGES = 200


@dataclass(frozen=True)
class DataPages:
    """The list of tables, queues and topics, and each of their pages."""

    source: Source

    def page(self, _request: Request) -> View:
        """List them."""
        values = {
            "tables": known(self._tables),
            "queues": known(lambda: read_queues(self.source)),
            "topics": known(self._topics),
        }
        return View("data", values, "Data")

    def table(self, request: Request, region: str, name: str) -> View:
        """Show the first items of a table, the keys' columns first."""
        client = self.source.client("dynamodb", region)
        table = client.describe_table(TableName=name)["Table"]
        items = known(lambda: self._items(client, name))
        keys = [each["AttributeName"] for each in table["KeySchema"]]
        values = {"region": region, "table": table, "keys": keys, "items": items}
        return View("table", values | {"max_items": MAX_ITEMS}, name)

    def queue(self, request: Request) -> View:
        """Show a queue's messages, those in flight and delayed included."""
        region, url = request.args.get("region") or self.source.target.region, request.args.get("url", "")
        attributes = self.source.client("sqs", region).get_queue_attributes(
            QueueUrl=url, AttributeNames=["All"]
        )
        messages = known(lambda: messages_in(self.source.local, url, region, MAX_READ))
        values = {
            "region": region,
            "url": url,
            "name": url.rpartition("/")[2],
            "attributes": attributes.get("Attributes", {}),
            "messages": messages,
            "max_messages": MAX_MESSAGES,
        }
        return View("queue", values, values["name"])

    def topic(self, request: Request) -> View:
        """Show a topic's subscriptions; a topic holds no messages."""
        region, arn = request.args.get("region") or self.source.target.region, request.args.get("arn", "")
        pages = self.source.client("sns", region).get_paginator("list_subscriptions_by_topic")
        subscriptions = [each for page in pages.paginate(TopicArn=arn) for each in page["Subscriptions"]]
        name = arn.rpartition(":")[2]
        return View("topic", {"arn": arn, "name": name, "subscriptions": subscriptions}, name)

    def _tables(self) -> list[tuple[str, Mapping[str, Any]]]:
        return [
            (region, self.source.client("dynamodb", region).describe_table(TableName=name)["Table"])
            for region, name in self.source.each("dynamodb", "list_tables", "TableNames")
        ]

    def _items(self, client: Any, name: str) -> list[Mapping[str, Any]]:  # noqa: ANN401 (boto3)
        read = TypeDeserializer().deserialize
        found = client.scan(TableName=name, Limit=MAX_ITEMS)["Items"]
        return [{attribute: read(value) for attribute, value in item.items()} for item in found]

    def _topics(self) -> list[tuple[str, str]]:
        return [
            (region, each["TopicArn"]) for region, each in self.source.each("sns", "list_topics", "Topics")
        ]
