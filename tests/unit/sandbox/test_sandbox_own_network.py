"""Networks of environments' own: what is offered in them can be reached, and nothing else."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from sandbox_environments import Environment, Factory, Running, isolated_kinds

ASK = """
    import socket
    for port in 4566, 9001:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            print(port, client.recv(100).decode())
"""


@pytest.fixture
def cleanup() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def answering(running: Running, cleanup: ExitStack, answer: str) -> None:
    """Answer one connection on each of the process's listeners."""

    def serve(listener: socket.socket) -> None:
        with listener.accept()[0] as client:
            client.sendall(answer.encode())

    for listener in running.process.listeners:
        cleanup.enter_context(listener)
        threading.Thread(target=serve, args=(listener,), daemon=True).start()


def own(factory: Factory) -> Environment:
    environment = factory(listen=(4566, 9001), ports=(4566, 9001))
    if not environment.sandbox.own_network:
        pytest.skip("no network namespaces here")
    return environment


@isolated_kinds
def test_what_is_offered_answers_in_each_network_by_itself(factory: Factory, cleanup: ExitStack) -> None:
    """Two environments at the same ports: each is known by the socket that it comes on."""
    started = [own(factory).start(ASK) for _ in range(2)]
    for index, running in enumerate(started):
        answering(running, cleanup, f"to {index}")
    for index, running in enumerate(started):
        running.wait()
        assert running.text == f"4566 to {index}\n9001 to {index}\n"


@isolated_kinds
def test_a_process_that_is_started_again_has_a_new_one(factory: Factory, cleanup: ExitStack) -> None:
    environment = own(factory)
    for _ in range(2):
        running = environment.start(ASK)
        answering(running, cleanup, "hello")
        running.wait()
        assert running.text == "4566 hello\n9001 hello\n"


@isolated_kinds
def test_nothing_of_the_hosts_is_there(factory: Factory, cleanup: ExitStack, listening_port: int) -> None:
    running = own(factory).start(f"""
        import errno, socket
        from pathlib import Path
        def attempt(send, *arguments):
            with socket.socket(*arguments) as client:
                client.settimeout(5)
                try:
                    send(client)
                    return "reached"
                except OSError as error:
                    return errno.errorcode.get(error.errno, error)
        address = ("127.0.0.1", {listening_port})
        print(attempt(lambda client: client.connect(address)))
        print(attempt(lambda client: client.sendto(b"x", socket.MSG_FASTOPEN, address)))
        datagram = lambda client: client.sendto(b"x", ("192.0.2.1", 53))
        print(attempt(datagram, socket.AF_INET, socket.SOCK_DGRAM))
        print([name for _, name in socket.if_nameindex()])
        local = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        print(sorted(local))
        print(Path("/proc/net/unix").read_text().count(chr(10)))
    """)
    for listener in running.process.listeners:
        cleanup.enter_context(listener)
    running.wait()
    refused_connect, fast_open, datagram, interfaces, sockets, unix = running.text.splitlines()
    assert refused_connect in ("EACCES", "ECONNREFUSED")
    assert fast_open in ("EPERM", "ECONNREFUSED")
    assert datagram == "ENETUNREACH"
    assert "eth0" not in interfaces
    assert sockets == str(["0100007F:11D6", "0100007F:2329"])
    assert unix == "1"


@isolated_kinds
def test_without_ports_to_offer_it_is_the_hosts(factory: Factory, listening_port: int) -> None:
    environment = factory()
    assert not environment.sandbox.own_network
    code = f"import socket; socket.create_connection(('127.0.0.1', {listening_port}))"
    environment.run(code)
