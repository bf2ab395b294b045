"""One stack for the tests of API Gateway, function URLs and event source mappings, which need no shop."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from apis_under_test import SETTINGS, Functions, RestApi

from serverless_harness.project.locate import current
from serverless_harness.stack.embedded import EmbeddedStack, free_port
from serverless_harness.testing.under_test import ENDPOINT_VARIABLE, STATE_VARIABLE


@pytest.fixture(scope="session")
def stack() -> Iterator[EmbeddedStack]:
    """An embedded stack of these tests' own."""
    state_dir = os.environ.get(STATE_VARIABLE)
    if state_dir and (ENDPOINT_VARIABLE not in os.environ or Path(state_dir).parent != current().stacks):
        pytest.skip("needs an embedded stack with settings of its own, not the target of this run")
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
