"""Two ways to fail that an operator can tell apart: accept can't publish, and accept itself breaks."""

import socket

import pytest
from accept_copy import new_mark
from shop_under_test import sale

NOT_OK = "NotOK: retry later, admins: see cloudwatch logs for error"
OF_API_GATEWAY = {"message": "Internal server error"}


@pytest.fixture
def sns_down(accept_with, deployment):
    """accept before a topic that is gone."""
    topic_arn = deployment.outputs["topic_arns"]["to_decrypt"]
    return accept_with(to_decrypt_topic_arn=f"{topic_arn}-gone")


@pytest.fixture
def sns_unreachable(accept_with, deployment):
    """accept where nobody listens at SNS's address."""
    return accept_with(
        to_decrypt_topic_arn=deployment.outputs["topic_arns"]["to_decrypt"],
        AWS_ENDPOINT_URL_SNS="http://127.0.0.1:9",
    )


@pytest.fixture
def sns_hanging(accept_with, deployment):
    """accept where whoever listens at SNS's address never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield accept_with(
            to_decrypt_topic_arn=deployment.outputs["topic_arns"]["to_decrypt"],
            AWS_ENDPOINT_URL_SNS=f"http://127.0.0.1:{server.getsockname()[1]}",
        )


@pytest.fixture
def crashing(accept_with):
    """accept without its setting, so that it does not even start."""
    return accept_with()


@pytest.mark.parametrize("down", ["sns_down", "sns_unreachable", "sns_hanging"])
def test_order_that_cannot_be_published_is_answered_in_the_shops_words(down, request, shop, order_log):
    mark = new_mark()
    order = shop.order(sale(1, 1))

    answer = request.getfixturevalue(down).api.post_once(order.body, mark)

    assert (answer.status_code, answer.json()) == (500, NOT_OK)
    assert answer.headers["content-type"] == "application/json"
    done = order_log.await_line("accept", "DONE", mark)
    assert done.message.startswith("DONE: statusCode: 500")
    assert NOT_OK in done.message
    in_stream = [event.message for event in order_log.lines("accept", "ERROR") if event.stream == done.stream]
    assert any(message.startswith("ERROR: ") for message in in_stream)
    assert shop.booked([order]) == set()


def test_same_order_is_booked_once_the_topic_is_back(sns_down, api, shop):
    order = shop.order(sale(1, 1))
    assert sns_down.api.post_once(order.body).status_code == 500

    assert api.post(order.body).status_code == 200

    shop.await_booked(order)
    assert shop.totals()[1].gross_number == 1


def test_order_that_no_dead_letter_could_hold_is_not_accepted(api, shop, order_log):
    mark = new_mark()
    order = shop.order(sale(1, 1))
    body = order.body.replace(b"{", b'{"comment": "' + b"x" * 125_000 + b'", ', 1)

    answer = api.post_once(body, mark)

    assert (answer.status_code, answer.json()) == (500, NOT_OK)
    done = order_log.await_line("accept", "DONE: statusCode: 500", mark)
    in_stream = [event.message for event in order_log.lines("accept", "ERROR") if event.stream == done.stream]
    assert any(message.startswith("ERROR: EventTooLargeError: ") for message in in_stream)
    assert shop.booked([order]) == set()


def test_crash_of_accept_is_answered_in_api_gateways_words(crashing, shop, order_log):
    order = shop.order(sale(1, 1))

    answer = crashing.api.post_once(order.body)

    assert (answer.status_code, answer.json()) == (502, OF_API_GATEWAY)
    order_log.await_lines("accept", "KeyError", "to_decrypt_topic_arn")
    assert shop.booked([order]) == set()


def test_crash_leaves_the_shop_itself_alone(crashing, api, shop):
    assert crashing.api.post_once(b"{}").status_code == 502
    order = shop.order(sale(1, 1))

    assert api.post(order.body).status_code == 200

    shop.await_booked(order)
