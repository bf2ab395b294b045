"""Hands TCP connections on, byte by byte: the published door to a container that is on no outer network."""

import asyncio
import contextlib
import socket

CHUNK_BYTES = 64 * 1024


ALL_INTERFACES = "0.0.0.0"
SOMEWHERE_ELSE = ("192.0.2.1", 9)
"""An address of nobody's (RFC 5737)."""


def outer_address() -> str:
    """Give the own address on the network that leads outside."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(SOMEWHERE_ELSE)  # Sends nothing: the route alone is asked for.
        return str(probe.getsockname()[0])


async def forward(port: int, host: str, host_port: int, listen: str = ALL_INTERFACES) -> None:
    """Connect who comes to `port` of the address `listen` to `host_port` of `host`; never returns."""
    # asyncio holds a connection's task only as long as something may still come in. One that has sent all of
    # its request would be collected as garbage while it waits for the answer.
    serving: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        serving.add(task)
        try:
            await connect(reader, writer)
        finally:
            serving.discard(task)

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError):
            inner_reader, inner_writer = await asyncio.open_connection(host, host_port)
            with contextlib.closing(inner_writer):
                await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))

    server = await asyncio.start_server(serve, listen, port)
    async with server:
        await server.serve_forever()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the end of one direction, and pass that end on; the other direction may go on."""
    while chunk := await reader.read(CHUNK_BYTES):
        writer.write(chunk)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
