"""A function in a container under the debugger, which is reached from the host's loopback alone."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from dap_client import IN_THE_HANDLER, DapClient, line_of
from shop_under_test import ShopUnderTest, create_key, sale
from stack_processes import BESIDE_THE_SHOP

from serverless_harness.errors import UserError
from serverless_harness.functions.debugging import (
    Wanted,
    code_of,
    end_debugging,
    path_mappings,
    sessions_of,
    start_debugging,
)
from serverless_harness.functions.invoke import INVOKE_CONFIG
from serverless_harness.project.locate import current
from serverless_harness.stack.embedded import free_port

pytestmark = BESIDE_THE_SHOP

TIMEOUT_S = 240
ASK = """
import socket, sys
port, *hosts = sys.argv[1:]
for host in hosts:
    try:
        connection = socket.create_connection((host, int(port)), 20)
    except OSError:
        continue
    with connection:
        try:
            connection.sendall(b"Content-Length: 2\\r\\n\\r\\n{}")
            refused = connection.recv(1) == b""
        except OSError as error:
            refused = isinstance(error, ConnectionError)
        if not refused:
            print(host)
"""
"""Prints the hosts where a client of the debugger isn't refused."""


@pytest.fixture
def port(project):
    """The port on which accept is debugged."""
    port = free_port()
    project.stack.deployment()
    start_debugging(project.stack, Wanted("accept", port))
    yield port
    end_debugging(project.stack, None)


@pytest.fixture
def shop(project):
    deployment = project.deployment()
    with create_key(deployment, "debugger") as key_id, ShopUnderTest.opened(deployment, key_id) as shop:
        yield shop


def forwarder(project, port):
    """The container that the host's port leads to; None where there is none."""
    found = project.engine.containers.list(
        all=True, filters={"name": f"{project.stack.name}-debugger-{port}"}
    )
    return found[0] if found else None


def test_a_handler_is_stopped_looked_at_and_goes_on_and_the_order_is_booked(project, port, shop):
    deployment = project.deployment()
    name = deployment.function_name("accept")
    mappings = path_mappings(*code_of(deployment, name), Path("/nowhere"))
    file = current().folder / "handlers" / "accept" / "accept.py"
    order = shop.order(sale(1, 2))
    event = {"body": order.body.decode(), "httpMethod": "POST"}
    client = deployment.client("lambda", INVOKE_CONFIG)
    with ThreadPoolExecutor(1) as pool, DapClient(port) as debugger:
        invoked = pool.submit(client.invoke, FunctionName=name, Payload=json.dumps(event))
        line = line_of(file, IN_THE_HANDLER)
        debugger.attach(mappings, {str(file): [line]})
        thread_id, frame = debugger.stopped()
        assert (frame["source"]["path"], frame["line"], frame["name"]) == (str(file), line, "lambda_handler")
        assert order.body.decode()[:40] in debugger.variables(frame["id"])["event"]
        assert [session["has_client"] for session in sessions_of(project.stack)] == [True]
        assert not invoked.done()
        debugger.request("continue", threadId=thread_id)
        answer = invoked.result(TIMEOUT_S)
        assert "FunctionError" not in answer
        assert json.loads(answer["Payload"].read())["statusCode"] == 200
    shop.await_booked(order)


def test_the_port_is_on_the_hosts_loopback_and_refuses_functions(project, port):
    container = forwarder(project, port)
    published = [entry for entries in container.ports.values() for entry in entries or []]
    assert published == [{"HostIp": "127.0.0.1", "HostPort": str(port)}]
    assert container.attrs["Config"]["User"] == "10001:10001"
    assert container.attrs["HostConfig"]["ReadonlyRootfs"] is True

    inside = [
        network["IPAddress"]
        for service in (project.container("localstack"), container)
        for network in service.attrs["NetworkSettings"]["Networks"].values()
    ]
    hosts = ["127.0.0.1", "127.0.0.2", "gateway", *inside]
    assert project.run("localstack", "python3", "-c", ASK, str(port), *hosts) == ""
    # The next is a client all the same.
    with DapClient(port):
        pass


def test_the_port_is_closed_when_debugging_ends(project, port):
    other = free_port()
    start_debugging(project.stack, Wanted("accept", other))
    assert forwarder(project, port) is None
    assert end_debugging(project.stack, "accept")
    assert forwarder(project, other) is None
    for closed in (port, other):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", closed))


def test_a_port_that_is_taken_is_refused(project):
    project.stack.deployment()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port} is taken .* choose another port for the debugger"):
            start_debugging(project.stack, Wanted("accept", port))
    assert sessions_of(project.stack) == []
