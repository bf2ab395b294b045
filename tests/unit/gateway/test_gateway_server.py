"""Where the gateway's server listens, how many requests it serves at once, and how it ends."""

import contextlib
import errno
import http.client
import logging
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from gateway_serving import RunningServer, echo, read_to_end, serving
from localstack.config import HostAndPort
from localstack.runtime.exceptions import LocalstackExit
from plux import PluginManager
from rolo import Request, Response
from rolo.gateway import Gateway

from serverless_harness.emulator.gateway import connection as connection_module
from serverless_harness.emulator.gateway import http_server as http_server_module
from serverless_harness.emulator.gateway.listeners import CannotListenError, open_listeners
from serverless_harness.emulator.gateway.server import LoopbackRuntimeServer
from serverless_harness.emulator.gateway.wsgi_environ import CALLER
from serverless_harness.stack.embedded import free_port
from serverless_harness.testing.eventually import eventually

DEADLINE_S = 20


def can_connect(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return False
    return True


def get(host: str, port: int, path: str = "/") -> tuple[int, bytes]:
    client = http.client.HTTPConnection(host, port, timeout=DEADLINE_S)
    try:
        client.request("GET", path)
        answer = client.getresponse()
        return answer.status, answer.read()
    finally:
        client.close()


def hello_gateway() -> Gateway:
    return Gateway(request_handlers=[lambda chain, context, response: response.set_response(b"hello")])


@contextlib.contextmanager
def runtime_server(*listen: tuple[str, int]) -> Iterator[LoopbackRuntimeServer]:
    server = LoopbackRuntimeServer()
    server.register(hello_gateway(), [HostAndPort(host, port) for host, port in listen])
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join(DEADLINE_S)
        assert not thread.is_alive()


def test_localstack_finds_the_server_by_its_name() -> None:
    plugins = PluginManager("localstack.runtime.server")
    plugins.load("loopback")
    assert isinstance(plugins.get_container("loopback").load_value, LoopbackRuntimeServer)


def test_listens_on_the_host_asked_for_and_on_no_other() -> None:
    port = free_port()
    with runtime_server(("127.0.0.1", port)):
        assert get("127.0.0.1", port) == (200, b"hello")
        assert not can_connect("127.0.0.2", port)
        own_name_address = socket.gethostbyname(socket.gethostname())
        assert own_name_address.startswith("127.0.0.1") or not can_connect(own_name_address, port)
    assert not can_connect("127.0.0.1", port)


def test_listens_on_every_address_asked_for() -> None:
    first, second = free_port(), free_port()
    with runtime_server(("127.0.0.1", first), ("127.0.0.3", second)):
        assert get("127.0.0.1", first) == (200, b"hello")
        assert get("127.0.0.3", second) == (200, b"hello")
        assert not can_connect("127.0.0.1", second)


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 in this Python")
def test_listens_on_ipv6() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback address")
    port = free_port()
    with runtime_server(("::1", port)):
        assert get("::1", port) == (200, b"hello")
        assert not can_connect("127.0.0.1", port)


def test_serves_a_listener_that_is_added_while_it_runs() -> None:
    with runtime_server(("127.0.0.1", free_port())) as server:
        (listener,) = open_listeners("127.0.0.1", 0)
        port = listener.getsockname()[1]
        server.add_listener(listener)
        assert get("127.0.0.1", port) == (200, b"hello")
    assert not can_connect("127.0.0.1", port)


def test_a_listener_that_is_removed_is_closed_and_the_others_serve_on() -> None:
    port = free_port()
    with runtime_server(("127.0.0.1", port)) as server:
        (listener,) = open_listeners("127.0.0.1", 0)
        added = listener.getsockname()[1]
        server.add_listener(listener)
        assert get("127.0.0.1", added) == (200, b"hello")
        for _ in range(2):
            server.remove_listener(listener)
            eventually(lambda: not can_connect("127.0.0.1", added), "the listener's end")
        assert get("127.0.0.1", port) == (200, b"hello")


def test_requests_know_whose_listener_they_came_on() -> None:
    def handle(request: Request) -> Response:
        return Response(str(request.environ[CALLER]))

    with serving(handle) as running:
        (listener,) = open_listeners("127.0.0.1", 0)
        running.server.add_listener(listener, "function accept")
        assert get("127.0.0.1", listener.getsockname()[1]) == (200, b"function accept")
        assert get("127.0.0.1", running.port) == (200, b"None")


def test_taken_port_is_one_line_and_exit_code_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LocalstackExit) as caught:
            LoopbackRuntimeServer().register(hello_gateway(), [HostAndPort("127.0.0.1", port)])
    assert caught.value.code == 2
    assert f"port {port} on 127.0.0.1 is taken" in str(caught.value)
    assert len(str(caught.value).strip().splitlines()) == 1


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_host_that_is_not_this_machine_is_one_line(host: str) -> None:
    with pytest.raises(CannotListenError, match=f"cannot listen on {host}") as caught:
        open_listeners(host, 0)
    assert len(str(caught.value).splitlines()) == 1


def test_port_can_be_taken_again_at_once() -> None:
    port = free_port()
    for _ in range(2):
        with runtime_server(("127.0.0.1", port)):
            assert get("127.0.0.1", port) == (200, b"hello")


def test_200_slow_requests_at_once_and_one_that_calls_back() -> None:
    """All 200 handlers wait for each other: a pool of fewer threads would never answer."""
    everyone = threading.Barrier(200, timeout=DEADLINE_S)

    def handle(request: Request) -> Response:
        if request.path == "/inner":
            return Response(b"inner")
        everyone.wait()
        return Response(get("127.0.0.1", running.port, "/inner")[1])

    with serving(handle) as running:
        answers: list[tuple[int, bytes]] = []
        clients = [
            threading.Thread(target=lambda: answers.append(get("127.0.0.1", running.port)))
            for _ in range(200)
        ]
        for client in clients:
            client.start()
        for client in clients:
            client.join(DEADLINE_S)
    assert answers == [(200, b"inner")] * 200


def test_idle_connection_makes_room_when_there_are_too_many() -> None:
    with serving(echo, max_connections=3) as running:
        idle = running.connect()
        idle.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        answer = http.client.HTTPResponse(idle)
        answer.begin()
        answer.read()
        for _ in range(5):
            newer = running.connect()
            newer.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            assert newer.recv(12) == b"HTTP/1.1 200"
        assert idle.recv(1) == b""


def test_client_that_sends_nothing_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "IDLE_TIMEOUT_S", 0.1)
    with serving(echo) as running:
        silent, half = running.connect(), running.connect()
        half.sendall(b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc")
        assert silent.recv(1) == b""
        assert half.recv(1) == b""


def test_client_that_drips_a_head_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "HEAD_TIMEOUT_S", 0.0)
    with serving(echo) as running:
        whole = running.connect()
        whole.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert whole.recv(12) == b"HTTP/1.1 200"
        dripping = running.connect()
        with contextlib.suppress(OSError):
            for byte in b"GET / HTTP/1.1\r\nX: " + b"x" * 10_000:
                dripping.sendall(bytes([byte]))
            dripping.shutdown(socket.SHUT_WR)
        assert read_to_end(dripping) == b""


def test_half_a_head_makes_room_when_there_are_too_many() -> None:
    with serving(echo, max_connections=1) as running:
        half = running.connect()
        half.sendall(b"GET / HTTP/1.1\r\n")
        newer = running.connect()
        newer.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert newer.recv(12) == b"HTTP/1.1 200"
        assert half.recv(1) == b""


def is_closed(sock: socket.socket) -> bool:
    """Tell whether the server has closed a connection, waiting as long as the socket's timeout."""
    try:
        return sock.recv(1) == b""
    except TimeoutError:
        return False


@pytest.mark.parametrize("exhausted", ["threads", "file descriptors"])
def test_exhaustion_costs_a_connection_and_not_the_server(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, exhausted: str
) -> None:
    start, accept = threading.Thread.start, socket.socket.accept
    failing = threading.Event()

    def start_or_fail(thread: threading.Thread) -> None:
        if failing.is_set() and thread.name.startswith("gateway"):
            raise RuntimeError("can't start new thread")
        start(thread)

    def accept_or_fail(listener: socket.socket) -> tuple[socket.socket, object]:
        if failing.is_set():
            raise OSError(errno.EMFILE, "Too many open files")
        return accept(listener)

    if exhausted == "threads":
        monkeypatch.setattr(threading.Thread, "start", start_or_fail)
    else:
        monkeypatch.setattr(socket.socket, "accept", accept_or_fail)
    with serving(echo) as running:
        idle = running.connect()
        idle.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        answer = http.client.HTTPResponse(idle)
        answer.begin()
        answer.read()
        idle.settimeout(0.05)
        failing.set()
        deadline_s = time.monotonic() + DEADLINE_S
        while not is_closed(idle):
            assert time.monotonic() < deadline_s, "no idle connection made room"
            running.connect()
        failing.clear()
        assert get("127.0.0.1", running.port)[0] == 200
    assert "cannot accept a connection" in caplog.text


def test_client_that_goes_away_during_its_request_harms_nobody() -> None:
    release = threading.Event()

    def handle(request: Request) -> Response:
        if request.path == "/wait":
            release.wait(DEADLINE_S)
        return Response(b"x" * 5_000_000)

    with serving(handle) as running:
        gone = running.connect()
        gone.sendall(b"GET /wait HTTP/1.1\r\nHost: h\r\n\r\n")
        gone.close()
        release.set()
        assert get("127.0.0.1", running.port)[0] == 200


def wait_for(condition: "threading.Event") -> None:
    assert condition.wait(DEADLINE_S)


def slow_request(running: RunningServer, started: threading.Event) -> tuple[threading.Thread, list]:
    answers: list = []

    def send() -> None:
        try:
            answers.append(get("127.0.0.1", running.port))
        except (OSError, http.client.HTTPException) as error:
            answers.append(error)

    client = threading.Thread(target=send)
    client.start()
    wait_for(started)
    return client, answers


def test_shutdown_lets_a_running_request_end_and_closes_idle_connections() -> None:
    started, release = threading.Event(), threading.Event()

    def handle(request: Request) -> Response:
        started.set()
        release.wait(DEADLINE_S)
        return Response(b"done")

    with serving(handle) as running:
        idle = running.connect()
        client, answers = slow_request(running, started)
        running.server.shutdown()
        assert idle.recv(1) == b""
        assert not can_connect("127.0.0.1", running.port)
        assert running.thread.is_alive()
        release.set()
        client.join(DEADLINE_S)
        running.thread.join(DEADLINE_S)
        assert answers == [(200, b"done")]
        assert not running.thread.is_alive()


def test_shutdown_cuts_a_request_off_after_the_grace(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(http_server_module, "SHUTDOWN_GRACE_S", 0.1)
    started, release = threading.Event(), threading.Event()

    def handle(request: Request) -> Response:
        started.set()
        release.wait(DEADLINE_S)
        return Response(b"too late")

    with serving(handle) as running, caplog.at_level(logging.WARNING):
        client, answers = slow_request(running, started)
        running.server.shutdown()
        running.thread.join(DEADLINE_S)
        assert not running.thread.is_alive()
        client.join(DEADLINE_S)
        release.set()
        assert isinstance(answers[0], Exception)
    assert "cut off by the shutdown" in caplog.text


def test_shutdown_twice_and_after_the_end_is_harmless() -> None:
    with serving(echo) as running:
        running.server.shutdown()
        running.server.shutdown()
        running.thread.join(DEADLINE_S)
        running.server.shutdown()
        assert not running.thread.is_alive()
