"""DynamoDB's errors, worded as the service words them.

The wording is that of the service's regions without the newer `1 validation error detected: ` envelope
around the messages of single-item writes: regions differ in it.
"""

from collections.abc import Sequence
from typing import Any

from localstack.aws.api import CommonServiceException
from localstack.aws.api.dynamodb import (
    ConditionalCheckFailedException,
    ResourceNotFoundException,
    TransactionCanceledException,
)

Attributes = dict[str, dict[str, Any]]
"""An item or a key: attribute name to attribute value, as in `{"shop_id": {"S": "AMIS1"}}`."""

CONDITION_FAILED = "The conditional request failed"
KEY_MISMATCH = "The provided key element does not match the schema"
DUPLICATE_KEYS = "Provided list of item keys contains duplicates"
INVALID_VALUES = "One or more parameter values were invalid: "


class ValidationError(CommonServiceException):
    """A `ValidationException` (HTTP 400)."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationException", message, status_code=400, sender_fault=True)


class SchemaError(ValidationError):
    """A key or an index key that the table's schema refuses.

    A transaction reports it as its action's cancellation reason instead of refusing the request.
    """


def resource_not_found(table_name: str | None = None) -> ResourceNotFoundException:
    """Return the error of a table that isn't there; only control-plane operations name the table."""
    suffix = f": Table: {table_name} not found" if table_name else ""
    return ResourceNotFoundException(f"Requested resource not found{suffix}")


def condition_failed(item: Attributes | None) -> ConditionalCheckFailedException:
    """Return the error of a failed condition, with the item if the caller asked for it."""
    error = ConditionalCheckFailedException(CONDITION_FAILED)
    if item:
        error.Item = item  # type: ignore[assignment]
    return error


def transaction_cancelled(reasons: Sequence[dict[str, Any]]) -> TransactionCanceledException:
    """Return the error of a cancelled transaction; `reasons` are in the order of its actions."""
    codes = ", ".join(reason["Code"] for reason in reasons)
    error = TransactionCanceledException(
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    )
    error.CancellationReasons = list(reasons)  # type: ignore[arg-type]
    return error
