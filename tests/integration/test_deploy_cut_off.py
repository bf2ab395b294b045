"""A deployment that is killed halfway, on a stack that runs on: the next `up` ends with a shop that books."""

import contextlib
import json
import shutil
import subprocess

import psutil
import pytest
from stack_processes import OWN_STACK

from serverless_harness.deploy import inputs
from serverless_harness.deploy.terraform import UNFINISHED
from serverless_harness.deploy.terraform_installation import STATE_FILE
from serverless_harness.project.locate import current
from serverless_harness.stack.embedded import EmbeddedStack, free_port
from serverless_harness.waiting import Wait
from shop import shops
from shop.deployment import ShopDeployment

UP_TIMEOUT_S = 900
STARTS_OVER = "so the stack starts again, empty"

pytestmark = [*OWN_STACK]


@pytest.fixture(scope="module")
def stack():
    """A stack that runs, with nothing on it; neither it nor its snapshot outlive the tests."""
    snapshots = current().state / "snapshots"
    before = set(snapshots.glob("*"))
    stack = EmbeddedStack(free_port())
    stack.start()
    stack.detach()
    yield stack
    EmbeddedStack(stack.port).stop()
    for made in set(snapshots.glob("*")) - before:
        shutil.rmtree(made)


@pytest.fixture
def empty(stack):
    """The stack without a deployment, whatever ran before."""
    if table_names(stack):
        EmbeddedStack(stack.port).stop()
        fresh = EmbeddedStack(stack.port, fresh=True)
        fresh.start()
        fresh.detach()


@pytest.fixture
def deployed(stack):
    """The stack with the shop on it, and one order booked."""
    up(stack)


def start_up(stack):
    return subprocess.Popen(
        [current().folder / "scripts" / "up", "--port", str(stack.port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def up(stack):
    """Run `up` to its end; what it prints."""
    process = start_up(stack)
    printed, _ = process.communicate(timeout=UP_TIMEOUT_S)
    assert process.returncode == 0, printed
    return printed


def table_names(stack):
    return stack.target.client("dynamodb").list_tables()["TableNames"]


def assert_books_one_order(stack):
    deployment = ShopDeployment.require(stack.target)
    counts = [shops.count_orders(deployment, shop_id) for shop_id in shops.shop_ids(deployment)]
    assert counts == [1, 0]


def starts_over(printed):
    return len([line for line in printed.splitlines() if STARTS_OVER in line])


def test_up_recovers_from_a_killed_deployment(stack, empty):
    process = start_up(stack)
    Wait("the deployment to make a table", UP_TIMEOUT_S, interval_s=0.05).until(lambda: table_names(stack))
    for each in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
        with contextlib.suppress(psutil.NoSuchProcess):  # It ended with one before it.
            each.kill()
    assert "First order" not in process.communicate()[0]
    assert stack.is_running()
    assert (stack.state_dir / "terraform" / UNFINISHED).exists()

    printed = up(stack)

    assert starts_over(printed) == 1
    assert not (stack.state_dir / "terraform" / UNFINISHED).exists()
    assert_books_one_order(stack)


def test_up_takes_up_a_deployment_that_lost_nothing_and_keeps_the_bookings(stack, deployed):
    session = stack.process_id()
    (stack.state_dir / "terraform" / UNFINISHED).touch()
    inputs.forget_applied(stack.target)

    printed = up(stack)

    assert starts_over(printed) == 0
    assert "nothing to change" in printed
    assert stack.process_id() == session
    assert_books_one_order(stack)


def test_up_starts_over_where_a_function_is_unknown_to_terraform(stack, deployed):
    folder = stack.state_dir / "terraform"
    state = json.loads((folder / STATE_FILE).read_text())
    state["resources"] = [each for each in state["resources"] if each["type"] != "aws_lambda_function"]
    (folder / STATE_FILE).write_text(json.dumps(state))
    (folder / UNFINISHED).touch()
    inputs.forget_applied(stack.target)

    printed = up(stack)

    assert starts_over(printed) == 1
    assert_books_one_order(stack)


def test_up_recovers_from_a_damaged_state_of_terraform(stack, deployed):
    state = stack.state_dir / "terraform" / STATE_FILE
    state.write_bytes(state.read_bytes()[:1000])
    inputs.forget_applied(stack.target)

    printed = up(stack)

    assert starts_over(printed) == 1
    assert_books_one_order(stack)
