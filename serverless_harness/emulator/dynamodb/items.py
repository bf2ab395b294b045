"""Items as they are kept: whole, never changed in place."""

from functools import cached_property
from typing import Any

from moto.dynamodb.models.dynamo_type import DynamoType, Item

from serverless_harness.emulator.dynamodb.errors import Attributes
from serverless_harness.emulator.dynamodb.values import item_size_bytes, to_json


class StoredItem(Item):
    """An item in moto's table; moto's own code (PartiQL, backups, exports) reads it as one of its own."""

    def __new__(cls, *_: Any) -> "StoredItem":  # noqa: ANN401
        # moto's BaseModel would keep every instance alive in a list until the service is reset.
        return object.__new__(cls)

    def __init__(self, hash_key: DynamoType, range_key: DynamoType | None, attributes: Attributes) -> None:
        self.hash_key = hash_key
        self.range_key = range_key
        self.attributes = attributes

    @cached_property
    def size_bytes(self) -> int:
        """The item's size as DynamoDB counts it."""
        return item_size_bytes(self.attributes)

    @property
    def attrs(self) -> dict[str, Any]:  # type: ignore[override]
        """The attributes in moto's types."""
        return {name: DynamoType(value) for name, value in to_json(self.attributes).items()}

    def to_json(self, root_attr_name: str = "Attributes") -> dict[str, Any]:
        return {root_attr_name: to_json(self.attributes)}

    def size(self) -> int:
        return self.size_bytes
