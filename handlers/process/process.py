"""process: books a decrypted order.

It logs an order's id, its shop and counts; never what is in it.
"""

import os
import re
from typing import Any

from booking import book
from sales import read_sales
from shop_context import LambdaContext
from shop_dead_letters import handle_records
from shop_messages import PermanentError, parse_json, require_object, require_shop_id, require_text

ORDER_ID = re.compile(r"[0-9a-f]{64}")

table_name = os.environ["table_name"]


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Handle an SNS event of `to_process`."""
    handle_records(event, context, process_order)


def process_order(message: str, context: LambdaContext) -> None:
    """Book one `{"order_id", "shop_id", "decrypted_content"}`.

    Raises PermanentError, or ClientError/BotoCoreError to be retried.
    """
    order = require_object(parse_json(message, "message"), "message")
    order_id = require_text(order, "order_id")
    if not ORDER_ID.fullmatch(order_id):
        raise PermanentError("FIELD_INVALID", "field order_id is not a SHA-256 in hexadecimal")
    shop_id = require_shop_id(order)
    of_order = f"order_id: {order_id}, shop_id: {shop_id}"
    try:
        sales = read_sales(read_content(order))
        is_new = book(table_name, shop_id, order_id, sales, context)
    except PermanentError as error:
        raise PermanentError(error.reason_code, f"{error.reason}, {of_order}") from None
    print(f"{'BOOKED' if is_new else 'ALREADY BOOKED'}: {of_order}, items: {len(sales)}")


def read_content(order: dict[str, Any]) -> object:
    """Return `decrypted_content` as JSON: a string as decrypt sends it, or the object that it would hold."""
    if "decrypted_content" not in order:
        raise PermanentError("FIELD_MISSING", "field decrypted_content is missing")
    content = order["decrypted_content"]
    return parse_json(content, "decrypted_content") if isinstance(content, str) else content
