"""The way between a function's process and the debugger's client: who waits, who is refused, what ends."""

import re
import socket
import threading

import psutil
import pytest

from serverless_harness.emulator.debugger import sessions
from serverless_harness.emulator.debugger.registry import DebuggerRegistry
from serverless_harness.emulator.debugger.sessions import DebuggingError, Link, Session
from serverless_harness.stack.embedded import free_port
from serverless_harness.testing.eventually import eventually

TIMEOUT_S = 30
REQUEST = b"Content-Length: 2\r\n\r\n{}"


@pytest.fixture
def session(tmp_path):
    session = Session("accept", free_port(), tmp_path)
    yield session
    session.close()


@pytest.fixture
def link(session):
    link = Link(session)
    link.listen(None, lambda _: True)
    yield link
    link.close()


@pytest.fixture
def connect():
    """Call it with a port for a connection."""
    made = []

    def connect(port):
        made.append(socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S))
        return made[-1]

    yield connect
    for connection in made:
        connection.close()


def received(connection, count):
    return connection.recv(count, socket.MSG_WAITALL)


def has_ended(connection):
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def is_connected(session, link, connect):
    """A client and a process that have each other."""
    client, process = connect(session.port), connect(link.port)
    client.sendall(REQUEST)
    assert received(process, len(REQUEST)) == REQUEST
    return client, process


@pytest.mark.parametrize("first", ["client", "process"])
def test_bytes_are_passed_on_whoever_comes_first(session, link, connect, first):
    if first == "client":
        client = connect(session.port)
        client.sendall(REQUEST)
        process = connect(link.port)
    else:
        process = connect(link.port)
        eventually(lambda: link.is_connected, timeout_s=TIMEOUT_S)
        client = connect(session.port)
        client.sendall(REQUEST)
    assert received(process, len(REQUEST)) == REQUEST
    process.sendall(b"answer")
    assert received(client, 6) == b"answer"
    assert session.has_client
    assert link.is_connected


def test_it_is_known_who_waits_for_the_other(session, link, connect):
    assert session.waiting is None
    client = connect(session.port)
    eventually(lambda: session.waiting == "client", timeout_s=TIMEOUT_S)
    client.close()
    process = connect(link.port)
    eventually(lambda: session.waiting == "function", timeout_s=TIMEOUT_S)
    connect(session.port).sendall(REQUEST)
    assert received(process, len(REQUEST)) == REQUEST
    assert session.waiting is None
    assert session.has_client


def test_the_client_ends_and_the_next_finds_the_process_that_connects_again(session, link, connect):
    client, process = is_connected(session, link, connect)
    client.close()
    assert has_ended(process)
    eventually(lambda: not link.is_connected and not session.has_client, timeout_s=TIMEOUT_S)
    is_connected(session, link, connect)


def test_the_process_ends_and_its_client_with_it(session, link, connect):
    client, process = is_connected(session, link, connect)
    process.close()
    assert has_ended(client)


def test_a_second_client_is_refused(session, link, connect):
    client, process = is_connected(session, link, connect)
    assert has_ended(connect(session.port))
    process.sendall(b"x")
    assert received(client, 1) == b"x"


def test_a_client_that_has_no_process_gives_way_to_the_next(session, link, connect):
    earlier = connect(session.port)
    later = connect(session.port)
    assert has_ended(earlier)
    later.sendall(REQUEST)
    assert received(connect(link.port), len(REQUEST)) == REQUEST


def test_a_web_page_is_no_client(session, link, connect):
    page, process = connect(session.port), connect(link.port)
    page.sendall(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
    assert has_ended(page)
    client = connect(session.port)
    client.sendall(REQUEST)
    assert received(process, len(REQUEST)) == REQUEST


def test_a_function_is_no_client(session, monkeypatch, connect):
    monkeypatch.setattr(sessions.function_processes, "own", lambda _: True)
    assert has_ended(connect(session.port))


def test_beyond_loopback_this_machine_is_no_client(tmp_path):
    """Functions are on it, whatever address they connect from; another container isn't."""
    own = [each.address for entries in psutil.net_if_addrs().values() for each in entries]
    addresses = [address for address in own if re.fullmatch(r"[\d.]+", address)]
    session = Session("accept", free_port(), tmp_path, "0.0.0.0")
    try:
        for address in {*addresses, "127.0.0.1", "127.0.0.2"}:
            with socket.create_connection(
                ("127.0.0.1", session.port), TIMEOUT_S, source_address=(address, 0)
            ) as client:
                assert has_ended(client), address
    finally:
        session.close()
    assert not sessions._is_of_this_machine(("192.0.2.1", 5678))


def test_another_process_is_not_debugged(session, connect):
    link = Link(session)
    link.listen(None, lambda _: False)
    assert has_ended(connect(link.port))
    link.close()


def test_a_process_that_ended_is_not_given_a_client(session, link, connect):
    connect(link.port)
    eventually(lambda: link.is_connected, timeout_s=TIMEOUT_S)
    link.hang_up()
    is_connected(session, link, connect)


def test_a_listener_of_the_process_s_own_network_takes_the_place_of_the_host_s(session, connect):
    link = Link(session)
    for _ in range(2):
        own = socket.create_server(("127.0.0.1", 0))
        link.listen(own, lambda _: True)
        client, process = connect(session.port), connect(own.getsockname()[1])
        client.sendall(REQUEST)
        assert received(process, len(REQUEST)) == REQUEST
        link.hang_up()
        assert has_ended(client)
    with pytest.raises(ConnectionRefusedError):
        connect(link.port)
    link.close()


def test_a_port_that_is_taken_is_refused(session, tmp_path):
    with pytest.raises(DebuggingError, match=rf"port {session.port} .*choose another port"):
        Session("decrypt", session.port, tmp_path)


@pytest.fixture
def registry():
    registry = DebuggerRegistry()
    yield registry
    for session in registry.all():
        registry.end(session.function_name)


def test_debugging_ends_for_who_waits_and_for_who_is_attached(registry, tmp_path, connect):
    session = registry.start("accept", free_port(), tmp_path)
    attached, waiting = registry.link("one", "accept"), registry.link("two", "accept")
    for link in (attached, waiting):
        link.listen(None, lambda _: True)
    client, process = is_connected(session, attached, connect)
    waits = connect(waiting.port)
    eventually(lambda: waiting.is_connected, timeout_s=TIMEOUT_S)

    assert registry.end("accept")

    assert all(map(has_ended, (client, process, waits)))
    for port in (session.port, attached.port, waiting.port):
        with pytest.raises(ConnectionRefusedError):
            connect(port)
    assert not registry.end("accept")


def test_a_function_s_environments_fit_as_it_is_debugged_or_not(registry, tmp_path, connect):
    assert registry.fits("before", "accept")
    registry.start("accept", free_port(), tmp_path)
    assert not registry.fits("before", "accept")
    assert registry.fits("another", "decrypt")
    link = registry.link("one", "accept")
    link.listen(None, lambda _: True)
    assert not registry.fits("one", "accept")
    connect(link.port)
    eventually(lambda: registry.fits("one", "accept"), timeout_s=TIMEOUT_S)
    registry.end("accept")
    assert not registry.fits("one", "accept")
    assert registry.has("one")
    registry.forget("one")
    assert not registry.has("one")
    assert registry.link("two", "accept") is None


def test_no_thread_is_left_behind(registry, tmp_path, connect):
    before = set(threading.enumerate())
    session = registry.start("accept", free_port(), tmp_path)
    link = registry.link("one", "accept")
    link.listen(None, lambda _: True)
    is_connected(session, link, connect)
    registry.end("accept")
    eventually(lambda: set(threading.enumerate()) <= before, timeout_s=TIMEOUT_S)
