"""The way of an order through the stack, as the emulator records it."""

import pytest
from shop_under_test import sale

from serverless_harness.functions import traces
from serverless_harness.targets import LocalTarget

pytestmark = pytest.mark.needs("local")

TIMEOUT_S = 240
"""Lambda retries after one and after two more minutes."""
FUNCTIONS = ("accept", "decrypt", "process")


@pytest.fixture
def order(shop):
    return shop.order(sale(1, 2))


@pytest.fixture
def way_of(api, trace):
    """Call it with an order to send it, and for its way once it is booked."""

    def way_of(order):
        answer = api.post(order.body)
        assert answer.status_code == 200
        return trace(
            answer.headers["x-amzn-trace-id"],
            timeout_s=TIMEOUT_S,
            until=lambda way: any(each.status == "ok" for each in way.invokes("process")),
        )

    return way_of


def parents_of(way):
    names = {span.span_id: span for span in way.spans}
    return lambda span: names[span.parent_id]


def test_an_order_goes_from_the_api_to_the_table(way_of, order, trace, deployment):
    way = way_of(order)

    way.assert_functions(*FUNCTIONS)
    way.assert_services(
        "apigateway", "lambda", "sns", "lambda", "kms", "sns", "lambda", "dynamodb"
    ).assert_no_errors()
    first = way.spans[0]
    assert (first.kind, first.name.partition(" ")[0], first.status) == ("request", "POST", "200")
    parent_of = parents_of(way)
    [booking] = way.of("call", "dynamodb", "TransactWriteItems")
    assert booking.resource == deployment.outputs["table_name"]
    process = parent_of(booking)
    assert process.name == deployment.function_name("process")
    event = parent_of(process)
    assert (event.kind, event.name, event.status) == ("delivery", "event", "delivered")
    invoke = parent_of(event)
    assert (invoke.service, invoke.name) == ("lambda", "Invoke")
    message = parent_of(invoke)
    assert (message.kind, message.service, message.status) == ("delivery", "sns", "delivered")
    decrypt = parent_of(parent_of(message))
    assert decrypt.name == deployment.function_name("decrypt")
    assert all(span.parent_id and span.duration_ms is not None for span in way.spans[1:])
    assert all(each.own_ms is not None for each in way.of("invoke"))
    assert trace(order.order_id).trace_id == way.trace_id
    assert trace(process.request_id).trace_id == way.trace_id


def test_a_cold_order_shows_the_inits(way_of, order, make_cold):
    for function in FUNCTIONS:
        make_cold(function)

    way = way_of(order)

    for function in FUNCTIONS:
        [invoke] = way.invokes(function)
        [init] = way.of("init", name=function)
        assert invoke.cold
        assert init.parent_id == invoke.span_id
        assert invoke.wait_ms >= init.duration_ms

    again = way_of(order)

    assert again.of("init") == []
    assert not any(invoke.cold for invoke in again.of("invoke"))


def test_a_function_that_was_killed_is_invoked_again(way_of, order, fault, shop, deployment):
    process = deployment.function_name("process")
    fault("kill", function=process, containing=shop.shop_id, first_calls=1)

    way = way_of(order)

    first, second = way.invokes(process)
    assert (first.attempt, second.attempt) == (1, 2)
    assert first.request_id == second.request_id
    assert (first.status, second.status) == ("error", "ok")
    way.assert_error("Runtime.ExitError")
    [struck] = way.of("fault")
    assert (struck.name, struck.parent_id) == ("kill", first.span_id)
    [event] = [span for span in way.of("delivery", name="event") if span.resource == process]
    assert event.status == "delivered"
    assert second.cold


def test_a_call_that_a_fault_struck_is_made_again(way_of, order, fault, shop):
    fault(
        "throttle", service="dynamodb", operation="TransactWriteItems", containing=shop.shop_id, first_calls=1
    )

    way = way_of(order)

    first, second = way.of("call", "dynamodb", "TransactWriteItems")
    assert (first.attempt, second.attempt) == (1, 2)
    assert first.error.startswith("ProvisionedThroughputExceededException: ")
    assert second.error is None
    [struck] = way.of("fault", "dynamodb")
    assert (struck.name, struck.parent_id) == ("throttle", first.span_id)


def test_the_command_shows_it(way_of, order, deployment, capsys):
    way = way_of(order)
    target = deployment.target
    assert isinstance(target, LocalTarget)

    traces.show(target, order.order_id, as_json=False)
    tree = capsys.readouterr().out
    traces.show(target, None, as_json=False, function="process", limit=1000)
    listed = capsys.readouterr().out

    assert tree.startswith(way.trace_id)
    assert f"call dynamodb TransactWriteItems {deployment.outputs['table_name']}" in tree
    assert any(line.startswith(way.trace_id) for line in listed.splitlines())
