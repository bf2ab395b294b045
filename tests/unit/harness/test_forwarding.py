"""What comes in on the published door arrives inside, and the answer outside."""

import asyncio
import contextlib
import gc
import socket

import pytest

from serverless_harness.stack.embedded import free_port
from serverless_harness.stack.forward import forward, outer_address

TIMEOUT_S = 120
LARGE = bytes(range(256)) * 40_000


async def read_all_then_answer(reader, writer):
    request = await reader.read()
    writer.write(request[::-1])
    await writer.drain()
    writer.close()


async def connect(port, host="127.0.0.1"):
    while True:
        with contextlib.suppress(ConnectionRefusedError):
            return await asyncio.open_connection(host, port)
        await asyncio.sleep(0.01)


async def ask(port, request, host="127.0.0.1"):
    reader, writer = await connect(port, host)
    writer.write(request)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


def run(inner, talk):
    """Run `talk(port of the door)` with `inner` as the server behind the door."""

    async def main():
        server = await asyncio.start_server(inner, "127.0.0.1", 0)
        port = free_port()
        door = asyncio.create_task(forward(port, "127.0.0.1", server.sockets[0].getsockname()[1]))
        try:
            async with asyncio.timeout(TIMEOUT_S), server:
                return await talk(port)
        finally:
            door.cancel()

    return asyncio.run(main())


@pytest.mark.parametrize("request_bytes", [b"x", LARGE], ids=["one byte", "ten megabytes"])
def test_answer_comes_after_the_requests_own_end(request_bytes):
    assert run(read_all_then_answer, lambda port: ask(port, request_bytes)) == request_bytes[::-1]


def test_a_connection_that_waits_for_its_answer_is_no_garbage():
    async def collect_then_answer(reader, writer):
        request = await reader.read()
        await asyncio.sleep(0.05)
        gc.collect()
        writer.write(request)
        writer.close()

    async def talk(port):
        return await asyncio.gather(*(ask(port, b"x") for _ in range(5)))

    assert run(collect_then_answer, talk) == [b"x"] * 5


def test_from_outside_alone_others_come_to_nobody():
    """The address that leads out isn't loopback's, so this machine stands for two networks."""
    try:
        listen = outer_address()
    except OSError:
        pytest.skip("no network of this machine leads out")

    async def main():
        server = await asyncio.start_server(read_all_then_answer, "127.0.0.1", 0)
        port = free_port()
        door = asyncio.create_task(forward(port, "127.0.0.1", server.sockets[0].getsockname()[1], listen))
        try:
            async with asyncio.timeout(TIMEOUT_S), server:
                assert await ask(port, b"ab", listen) == b"ba"
                with pytest.raises(ConnectionRefusedError):
                    await asyncio.open_connection("127.0.0.1", port)
        finally:
            door.cancel()

    asyncio.run(main())


def test_connections_are_apart():
    async def talk(port):
        return await asyncio.gather(*(ask(port, f"{number:03}".encode()) for number in range(50)))

    assert run(read_all_then_answer, talk) == [f"{number:03}"[::-1].encode() for number in range(50)]


def test_one_that_breaks_off_leaves_the_door_open():
    async def talk(port):
        reader, writer = await connect(port)
        del reader
        linger_0 = b"\1\0\0\0\0\0\0\0"
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_0)
        writer.write(b"never ended")
        writer.close()
        return await ask(port, b"next")

    assert run(read_all_then_answer, talk) == b"txen"


def test_nobody_inside_ends_the_connection():
    async def main():
        port = free_port()
        door = asyncio.create_task(forward(port, "127.0.0.1", free_port()))
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await ask(port, b"anybody?")
        finally:
            door.cancel()

    assert asyncio.run(main()) == b""
