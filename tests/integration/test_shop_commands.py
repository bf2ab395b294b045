"""The scripts on a deployed shop, each as a process of its own: what they do and how they end."""

import contextlib
import json
import subprocess
import sys
import threading
from urllib.parse import urlsplit

import letters_of_shop
import pytest
from accept_copy import new_mark
from shop_under_test import Totals, sale

from serverless_harness.project.locate import current
from serverless_harness.stack.existing_endpoint import parse_endpoint
from serverless_harness.waiting import Wait
from shop.orders import Order

pytestmark = pytest.mark.needs("local")

COMMAND_TIMEOUT_S = 300
UNKNOWN_ITEM = 999
"""That no shop has to begin with."""
LINE_OF_EVENT = {
    ("accept", "order"): "DONE: statusCode: 200",
    ("accept", "rubbish"): "DONE: statusCode: 200",
    ("decrypt", "not-base64"): "ERROR: NOT_BASE64",
    ("decrypt", "order"): "DECRYPTED: ",
    ("decrypt", "unknown-shop"): "ERROR: SHOP_UNKNOWN",
    ("process", "invalid-sales"): "ERROR: SALES_INVALID",
    ("process", "order"): "BOOKED: ",
    ("process", "unknown-item"): "ERROR: ITEM_UNKNOWN",
}
"""What the log says of each event that ships."""


@pytest.fixture
def run(deployment):
    """Call it with a command's arguments for what it prints; it must succeed."""
    url = deployment.target.endpoint_url
    is_somebody_elses = deployment.target.state_dir == parse_endpoint(url).state_dir
    where = ("--endpoint", url) if is_somebody_elses else ("--port", str(urlsplit(url).port))

    def run(*arguments):
        result = subprocess.run(
            [sys.executable, "-I", "-m", "serverless_harness", *arguments, *where],
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    return run


def test_orders_of_a_file_are_sent_and_booked(run, shop, tmp_path):
    file = tmp_path / "orders.json"
    file.write_text(Order(sales=[sale(1, 2), sale(2, 1)]).to_json())

    printed = run("send-orders", shop.shop_id, "--file", str(file), "--count", "6", "--clients", "3")

    assert {"sent        6", "accepted    6", "booked      6"} <= set(printed.splitlines())
    assert shop.totals()[1] == Totals(12, 12 * sale(1, 1).gross_turnover, 88)


def test_rubbish_comes_to_nothing_while_other_orders_are_booked(run, shop, api):
    done = threading.Event()
    sent = []

    def send():
        while not done.is_set():
            order = shop.order(sale(1, 1))
            assert api.post(order.body).status_code == 200
            sent.append(order)
            shop.await_booked(order)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        printed = run("send-rubbish", shop.shop_id)
    finally:
        done.set()
        sender.join()

    assert printed.splitlines()[-1] == "0 answers were not as expected, 0 orders booked"
    assert shop.totals()[1].gross_number == len(sent) > 0


def test_status_says_where_the_shop_is_and_what_is_booked(run, deployment):
    printed = run("status")

    assert deployment.invoke_url in printed
    assert all(name in printed for name in deployment.function_names.values())
    assert "AMIS1" in printed
    assert run("status", "--invoke-url") == f"{deployment.invoke_url}\n"


def test_logs_are_printed_of_one_function_or_of_all(run, shop, api, order_log):
    mark = new_mark()
    order = shop.order(sale(1, 1))
    assert api.post(order.body, mark).status_code == 200
    order_log.await_line("process", order.order_id)

    of_accept, of_all = (run("logs", *which, "--since-minutes", "5") for which in (("accept",), ()))

    assert mark in of_accept
    assert order.order_id not in of_accept
    assert f"BOOKED: order_id: {order.order_id}" in of_all


@pytest.mark.parametrize(("function", "event"), LINE_OF_EVENT)
def test_an_event_that_ships_is_invoked_by_its_name(run, function, event):
    printed = run("invoke", function, "--event", event)

    assert printed.startswith("result      success\n")
    assert LINE_OF_EVENT[function, event] in printed


def test_these_are_all_events_that_ship():
    events = current().folder / "shop" / "events"
    assert {(file.parent.name, file.stem) for file in events.glob("*/*.json")} == set(LINE_OF_EVENT)


def test_an_event_of_a_file_is_invoked(run, shop, tmp_path):
    file = tmp_path / "event.json"
    content = {"sales": [{"item_no": 1, "gross_number": 1, "gross_turnover": 2.99}]}
    message = {"order_id": "0" * 63 + "f", "shop_id": shop.shop_id, "decrypted_content": content}
    file.write_text(json.dumps({"Records": [{"Sns": {"Message": message}}]}))

    assert "BOOKED: " in run("invoke", "process", "--event", str(file))
    assert shop.totals()[1].gross_number == 1


@pytest.fixture
def dead_order(shop, api):
    """An order of an item that the shop doesn't have yet."""
    order = shop.order(sale(UNKNOWN_ITEM, 1, "1.00"))
    assert api.post(order.body).status_code == 200
    return order


@pytest.fixture
def letter(shop, dead_order, dead_letters):
    """What became of it; gone after the test."""
    [letter] = letters_of_shop.await_letters(dead_letters, shop)
    assert letter.order_id == dead_order.order_id
    yield letter
    dead_letters.purge(letters_of_shop.of(shop))


@pytest.fixture
def run_until(run):
    """Call it with what is to be printed and a command: another test's look hides letters for a while."""

    def run_until(wanted, *arguments):
        def look():
            with contextlib.suppress(AssertionError):
                printed = run(*arguments)
                return printed if wanted in printed else None

        return Wait(f"'{wanted}' of {' '.join(arguments)}", COMMAND_TIMEOUT_S, interval_s=0.5).until(look)

    return run_until


def test_a_dead_letter_is_listed_shown_and_purged(run, run_until, letter):
    listed = run_until(letter.letter_id[:8], "dead-letters", "list", "--function", "process")
    assert f"order {letter.order_id[:12]}… ITEM_UNKNOWN: " in listed

    shown = run_until(letter.letter_id, "dead-letters", "show", letter.letter_id)
    assert f"order id    {letter.order_id}\n" in shown
    assert shown.endswith(f"message\n{letter.message}\n")

    run_until("1 deleted\n", "dead-letters", "purge", letter.letter_id, "--yes")
    assert letter.letter_id[:8] not in run("dead-letters", "list")


def test_a_dead_letter_is_redriven_and_its_order_booked(run_until, shop, dead_order, letter):
    shop.seed(UNKNOWN_ITEM)

    printed = run_until("1 sent again\n", "dead-letters", "redrive", letter.letter_id)

    assert printed.startswith(letter.letter_id[:8])
    shop.await_booked(dead_order)
    assert shop.totals()[UNKNOWN_ITEM].gross_number == 1


@pytest.mark.usefixtures("faults")
def test_a_fault_is_set_listed_and_cleared(run, shop):
    conditions = ("--service", "kms", "--containing", shop.shop_id, "--first", "3", "--for", "100")
    added = run("fault", "add", "throttle", *conditions)
    fault_id = added.split()[0]
    try:
        assert "throttle" in added
        assert shop.shop_id in added
        assert added in run("fault", "list")
    finally:
        cleared = run("fault", "clear", fault_id)
    assert cleared == added
    assert fault_id not in [line.split()[0] for line in run("fault", "list").splitlines()]


def test_timing_measures_cold_and_warm_and_leaves_the_functions_as_they_were(run, shop, deployment, tmp_path):
    client = deployment.client("lambda")

    def configurations():
        found = [client.get_function_configuration(FunctionName=name) for name in names]
        return [(each["MemorySize"], each["Timeout"], each.get("Description")) for each in found]

    names = sorted(deployment.function_names.values())
    before = configurations()

    run("timing", "--count", "1", "--shop", shop.shop_id, "--output", str(tmp_path))

    report = json.loads((tmp_path / "report.json").read_text())
    measured = {(row["name"], row["temperature"]): row["parts_median_ms"]["init"] for row in report["rows"]}
    assert set(measured) == {
        (name, temperature)
        for name in ("accept", "decrypt", "process", "order")
        for temperature in ("cold", "warm")
    }
    assert all((init_ms > 0) == (temperature == "cold") for (_, temperature), init_ms in measured.items())
    assert (tmp_path / "report.html").read_text().startswith("<!")
    assert configurations() == before
