"""What the integration tests stand on: the deployed shop, and shops, functions and letters of a test's own.

They run against whatever `./scripts/test` deployed to (`serverless_harness.testing.under_test`), several at a
time: each test makes what it counts on under names of its own, and takes that away again.
"""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from accept_copy import AcceptCopy, Api
from order_log import OrderLog
from shop_under_test import ShopUnderTest, create_key

from serverless_harness.errors import UserError
from serverless_harness.project.locate import current
from serverless_harness.testing.under_test import (
    COMPOSE_VARIABLE,
    ENDPOINT_VARIABLE,
    STATE_VARIABLE,
    deployment_under_test,
)
from shop.dead_letters import ShopDeadLetters
from shop.deployment import ShopDeployment

NEEDS = {
    "local": ({"embedded", "compose", "endpoint"}, "on AWS there is nothing of this"),
    "embedded": ({"embedded"}, "is about embedded stacks, or starts one of its own: run without --target"),
    "compose": ({"compose"}, "needs images and containers: ./scripts/test --target compose"),
}
"""What the mark `needs` may name, the targets that have it, and why a test is skipped on others."""
FOLDERS = {"apis": "embedded", "compose": "compose", "iam": "local", "timing": "embedded"}
"""What all tests of a folder need."""


def kind_of_target() -> str:
    """Tell what this run's tests are on: `embedded`, `compose`, `endpoint` (somebody else's) or `aws`."""
    state_dir = os.environ.get(STATE_VARIABLE)
    if COMPOSE_VARIABLE in os.environ:
        return "compose"
    if state_dir and ENDPOINT_VARIABLE not in os.environ:
        return "aws"
    return "endpoint" if state_dir and Path(state_dir).parent != current().stacks else "embedded"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs another target; have tests on the shop follow one another, for they change it.

    Those that don't need the shop run beside them. It comes before pytest-xdist's own, which reads the marks.
    """
    kind = kind_of_target()
    for item in items:
        needs = {mark.args[0] for mark in item.iter_markers("needs")}
        for need in needs | {FOLDERS.get(item.path.parent.name, "")} - {""}:
            targets, reason = NEEDS[need]
            if kind not in targets:
                item.add_marker(pytest.mark.skip(reason=reason))
        if not any(item.iter_markers("xdist_group")):
            item.add_marker(pytest.mark.xdist_group("the shop"))


@pytest.fixture(scope="session")
def deployment() -> ShopDeployment:
    """The shop as Terraform deployed it."""
    try:
        return ShopDeployment.of(deployment_under_test())
    except UserError as error:
        pytest.exit(str(error), returncode=2)


@pytest.fixture(scope="session")
def shared_key_id(deployment: ShopDeployment) -> Iterator[str]:
    """A KMS key for all shops that don't need one of their own: a key takes a second to make."""
    with create_key(deployment, "shops of integration tests") as key_id:
        yield key_id


@pytest.fixture
def open_shop(deployment: ShopDeployment, shared_key_id: str) -> Iterator[Callable[..., ShopUnderTest]]:
    """Call it for a shop with a fresh id and three items, gone after the test.

    The key is all such shops' but with `own_key=True`.
    """
    with ExitStack() as cleanup:

        def open_shop(own_key: bool = False) -> ShopUnderTest:
            key_id = (
                cleanup.enter_context(create_key(deployment, "shop of an integration test"))
                if own_key
                else shared_key_id
            )
            return cleanup.enter_context(ShopUnderTest.opened(deployment, key_id))

        yield open_shop


@pytest.fixture
def shop(open_shop: Callable[..., ShopUnderTest]) -> ShopUnderTest:
    """A shop of the test's own."""
    return open_shop()


@pytest.fixture
def api(deployment: ShopDeployment) -> Iterator[Api]:
    """The door of the deployed shop."""
    with Api(deployment.invoke_url, deployment.target.is_local) as api:
        yield api


@pytest.fixture
def order_log(deployment: ShopDeployment) -> OrderLog:
    """Reads what became of a test's own requests, from the logs since now and from the dead letters."""
    return OrderLog(deployment)


@pytest.fixture
def dead_letters(deployment: ShopDeployment) -> ShopDeadLetters:
    """The dead letters of the deployed shop, other tests' among them."""
    return ShopDeadLetters(deployment)


@pytest.fixture
def accept_with(deployment: ShopDeployment) -> Iterator[Callable[..., AcceptCopy]]:
    """Call it with environment variables for a copy of accept behind an API of its own.

    What a test breaks there breaks for nobody else.
    """
    with ExitStack() as cleanup:

        def accept_with(**environment: str) -> AcceptCopy:
            name = f"accept-copy-{secrets.token_hex(4)}"
            return cleanup.enter_context(AcceptCopy.deployed(deployment, name, environment))

        yield accept_with
