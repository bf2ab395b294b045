"""What the provider keeps besides moto's tables, for each account and region."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from localstack.services.stores import AccountRegionBundle, BaseStore, LocalAttribute

from serverless_harness.emulator.dynamodb.streams import Streams
from serverless_harness.emulator.dynamodb.transactions import Tokens


@dataclass(slots=True)
class TableFacts:
    """What AWS tells of a table and moto doesn't keep."""

    table_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    on_demand_since: datetime | None = None
    """When the billing mode last became PAY_PER_REQUEST."""
    throughput_increased_at: datetime | None = None
    throughput_decreased_at: datetime | None = None
    table_class: str | None = None
    table_class_updated_at: datetime | None = None
    on_demand_throughput: dict[str, Any] | None = None
    index_on_demand: dict[str, dict[str, Any]] = field(default_factory=dict)
    """OnDemandThroughput by index name."""
    warm_throughput: dict[str, Any] | None = None
    index_warm: dict[str, dict[str, Any]] = field(default_factory=dict)
    """WarmThroughput by index name."""
    recovery_period_days: int = 35
    recoverable_since: datetime | None = None
    """Since when point-in-time recovery is on."""


class DynamoDbMotoStore(BaseStore):
    """One account's and region's state; a table's facts go by its name."""

    table_facts: dict[str, TableFacts] = LocalAttribute(default=dict)  # type: ignore[assignment]
    transaction_tokens: Tokens = LocalAttribute(default=dict)  # type: ignore[assignment]
    imports: dict[str, dict[str, Any]] = LocalAttribute(default=dict)  # type: ignore[assignment]
    """Imports by their ARN, oldest first, as DescribeImport tells of them."""
    exports: dict[str, dict[str, Any]] = LocalAttribute(default=dict)  # type: ignore[assignment]
    """Exports by their ARN, oldest first, as DescribeExport tells of them."""
    streams: Streams = LocalAttribute(default=dict)  # type: ignore[assignment]


dynamodb_moto_stores = AccountRegionBundle("dynamodb", DynamoDbMotoStore)


def now() -> datetime:
    """Return the time in the form of API timestamps."""
    return datetime.now(tz=UTC)
