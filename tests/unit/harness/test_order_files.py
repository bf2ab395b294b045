"""Orders: exact decimals from file to wire, split to what one encryption holds."""

import itertools
import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from shop.orders import MAX_PLAINTEXT_BYTES, Order, Sale, load_orders, split

SALES = st.builds(
    Sale,
    item_no=st.integers(1, 99_999),
    gross_number=st.integers(-(10**9), 10**9),
    gross_turnover=st.integers(0, 6).flatmap(lambda places: st.decimals(-(10**12), 10**12, places=places)),
)
ORDERS = st.builds(Order, sales=st.lists(SALES, min_size=1, max_size=60))


@given(ORDERS)
def test_what_is_written_reads_back_digit_for_digit(order):
    written = json.loads(order.to_json(), parse_float=Decimal, parse_int=Decimal)
    assert [sale["gross_turnover"] for sale in written["sales"]] == [
        sale.gross_turnover for sale in order.sales
    ]
    assert [int(sale["item_no"]) for sale in written["sales"]] == [sale.item_no for sale in order.sales]


@given(ORDERS)
def test_parts_fit_and_hold_all_sales_in_their_sequence(order):
    parts = list(split(order))
    assert all(len(part.to_json().encode()) <= MAX_PLAINTEXT_BYTES for part in parts)
    assert [sale for part in parts for sale in part.sales] == order.sales


@given(ORDERS)
def test_no_two_neighbouring_parts_would_fit_into_one(order):
    parts = list(split(order))
    for first, second in itertools.pairwise(parts):
        longer = Order(sales=[*first.sales, second.sales[0]])
        assert len(longer.to_json()) > MAX_PLAINTEXT_BYTES


def test_an_order_of_exactly_the_limit_is_not_split():
    sales = [Sale(item_no=1, gross_number=1, gross_turnover=Decimal(1)) for _ in range(8)]
    room = MAX_PLAINTEXT_BYTES - len(Order(sales=sales).to_json())
    for position in range(8):
        digits = min(room, 12)
        room -= digits
        sales[position] = Sale(item_no=1, gross_number=1, gross_turnover=Decimal(10**digits))
    order = Order(sales=sales)
    assert len(order.to_json()) == MAX_PLAINTEXT_BYTES
    assert list(split(order)) == [order]
    sales[-1] = Sale(item_no=10, gross_number=1, gross_turnover=sales[-1].gross_turnover)
    assert len(list(split(Order(sales=sales)))) == 2


def test_a_turnover_that_no_float_can_hold_survives(tmp_path):
    file = tmp_path / "order.json"
    file.write_text('{"sales": [{"item_no": 1, "gross_number": 1, "gross_turnover": 123456789012.345678}]}')
    (order,) = load_orders(file)
    assert '"gross_turnover":123456789012.345678}' in order.to_json()


def test_a_turnover_in_whole_euros_is_an_amount(tmp_path):
    file = tmp_path / "order.json"
    file.write_text('[{"sales": [{"item_no": 1, "gross_number": 1, "gross_turnover": 6}]}]')
    assert load_orders(file)[0].sales[0].gross_turnover == Decimal(6)


def test_the_samples_are_orders_that_fit():
    orders = load_orders()
    assert len(orders) > 1
    assert all(list(split(order)) == [order] for order in orders)
