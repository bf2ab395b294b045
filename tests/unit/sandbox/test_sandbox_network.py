"""Whom a function can reach: the ports that it may connect to, and no process outside of its sandbox."""

import errno
import secrets
import socket
from collections.abc import Iterator

import pytest
from sandbox_environments import Factory, every_kind

from serverless_harness.emulator.sandbox.launcher_process import landlock

CONNECTS = """
    import errno, socket
    for family, address in (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"):
        for port in {ports}:
            with socket.socket(family) as client:
                client.settimeout(5)
                print(port, errno.errorcode.get(client.connect_ex((address, port)), "connected"))
"""

with_tcp_rules = pytest.mark.skipif(
    landlock.version() < landlock.NETWORK_VERSION, reason="Landlock has no TCP rules here"
)
with_scopes = pytest.mark.skipif(
    landlock.version() < landlock.SCOPES_VERSION, reason="Landlock has no scopes here"
)


@pytest.fixture
def open_ports() -> Iterator[list[int]]:
    """Three ports at which somebody listens, by both versions of IP."""
    listeners = [
        socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) for _ in range(3)
    ]
    yield [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()


@with_tcp_rules
@every_kind
def test_named_ports_and_the_own_runtime_api_are_all_that_can_be_connected_to(
    factory: Factory, open_ports: list[int]
) -> None:
    named, runtime_api, other = open_ports
    environment = factory(ports=(named,))
    running = environment.start(
        CONNECTS.format(ports=open_ports), AWS_LAMBDA_RUNTIME_API=f"127.0.0.1:{runtime_api}"
    )
    running.wait()
    assert (
        running.text.split("\n")[:-1]
        == [
            f"{named} connected",
            f"{runtime_api} connected",
            f"{other} EACCES",
        ]
        * 2
    )


@every_kind
def test_where_any_port_is_allowed_all_can_be_connected_to(factory: Factory, open_ports: list[int]) -> None:
    text = factory(ports=None).run(CONNECTS.format(ports=open_ports))
    assert text.count("connected") == 2 * len(open_ports)


@with_tcp_rules
@every_kind
def test_children_are_bound_too(factory: Factory, open_ports: list[int]) -> None:
    named, other, _ = open_ports
    connect = f"import socket; socket.create_connection(('127.0.0.1', {other}))"
    text = factory(ports=(named,)).run(f"""
        import subprocess, sys
        print(subprocess.run([sys.executable, "-c", {connect!r}], capture_output=True, text=True).stderr)
    """)
    assert f"[Errno {errno.EACCES}]" in text


@with_scopes
@every_kind
def test_abstract_sockets_of_others_refuse(factory: Factory) -> None:
    name = f"\0{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(name)
        listener.listen()
        result = factory().evaluate(f"socket.socket(socket.AF_UNIX).connect_ex({name!r})", imports="socket")
    assert result == errno.EPERM


@with_scopes
@every_kind
def test_processes_of_others_can_not_be_signalled(factory: Factory) -> None:
    text = factory().run("""
        import os
        for pid in os.getppid(), 1:
            try:
                os.kill(pid, 0)
            except PermissionError:
                print("refused")
    """)
    assert text.count("refused") == 2


@with_tcp_rules
@every_kind
def test_memory_and_variables_of_others_can_not_be_read(factory: Factory) -> None:
    text = factory(ports=()).run("""
        import os
        for name in "environ", "mem":
            for pid in os.getppid(), 1:
                try:
                    open(f"/proc/{pid}/{name}", "rb").read(1)
                except OSError:
                    print("refused")
    """)
    assert text.count("refused") == 4
