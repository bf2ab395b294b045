"""What an order says was sold: validated, and summed per item."""

from decimal import Decimal
from typing import Any, NamedTuple, TypeGuard

from shop_messages import PermanentError, require_object

MAX_ITEM_NO = 99_999
MAX_GROSS_NUMBER = 10**9
MAX_GROSS_TURNOVER = Decimal(10**12)
MAX_DECIMAL_PLACES = 6
# With these bounds a sum of all that one order can hold, and of 10**18 orders, is exact in the 28 digits of
# Python's default decimal context and the 38 of a DynamoDB number.


class Sale(NamedTuple):
    """`gross_number` pieces of an item, sold for `gross_turnover`; negative ones are returns."""

    gross_number: int
    gross_turnover: Decimal


def read_sales(content: object) -> dict[int, Sale]:
    """Return the sales of `{"sales": [{"item_no": 1, "gross_number": 2, "gross_turnover": 5.98}]}` by item.

    An item that occurs more than once is summed. Unknown fields are ignored.
    Raises PermanentError (NOT_AN_OBJECT, SALES_INVALID); its reason gives positions, not values.
    """
    sales = require_object(content, "decrypted_content").get("sales")
    if not isinstance(sales, list) or not sales:
        raise PermanentError("SALES_INVALID", "sales is not a list with at least one sale")
    totals: dict[int, Sale] = {}
    for position, sale in enumerate(sales):
        item_no, sold = _read_sale(sale, f"sales[{position}]")
        before = totals.get(item_no, Sale(0, Decimal(0)))
        totals[item_no] = Sale(
            before.gross_number + sold.gross_number, before.gross_turnover + sold.gross_turnover
        )
    return totals


def _read_sale(value: object, where: str) -> tuple[int, Sale]:
    sale = require_object(value, where)
    item_no = _read_int(sale, "item_no", 1, MAX_ITEM_NO, where)
    gross_number = _read_int(sale, "gross_number", -MAX_GROSS_NUMBER, MAX_GROSS_NUMBER, where)
    return item_no, Sale(gross_number, _read_amount(sale, "gross_turnover", where))


def _read_int(sale: dict[str, Any], field: str, minimum: int, maximum: int, where: str) -> int:
    value = sale.get(field)
    # Not isinstance: true is no number.
    if type(value) is not int or not minimum <= value <= maximum:
        raise PermanentError(
            "SALES_INVALID", f"{where}.{field} is not an integer from {minimum} to {maximum}"
        )
    return value


def _read_amount(sale: dict[str, Any], field: str, where: str) -> Decimal:
    value = sale.get(field)
    amount = Decimal(value) if type(value) is int else value
    if not _is_amount(amount):
        raise PermanentError(
            "SALES_INVALID",
            f"{where}.{field} is not a number of at most {MAX_DECIMAL_PLACES} decimal places "
            f"from -{MAX_GROSS_TURNOVER} to {MAX_GROSS_TURNOVER}",
        )
    return amount


def _is_amount(value: object) -> TypeGuard[Decimal]:
    if not isinstance(value, Decimal):
        return False
    exponent = value.as_tuple().exponent
    # Compared before it is computed with: 0E+999999 is a zero that takes a million digits to write.
    return (
        isinstance(exponent, int)  # it is a letter where the value is not finite
        and -MAX_DECIMAL_PLACES <= exponent <= MAX_GROSS_TURNOVER.adjusted()
        and value.copy_abs() <= MAX_GROSS_TURNOVER
    )
