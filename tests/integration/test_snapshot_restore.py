"""The shop's state, saved while it runs, is the same shop on another emulator: nothing is half there."""

import json
import shutil
from contextlib import contextmanager

import httpx
import pytest

from serverless_harness.deploy.terraform import Terraform
from serverless_harness.deploy.terraform_installation import install_providers
from serverless_harness.stack import control
from serverless_harness.stack.embedded import EmbeddedStack, free_port
from serverless_harness.stack.state_transfer import STATE_PATH, TERRAFORM_STATE
from serverless_harness.targets import DEPLOYMENT_FILE
from shop import shops
from shop.cash_register import CashRegister
from shop.deployment import ShopDeployment
from shop.orders import load_orders

TIMEOUT_S = 240


pytestmark = pytest.mark.needs("embedded")


def request_state(target, method, content=None, token=None):
    token = token or control.find_token(target)
    return httpx.request(
        method,
        f"{target.endpoint_url}{STATE_PATH}",
        headers={"Authorization": f"Bearer {token}"},
        content=content,
        timeout=TIMEOUT_S,
        trust_env=False,
    )


@contextmanager
def new_stack():
    stack = EmbeddedStack(free_port())
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()
        shutil.rmtree(stack.state_dir, ignore_errors=True)


@pytest.fixture(scope="module")
def copy(deployment):
    """The shop under test, loaded into a second emulator."""
    state = request_state(deployment.target, "GET")
    assert state.status_code == 200, state.text
    with new_stack() as stack:
        loaded = request_state(stack.target, "PUT", state.content)
        assert loaded.status_code == 204, loaded.text
        for name in (DEPLOYMENT_FILE, TERRAFORM_STATE):
            (stack.state_dir / name).parent.mkdir(exist_ok=True)
            shutil.copy(deployment.target.state_dir / name, stack.state_dir / name)
        yield ShopDeployment.require(stack.target)


def test_terraform_finds_nothing_to_change(deployment, copy):
    variables = (deployment.target.state_dir / "terraform" / "harness.auto.tfvars.json").read_text()
    assert Terraform(copy.target, install_providers(), json.loads(variables)).plan_is_empty()


def test_orders_are_booked_there_and_only_there(deployment, copy):
    shop_id = shops.shop_ids(copy)[0]
    before = shops.count_orders(deployment, shop_id)
    assert shops.count_orders(copy, shop_id) == before
    register = CashRegister(copy, shop_id)
    answer = register.send(register.encrypt(load_orders()[0])[0])
    assert answer.accepted
    assert register.await_bookings([answer], lambda _: None) == {answer.order_id}
    assert shops.count_orders(copy, shop_id) == before + 1
    assert shops.count_orders(deployment, shop_id) == before


def test_a_state_that_is_none_is_an_error_that_says_so():
    with new_stack() as stack:
        answer = request_state(stack.target, "PUT", b"no state at all")
        assert answer.status_code == 500
        assert "UnpicklingError" in answer.text


def test_nobody_without_the_token_gets_the_state(deployment):
    assert request_state(deployment.target, "GET", token="guessed").status_code == 403
