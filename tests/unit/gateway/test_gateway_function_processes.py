"""A connection on loopback is known to be a function's by the process that has it."""

import contextlib
import os
import socket
import subprocess
import sys

import pytest

from serverless_harness.emulator.gateway import function_processes

CONNECT = """
import socket, sys
port, host = sys.argv[1:]
with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as client:
    client.connect((host, int(port)))
    client.recv(1)
"""
PARENT = """
import subprocess, sys
subprocess.run([sys.executable, "-c", sys.argv[1], *sys.argv[2:]])
"""


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@contextlib.contextmanager
def connected(listener, *, by_child=False, host="127.0.0.1"):
    """Have another process connected; gives its id, or its parent's, and the address that it has."""
    arguments = [CONNECT, str(listener.getsockname()[1]), host]
    command = [sys.executable, "-c", PARENT, *arguments] if by_child else [sys.executable, "-c", *arguments]
    with subprocess.Popen(command) as process:
        connection, address = listener.accept()
        with connection:
            yield process.pid, address[:2]
            connection.sendall(b"x")


@pytest.fixture
def function():
    """Call it with a process's id: it is a function's until the test's end."""
    with contextlib.ExitStack() as functions:
        yield lambda pid: functions.callback(function_processes.enter(pid))


@pytest.mark.parametrize("by_child", [False, True])
def test_a_functions_process_and_its_children_are_known(listener, function, by_child):
    with connected(listener, by_child=by_child) as (pid, address):
        assert not function_processes.own(address)
        function(pid)
        assert function_processes.own(address)
    assert not function_processes.own(address)


def test_a_socket_for_ipv6_hides_nobody(listener, function):
    with connected(listener, host="::ffff:127.0.0.1") as (pid, address):
        function(pid)
        assert function_processes.own(address)


def test_others_are_nobodys(listener, function):
    with connected(listener) as (pid, address), connected(listener) as (_, other):
        function(pid)
        assert not function_processes.own(other)
        assert not function_processes.own(("192.0.2.1", address[1]))
        assert not function_processes.own(("", 0))


def test_an_ended_function_is_forgotten(listener):
    with connected(listener) as (pid, address):
        leave = function_processes.enter(pid)
        leave()
        leave()
        assert not function_processes.own(address)


def test_of_a_process_that_is_not_there_the_system_says_nothing(listener):
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    assert function_processes.has(process.pid, listener.getsockname()) is None
    assert function_processes.has(os.getpid(), listener.getsockname())
