"""The sandbox tests' fixtures."""

import socket
from collections.abc import Iterator

import pytest
from sandbox_environments import environment, factory, kind, machines_closed

__all__ = ["environment", "factory", "kind", "listening_port", "machines_closed"]


@pytest.fixture
def listening_port() -> Iterator[int]:
    """A port of the host's at which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]
