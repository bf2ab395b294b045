"""One stack for all tests of Lambda's own behaviour, with settings that make it quick to see."""

from contextlib import ExitStack

import pytest
from functions_under_test import SETTINGS, FunctionMaker

from serverless_harness.stack.embedded import EmbeddedStack, free_port


@pytest.fixture(scope="session")
def lambda_stack():
    """An embedded stack with a short keep-alive, AWS's CPU shares and room for eleven environments."""
    stack = EmbeddedStack(free_port(), SETTINGS)
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


@pytest.fixture(scope="session")
def aws_client(lambda_stack):
    """Clients of that stack, for `serverless_harness.pytest_plugin`."""
    return lambda_stack.target.client


@pytest.fixture(scope="session")
def function_maker(lambda_stack):
    return FunctionMaker(lambda_stack)


@pytest.fixture
def make_function(function_maker):
    """Call it with a module's text, which defines `handler`, for a function that is gone after the test."""
    with ExitStack() as cleanup:

        def make_function(code, **settings):
            return cleanup.enter_context(function_maker.made(code, **settings))

        yield make_function
