"""What operators read in CloudWatch, and what they must not find there."""

import json
import re

import pytest
from accept_copy import MARK_HEADER, new_mark
from order_log import event_of
from shop_under_test import sale

FUNCTIONS = ("accept", "decrypt", "process")
STREAM = re.compile(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}")


def test_accept_logs_the_event_and_its_answer(shop, api, order_log, deployment):
    mark = new_mark()
    order = shop.order(sale(1, 1))

    api.post(order.body, mark)

    begin = order_log.await_line("accept", "BEGIN", mark)
    event = event_of(begin.message)
    assert (event["httpMethod"], event["path"], event["body"]) == ("POST", "/shop", order.body.decode())
    assert event["requestContext"]["stage"] == deployment.outputs["stage"]
    assert {name.lower(): value for name, value in event["headers"].items()}[MARK_HEADER] == mark
    done = order_log.await_line("accept", "DONE", mark)
    assert done.message.startswith("DONE: statusCode: 200, message: OK, ")
    assert json.dumps(event) in done.message
    assert re.search(r"remaining_time_ms: [12]\d\d\d, memory_limit_mb: 128, ", done.message)
    assert f"log_group: /aws/lambda/{deployment.function_name('accept')}" in done.message
    assert f"log_stream: {done.stream}" in done.message
    assert begin.stream == done.stream
    assert STREAM.fullmatch(done.stream)


def test_an_orders_way_can_be_read_from_the_logs(shop, api, order_log):
    mark = new_mark()
    order = shop.order(sale(1, 1), sale(2, 1))

    api.post(order.body, mark)

    assert order_log.message_id(mark)
    of_order = f"order_id: {order.order_id}, shop_id: {shop.shop_id}"
    decrypted = order_log.await_line("decrypt", order.order_id)
    assert decrypted.message.strip() == f"DECRYPTED: {of_order}"
    booked = order_log.await_line("process", order.order_id)
    assert booked.message.strip() == f"BOOKED: {of_order}, items: 2"
    assert decrypted.timestamp_ms <= booked.timestamp_ms


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_invocation_is_framed_by_lambdas_own_lines(shop, api, order_log, function):
    order = shop.order(sale(1, 1))
    api.post(order.body)
    shop.await_booked(order)

    reports = order_log.await_lines(function, "REPORT RequestId")

    for report in reports:
        request_id = report.message.split()[2]
        kinds = [
            event.message.split()[0]
            for event in order_log.lines(function, request_id)
            if event.message.startswith(("START", "END", "REPORT"))
        ]
        # An event that Lambda retries has the same id each time.
        assert kinds
        assert kinds == ["START", "END", "REPORT"] * (len(kinds) // 3)
        assert "Memory Size: 128 MB" in report.message


def test_logs_hold_nothing_of_what_was_sold(shop, api, order_log):
    secret = "8150471.13"
    good = shop.order(sale(1, 1, secret))
    bad = shop.order_of({"sales": [{"item_no": 1, "gross_number": 1, "gross_turnover": secret}]})
    for order in (good, bad):
        api.post(order.body)
        order_log.await_lines("process", order.order_id)

    for function in ("decrypt", "process"):
        text = "\n".join(event.message for event in order_log.lines(function))
        assert good.order_id in text
        assert secret not in text
        assert 'gross_turnover":' not in text
        for order in (good, bad):
            assert json.loads(order.body)["content_base64"][:40] not in text


def test_log_groups_keep_lines_for_as_long_as_terraform_says(deployment):
    logs = deployment.client("logs")
    for function in FUNCTIONS:
        name = f"/aws/lambda/{deployment.function_name(function)}"
        [group] = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        assert group["retentionInDays"] == 14
