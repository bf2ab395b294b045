"""What the gateway's threads wait for a CPU while they serve a function isn't the function's time."""

import socket
import threading
from types import SimpleNamespace

import pytest

from serverless_harness.emulator.gateway import connection as connection_module
from serverless_harness.emulator.gateway.answer_waits import AnswerWaits
from serverless_harness.emulator.gateway.connection import TLS_HANDSHAKE, Connection
from serverless_harness.emulator.gateway.wsgi_environ import FunctionCaller


class Waiting:
    """A thread that has waited for some time before, in seconds."""

    def __init__(self):
        self.seconds = 7.0

    def waited_s(self):
        return self.seconds


class Times:
    """A clock, which threads may wait by; in seconds."""

    def __init__(self):
        self.now_s = 100.0

    def wait(self, seconds, *threads):
        self.now_s += seconds
        for thread in threads:
            thread.seconds += seconds


@pytest.fixture
def times():
    return Times()


@pytest.fixture
def waits(times):
    return AnswerWaits(lambda: times.now_s)


def test_what_a_thread_waits_while_it_serves_counts(times, waits):
    thread = Waiting()
    times.wait(1, thread)
    waits.begin(thread)
    times.wait(2, thread)
    times.wait(4)
    waits.end(thread)
    times.wait(8, thread)
    assert waits.waited_s() == 2


def test_a_call_that_is_still_served_counts_already(times, waits):
    thread = Waiting()
    waits.begin(thread)
    times.wait(2, thread)
    assert waits.waited_s() == 2
    waits.end(thread)
    waits.end(thread)
    assert waits.waited_s() == 2


def test_calls_at_the_same_time_count_as_one(times, waits):
    threads = [Waiting() for _ in range(3)]
    for thread in threads:
        waits.begin(thread)
    times.wait(2, *threads)
    assert waits.waited_s() == 2
    for thread in threads:
        waits.end(thread)
    assert waits.waited_s() == 2


SERVER = SimpleNamespace(stopping=False)


def connected():
    """Both ends of a connection, and the client's address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        return client, *listener.accept()


class Wait(Waiting):
    """Goes on by a second whenever it is looked at."""

    closed = False

    def waited_s(self):
        self.seconds += 1
        return self.seconds

    def close(self):
        self.closed = True


def test_a_function_s_connection_counts_until_its_answer_is_sent(monkeypatch):
    made = []
    monkeypatch.setattr(connection_module, "ThreadWait", lambda: made.append(Wait()) or made[-1])
    clock = SimpleNamespace(now_s=0.0)

    def now_s():
        clock.now_s += 100
        return clock.now_s

    caller = FunctionCaller("accept", "arn", AnswerWaits(now_s))
    client, served, address = connected()
    thread = threading.Thread(target=Connection(SERVER, served, address, caller).run)
    thread.start()
    with client:
        client.sendall(TLS_HANDSHAKE)  # which the connection answers itself
        assert b"HTTP, not HTTPS" in client.recv(4096)
    thread.join(60)
    [wait] = made
    assert wait.closed
    # A look when the request is awaited, and one before the answer is sent.
    assert caller.waits.waited_s() >= 1


def test_what_other_callers_wait_is_not_counted(monkeypatch):
    def fail():
        raise AssertionError("counted")

    monkeypatch.setattr(connection_module, "ThreadWait", fail)
    client, served, address = connected()
    client.close()
    Connection(SERVER, served, address).run()
    assert served.fileno() < 0
