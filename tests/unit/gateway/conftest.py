"""Fixtures of the gateway's unit tests."""

from collections.abc import Iterator

import pytest
from gateway_serving import RunningServer, echo, serving


@pytest.fixture(scope="module")
def echo_server() -> Iterator[RunningServer]:
    """Serve `echo`."""
    with serving(echo) as running:
        yield running
