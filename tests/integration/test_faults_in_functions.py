"""Functions that are killed, hang or run out of memory: the order is booked exactly once, or a letter."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from letters_of_shop import await_letters, of
from shop_under_test import STOCK, UNTOUCHED, Totals, sale

BOOKED = {1: Totals(2, Decimal("5.98"), STOCK - 2), 2: UNTOUCHED, 3: UNTOUCHED}
REPORTED = {
    "kill": "Status: error\tError Type: Runtime.ExitError",
    "exhaust-memory": "Status: error\tError Type: Runtime.ExitError",
    "hang": "Status: timeout",
}


@pytest.fixture
def order(shop):
    return shop.order(sale(1, 2))


def make_cold(deployment, function):
    """Have the next invoke start a new environment."""
    client = deployment.client("lambda")
    name = deployment.function_name(function)
    client.update_function_configuration(FunctionName=name, Description=f"cold for a test of {function}")
    client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    client.update_function_configuration(FunctionName=name, Description="")
    client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})


@pytest.mark.parametrize("function", ["decrypt", "process"])
@pytest.mark.parametrize("effect", ["kill", "hang", "exhaust-memory"])
def test_order_survives_the_end_of_its_function(
    deployment, fault, shop, api, order, order_log, effect, function
):
    name = deployment.function_name(function)
    struck = fault(effect, function=name, containing=shop.shop_id, first_calls=1)

    assert api.post(order.body).status_code == 200

    shop.await_booked(order)
    assert struck.now().injected == 1
    assert shop.totals() == BOOKED
    order_log.await_lines(function, "REPORT", REPORTED[effect])


@pytest.mark.parametrize("effect", ["kill", "exhaust-memory"])
@pytest.mark.parametrize("function", ["decrypt", "process"])
def test_order_survives_an_init_that_ends(deployment, fault, shop, api, order, order_log, effect, function):
    struck = fault(effect, function=deployment.function_name(function), phase="init", first_calls=1)
    make_cold(deployment, function)

    assert api.post(order.body).status_code == 200

    shop.await_booked(order)
    assert struck.now().injected == 1
    assert shop.totals() == BOOKED
    order_log.await_lines(function, "INIT_REPORT", "Runtime.ExitError")


def test_order_survives_an_init_that_hangs(deployment, fault, shop, api, order, order_log):
    struck = fault("hang", function=deployment.function_name("process"), phase="init", first_calls=1)
    make_cold(deployment, "process")

    assert api.post(order.body).status_code == 200

    shop.await_booked(order)
    assert struck.now().injected == 1
    assert shop.totals() == BOOKED
    order_log.await_lines("process", "INIT_REPORT", "Status: timeout")


def test_kill_in_the_middle_of_the_booking_counts_once(deployment, fault, shop, api):
    """Each of these is killed at another moment, before, in or after its transaction."""
    name = deployment.function_name("process")
    orders = [shop.order(sale(1, 1)) for _ in range(8)]

    for number, order in enumerate(orders):
        fault("kill", function=name, containing=order.order_id, first_calls=1, delay_ms=number * 4)
        assert api.post(order.body).status_code == 200

    shop.await_booked(*orders)
    assert shop.totals()[1] == Totals(8, Decimal("23.92"), STOCK - 8)


def test_order_that_kills_its_function_each_time_is_a_dead_letter(
    deployment, fault, shop, api, order, dead_letters
):
    name = deployment.function_name("process")
    struck = fault("kill", function=name, containing=shop.shop_id, expires_in_s=600)

    assert api.post(order.body).status_code == 200

    [letter] = await_letters(dead_letters, shop)
    assert struck.clear().injected == 3
    assert (letter.writer, letter.function, letter.attempts) == ("lambda", "process", 3)
    assert letter.reason.startswith("Runtime.ExitError: ")
    assert letter.reason.endswith("signal: killed")
    assert letter.order_id == order.order_id
    assert shop.totals()[1] == UNTOUCHED

    dead_letters.redrive(of(shop))

    shop.await_booked(order)
    assert shop.totals() == BOOKED


def test_update_while_orders_are_under_way_loses_none(deployment, fault, shop):
    fault("delay", service="dynamodb", operation="TransactWriteItems", containing=shop.shop_id, delay_ms=300)
    orders = [shop.order(sale(1, 1)) for _ in range(24)]

    with ThreadPoolExecutor(1) as beside:
        sending = beside.submit(shop.send, *orders)
        make_cold(deployment, "process")
        make_cold(deployment, "decrypt")
        sending.result()

    shop.await_booked(*orders)
    assert shop.totals()[1] == Totals(24, Decimal("71.76"), STOCK - 24)
