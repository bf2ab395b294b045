"""What cash registers sell: sales as exact decimals, read from JSON, written as JSON, split to what fits."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from serverless_harness import paths
from serverless_harness.errors import UserError
from serverless_harness.json_files import read_json

SAMPLE_ORDERS = Path(__file__).parent / "samples" / "orders.json"
MAX_PLAINTEXT_BYTES = 446
"""What RSA_4096 with OAEP and SHA-256 can hold: 512 - 2 * 32 - 2 bytes (RFC 8017, 7.1.1)."""
MAX_GROSS_NUMBER = 10**9
MAX_GROSS_TURNOVER = Decimal(10**12)
MAX_DECIMAL_PLACES = 6
"""The shop takes no more (handlers/process/sales.py)."""


def _as_the_shop_takes_it(amount: Decimal) -> Decimal:
    exponent = amount.as_tuple().exponent
    assert isinstance(exponent, int)
    if (
        -MAX_DECIMAL_PLACES <= exponent <= MAX_GROSS_TURNOVER.adjusted()
        and amount.copy_abs() <= MAX_GROSS_TURNOVER
    ):
        return amount
    raise PydanticCustomError(
        "amount",
        f"not a number of at most {MAX_DECIMAL_PLACES} decimal places from -{MAX_GROSS_TURNOVER} "
        f"to {MAX_GROSS_TURNOVER}",
    )


class Sale(BaseModel):
    """`gross_number` pieces of an item sold for `gross_turnover`; negative ones are returns."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    item_no: Annotated[int, Field(ge=1, le=99_999)]
    gross_number: Annotated[int, Field(ge=-MAX_GROSS_NUMBER, le=MAX_GROSS_NUMBER)]
    gross_turnover: Annotated[Decimal, Field(allow_inf_nan=False), AfterValidator(_as_the_shop_takes_it)]

    def to_json(self) -> str:
        """Write the sale as JSON, its turnover digit for digit."""
        return (
            f'{{"item_no":{self.item_no},"gross_number":{self.gross_number},'
            f'"gross_turnover":{self.gross_turnover:f}}}'
        )


class Order(BaseModel):
    """An order as it is before encryption."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    sales: Annotated[list[Sale], Field(min_length=1)]

    def to_json(self) -> str:
        """Write the order as compact JSON."""
        return f'{{"sales":[{",".join(sale.to_json() for sale in self.sales)}]}}'


def load_orders(file: Path = SAMPLE_ORDERS) -> list[Order]:
    """Read an order or a list of orders; raises UserError that says what is wrong, and where."""
    content = read_json(file)
    orders = content if isinstance(content, list) else [content]
    if not orders:
        raise UserError(f"{paths.shown(file)} contains no order")
    try:
        return TypeAdapter(list[Order]).validate_python([_with_decimal_turnover(order) for order in orders])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(
            f"{paths.shown(file)} contains an order that is not valid: {where}: {first['msg']}"
        ) from None


def split(order: Order, max_bytes: int = MAX_PLAINTEXT_BYTES) -> Iterator[Order]:
    """Split an order into as few as fit into `max_bytes` each, its sales in their sequence.

    A sale alone always fits: its numbers have few digits.
    """
    part: list[Sale] = []
    for sale in order.sales:
        if part and not _fits([*part, sale], max_bytes):
            yield Order(sales=part)
            part = []
        part.append(sale)
    yield Order(sales=part)


def _fits(sales: Sequence[Sale], max_bytes: int) -> bool:
    return len(Order.model_construct(sales=list(sales)).to_json()) <= max_bytes


def _with_decimal_turnover(order: object) -> object:
    """A turnover without a fraction is an amount too; JSON readers give it as an integer."""
    if not isinstance(order, dict) or not isinstance(order.get("sales"), list):
        return order
    return {**order, "sales": [_decimal_sale(sale) for sale in order["sales"]]}


def _decimal_sale(sale: object) -> object:
    if isinstance(sale, dict) and type(sale.get("gross_turnover")) is int:
        return {**sale, "gross_turnover": Decimal(sale["gross_turnover"])}
    return sale
