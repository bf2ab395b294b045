"""Books an order in DynamoDB, once, whole or not at all.

The table's rows of a shop: its items, `s-<item number, five digits>`, and a marker for each order booked,
`o-<order id>`. Markers have no time to live: a cash register may resend an order, and an operator
redrive a dead letter, any time later, and a marker costs little more to keep than its order's log lines.
"""

import random
import time
from typing import Any

from botocore.exceptions import ClientError

from sales import Sale
from shop_clients import create_client
from shop_context import LambdaContext
from shop_messages import PermanentError

MAX_ITEMS = 99
"""A transaction takes 100 actions (AWS's TransactWriteItems reference); one is the marker."""
FIRST_PAUSE_S = 0.02
MAX_PAUSE_S = 0.4
RESERVE_MS = 1_200
"""Time to leave for one more attempt and for reporting its failure."""

dynamodb = create_client("dynamodb", read_timeout_s=2.0)


def book(
    table_name: str, shop_id: str, order_id: str, sales: dict[int, Sale], context: LambdaContext
) -> bool:
    """Book the sales of an order; returns False if that was done before.

    Tries again while another order is on the same items, as long as the function has time; then raises
    that conflict. Raises PermanentError (TOO_MANY_ITEMS, ITEM_UNKNOWN), or ClientError and BotoCoreError to
    be retried.
    """
    if len(sales) > MAX_ITEMS:
        raise PermanentError("TOO_MANY_ITEMS", f"the order has {len(sales)} items, more than {MAX_ITEMS}")
    actions = [_marker(table_name, shop_id, order_id)]
    actions += [_booking(table_name, shop_id, item_no, sale) for item_no, sale in sorted(sales.items())]
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            dynamodb.transact_write_items(TransactItems=actions)
        except dynamodb.exceptions.TransactionCanceledException as error:
            codes = _cancellation_codes(error)
            if codes[0] == "ConditionalCheckFailed":
                return False
            if unknown_items := codes.count("ConditionalCheckFailed"):
                raise PermanentError(
                    "ITEM_UNKNOWN", f"{unknown_items} of {len(sales)} items are not in the shop"
                ) from None
            if "TransactionConflict" not in codes or context.get_remaining_time_in_millis() < RESERVE_MS:
                raise
        else:
            return True
        time.sleep(random.uniform(0, pause_s))
        pause_s = min(2 * pause_s, MAX_PAUSE_S)


def _marker(table_name: str, shop_id: str, order_id: str) -> dict[str, Any]:
    return {
        "Put": {
            "TableName": table_name,
            "Item": _key(shop_id, f"o-{order_id}"),
            "ConditionExpression": "attribute_not_exists(shop_id)",
        }
    }


def _booking(table_name: str, shop_id: str, item_no: int, sale: Sale) -> dict[str, Any]:
    return {
        "Update": {
            "TableName": table_name,
            "Key": _key(shop_id, f"s-{item_no:05}"),
            "UpdateExpression": "ADD gross_number :number, gross_turnover :turnover, stock :minus_number",
            "ConditionExpression": "attribute_exists(shop_id)",
            "ExpressionAttributeValues": {
                ":number": {"N": str(sale.gross_number)},
                ":turnover": {"N": f"{sale.gross_turnover:f}"},
                ":minus_number": {"N": str(-sale.gross_number)},
            },
        }
    }


def _key(shop_id: str, record_type: str) -> dict[str, Any]:
    return {"shop_id": {"S": shop_id}, "record_type": {"S": record_type}}


def _cancellation_codes(error: ClientError) -> list[str]:
    """Return the reason code of each action, in their order (`None`, the string, for one that was fine)."""
    return [reason.get("Code", "None") for reason in error.response["CancellationReasons"]]
