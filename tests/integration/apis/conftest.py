"""One stack for the tests of API Gateway, function URLs and event source mappings, which need no shop."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from apis_under_test import SETTINGS, Functions, RestApi

from serverless_harness.stack.embedded import EmbeddedStack, free_port


@pytest.fixture(scope="session")
def stack() -> Iterator[EmbeddedStack]:
    """An embedded stack of these tests' own."""
    stack = EmbeddedStack(free_port(), SETTINGS)
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


@pytest.fixture(scope="session")
def functions(stack: EmbeddedStack) -> Iterator[Functions]:
    """Functions that live as long as the tests: those of the same code are one."""
    yield Functions(stack.target)


@pytest.fixture
def make_api(stack: EmbeddedStack) -> Iterator[Callable[..., RestApi]]:
    """Call it for a REST API that is gone after the test; the settings are CreateRestApi's."""
    with ExitStack() as cleanup:

        def make_api(**settings: object) -> RestApi:
            return cleanup.enter_context(RestApi.made(stack.target, **settings))

        yield make_api
