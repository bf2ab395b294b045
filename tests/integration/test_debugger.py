"""`debug`: a breakpoint in a handler of the shop, reached by the debug adapter protocol as an IDE does."""

import base64
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from dap_client import IN_THE_HANDLER, DapClient, line_of
from shop_under_test import sale

from serverless_harness.functions.debugging import (
    Wanted,
    code_of,
    end_debugging,
    path_mappings,
    start_debugging,
)
from serverless_harness.functions.invoke import INVOKE_CONFIG
from serverless_harness.functions.reports import parse_report
from serverless_harness.project.locate import current
from serverless_harness.stack.embedded import EmbeddedStack, free_port

pytestmark = pytest.mark.needs("embedded")

FUNCTION_TIMEOUT_S = 1
STOP_S = 2.5
TIMEOUT_S = 240


@pytest.fixture
def stack(deployment):
    return EmbeddedStack(urlsplit(deployment.target.endpoint_url).port)


@pytest.fixture
def variables():
    """More environment variables of the copy."""
    return {}


@pytest.fixture
def copy(deployment, accept_with, variables):
    """A copy of accept that may run for a second."""
    client, name = deployment.client("lambda"), deployment.function_name("accept")
    accepts = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    made = accept_with(**accepts, **variables)
    client.update_function_configuration(FunctionName=made.function_name, Timeout=FUNCTION_TIMEOUT_S)
    client.get_waiter("function_updated_v2").wait(FunctionName=made.function_name)
    return made


@pytest.fixture
def debugged(stack, copy, invoke):
    """Debug the copy; gives the port. Debugging ends before what is still invoked is waited for."""
    port = free_port()
    assert start_debugging(stack, Wanted(copy.function_name, port)) == copy.function_name
    yield port
    end_debugging(stack, copy.function_name)


@pytest.fixture
def mappings(deployment):
    sources, place = code_of(deployment, deployment.function_name("accept"))
    return path_mappings(sources, place, Path("/nowhere"))


@pytest.fixture
def invoke(deployment, copy):
    """Call it with an order for what comes of its invoke, in a thread of its own."""
    with ThreadPoolExecutor(2) as pool:
        client = deployment.client("lambda", INVOKE_CONFIG)

        def send(order):
            event = {"body": order.body.decode(), "httpMethod": "POST"}
            answer = client.invoke(FunctionName=copy.function_name, Payload=json.dumps(event), LogType="Tail")
            log = base64.b64decode(answer["LogResult"]).decode()
            report = next(filter(None, map(parse_report, log.splitlines())))
            return answer.get("FunctionError"), json.loads(answer["Payload"].read()), report

        yield lambda order: pool.submit(send, order)


@pytest.fixture
def handler():
    """The handler's file, and a line in it."""
    file = current().folder / "handlers" / "accept" / "accept.py"
    return file, line_of(file, IN_THE_HANDLER)


def test_a_handler_is_stopped_looked_at_and_goes_on_and_the_order_is_booked(
    shop, debugged, mappings, invoke, handler
):
    file, line = handler
    order = shop.order(sale(1, 2))
    with DapClient(debugged) as client:
        outcome = invoke(order)
        client.attach(mappings, {str(file): [line]})
        thread_id, frame = client.stopped()

        assert (frame["source"]["path"], frame["line"], frame["name"]) == (str(file), line, "lambda_handler")
        variables = client.variables(frame["id"])
        assert order.body.decode()[:40] in variables["event"]
        remaining = client.request(
            "evaluate", expression="context.get_remaining_time_in_millis()", frameId=frame["id"]
        )
        assert int(remaining["result"]) > FUNCTION_TIMEOUT_S * 1000
        search_path = "[folder for folder in __import__('sys').path if 'debugger' in folder]"
        assert client.request("evaluate", expression=search_path, frameId=frame["id"])["result"] == "[]"
        threading.Event().wait(STOP_S)  # The stop that no timeout is to end.
        assert not outcome.done()
        client.request("continue", threadId=thread_id)
        error, answer, report = outcome.result(TIMEOUT_S)

        assert error is None
        assert answer["statusCode"] == 200
        assert report.status is None
        assert report.duration_ms > FUNCTION_TIMEOUT_S * 1000
        shop.await_booked(order)

        # The environment stays between two invokes; so does the client.
        again = shop.order(sale(2, 1))
        second = invoke(again)
        thread_id, frame = client.stopped()
        assert frame["source"]["path"] == str(file)
        client.request("disconnect", terminateDebuggee=False)
        error, _, report = second.result(TIMEOUT_S)
        assert error is None
        assert report.init_duration_ms is None
    shop.await_booked(again)


HOSTS_NETWORK = {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}
"""Names another port than the emulator's, for which there is none but the host's network."""


@pytest.mark.parametrize("variables", [{}, HOSTS_NETWORK], ids=["own network", "host's network"])
def test_debugging_ends_and_begins_again(stack, shop, debugged, mappings, invoke, handler, copy):
    file, line = handler
    orders = [shop.order(sale(1, 1)) for _ in range(3)]
    with DapClient(debugged) as client:
        stopped = invoke(orders[0])
        client.attach(mappings, {str(file): [line]})
        client.stopped()
        assert end_debugging(stack, copy.function_name) == [copy.function_name]
    assert stopped.result(TIMEOUT_S)[0] is None
    assert invoke(orders[1]).result(TIMEOUT_S)[0] is None

    start_debugging(stack, Wanted(copy.function_name, debugged))
    waiting = invoke(orders[2])
    with DapClient(debugged) as hasty:
        hasty.request("initialize", adapterID="debugpy")
        hasty.send("attach")
        hasty.event("initialized")
    with DapClient(debugged) as client:
        client.attach(mappings, {str(file): [line]})
        thread_id, _ = client.stopped()
        client.request("continue", threadId=thread_id)
        assert waiting.result(TIMEOUT_S)[0] is None
    shop.await_booked(*orders)
