"""Orders end to end: from the register's HTTP request to the booking."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

from shop_under_test import CLIENTS, PRICES, STOCK, UNTOUCHED, Totals, sale

from shop.orders import MAX_PLAINTEXT_BYTES, Order


def test_order_is_accepted_and_booked(shop, api):
    order = shop.order(sale(1, 2))

    answer = api.post(order.body)

    assert (answer.status_code, answer.json()) == (200, "OK")
    assert answer.headers["content-type"] == "application/json"
    shop.await_booked(order)
    assert shop.totals() == {1: Totals(2, Decimal("5.98"), STOCK - 2), 2: UNTOUCHED, 3: UNTOUCHED}


def test_order_of_several_items_books_each(shop, api):
    order = shop.order(sale(1, 1), sale(2, 30), sale(3, 2), sale(2, 3))

    assert api.post(order.body).status_code == 200

    shop.await_booked(order)
    assert shop.totals() == {
        1: Totals(1, Decimal("2.99"), STOCK - 1),
        2: Totals(33, Decimal("3.30"), STOCK - 33),
        3: Totals(2, Decimal("2499.90"), STOCK - 2),
    }


def test_largest_order_that_rsa_holds_is_booked(shop, api):
    empty = len(Order(sales=[sale(2, 1)]).to_json()) + len(',{"item_no":2,')
    sales = [sale(2, 1)] * (MAX_PLAINTEXT_BYTES // empty)
    padding = MAX_PLAINTEXT_BYTES - len(Order(sales=sales).to_json())
    content = Order(sales=sales).to_json() + " " * padding
    order = shop.register.encrypt_bytes(content.encode())
    assert len(content) == MAX_PLAINTEXT_BYTES

    assert api.post(order.body).status_code == 200

    shop.await_booked(order)
    assert shop.totals()[2].gross_number == len(sales)


def test_fields_that_the_shop_does_not_know_are_ignored(shop, api):
    order = shop.order_of({"sales": [{"item_no": 1, "gross_number": 1, "gross_turnover": 3, "till": 4}]})
    body = order.body.replace(b"{", b'{"register": {"no": 7}, "sent_at": null, ', 1)

    assert api.post(body).status_code == 200

    shop.await_booked(order)
    assert shop.totals()[1] == Totals(1, Decimal(3), STOCK - 1)


def test_stock_may_go_below_nothing(shop, api):
    order = shop.order(sale(1, STOCK + 1))

    assert api.post(order.body).status_code == 200

    shop.await_booked(order)
    assert shop.totals()[1].stock == -1


def test_returned_goods_are_booked_back(shop, api):
    orders = [shop.order(sale(1, 3)), shop.order(sale(1, -1))]

    for order in orders:
        assert api.post(order.body).status_code == 200

    shop.await_booked(*orders)
    assert shop.totals()[1] == Totals(2, Decimal("5.98"), STOCK - 2)


def test_shops_order_at_once_and_stay_apart(open_shop):
    shops = [open_shop(own_key=True), open_shop(own_key=True), open_shop()]
    orders = {
        shop: [shop.order(sale(item_no, number)) for item_no in PRICES]
        for number, shop in enumerate(shops, 1)
    }

    shops[0].send(*(order for of_shop in zip(*orders.values(), strict=True) for order in of_shop))

    for number, shop in enumerate(shops, 1):
        shop.await_booked(*orders[shop])
        assert shop.totals() == {
            item_no: Totals(number, price * number, STOCK - number) for item_no, price in PRICES.items()
        }


def test_hundred_orders_of_one_shop_add_up_to_the_cent(shop):
    sales = [
        [sale(1, number % 7 + 1, f"{number}.{number % 100:02}"), sale(2, 1), sale(1, 1, "0.01")]
        for number in range(1, 101)
    ]
    orders = [shop.order(*of_order) for of_order in sales]

    shop.send(*orders)

    shop.await_booked(*orders)
    number = sum(sold.gross_number for of_order in sales for sold in of_order if sold.item_no == 1)
    turnover = sum(sold.gross_turnover for of_order in sales for sold in of_order if sold.item_no == 1)
    assert shop.totals() == {
        1: Totals(number, turnover, STOCK - number),
        2: Totals(100, Decimal("10.00"), 0),
        3: UNTOUCHED,
    }


def test_order_sent_again_is_booked_once(shop, api, order_log):
    order = shop.order(sale(1, 2))
    api.post(order.body)
    shop.await_booked(order)
    once = shop.totals()

    answer = api.post(order.body)

    assert (answer.status_code, answer.json()) == (200, "OK")
    order_log.await_lines("process", "ALREADY BOOKED", order.order_id)
    assert shop.totals() == once


def test_order_delivered_many_times_at_once_is_booked_once(shop, api, order_log):
    order = shop.order(sale(1, 2), sale(2, 5))

    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = list(clients.map(api.post, [order.body] * 10))

    assert [answer.status_code for answer in answers] == [200] * 10
    order_log.await_lines("process", "BOOKED", order.order_id, count=10)
    assert shop.totals()[1] == Totals(2, Decimal("5.98"), STOCK - 2)
    assert shop.totals()[2] == Totals(5, Decimal("0.50"), STOCK - 5)


def test_same_sales_in_another_ciphertext_are_another_order(shop, api):
    orders = [shop.order(sale(1, 1)), shop.order(sale(1, 1))]

    for order in orders:
        api.post(order.body)

    shop.await_booked(*orders)
    assert shop.totals()[1].gross_number == 2
