"""The stack in containers keeps its state: over a restart, `down` and `up`, and a kill."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from stack_processes import BESIDE_THE_SHOP

from serverless_harness.errors import HarnessError
from serverless_harness.stack import checkpoints
from serverless_harness.stack.control import control
from serverless_harness.testing.eventually import eventually
from shop import shops
from shop.audit import Books, SentOrder, audit
from shop.cash_register import CashRegister
from shop.orders import load_orders

ORDERS = 60
CLIENTS = 6
TIMEOUT_S = 240
SETTLE_TIMEOUT_S = 60

pytestmark = BESIDE_THE_SHOP


@pytest.fixture(autouse=True)
def running(project):
    """Each test begins and ends with a stack that runs."""
    project.stack.ensure_running()
    yield
    project.stack.ensure_running()


class Burst:
    """Orders of one shop, sent while the stack ends and starts; registers try for as long as that takes."""

    def __init__(self, project):
        self.deployment = project.deployment()
        self.shop_id = shops.shop_ids(self.deployment)[0]
        self.register = CashRegister(self.deployment, self.shop_id)
        self.before = Books.read(self.deployment, [self.shop_id])
        self.answered = []

    def send_while(self, act):
        order = load_orders()[0]
        encrypted = [self.register.encrypt(order)[0] for _ in range(ORDERS)]

        def send(body):
            answer = self.register.send(body, retry_for_s=TIMEOUT_S)
            self.answered.append((SentOrder(self.shop_id, order, answer), time.time()))

        with ThreadPoolExecutor(CLIENTS) as clients:
            sent = [clients.submit(send, body) for body in encrypted]
            eventually(lambda: len(self.answered) >= ORDERS // 3, timeout_s=TIMEOUT_S, what="some answers")
            act()
            for each in sent:
                each.result(TIMEOUT_S)

    def audit(self):
        return audit(self.deployment, [sent for sent, _ in self.answered], self.before, SETTLE_TIMEOUT_S)


def booked(deployment):
    return sum(shops.count_orders(deployment, shop_id) for shop_id in shops.shop_ids(deployment))


def test_a_restart_in_the_middle_of_a_burst_loses_no_order(project):
    burst, api_id = Burst(project), project.deployment().outputs["api_id"]

    burst.send_while(lambda: project.compose("restart"))

    project.stack.ensure_running()
    assert "continues with its state, saved " in project.stack.continued_with()
    assert project.deployment().outputs["api_id"] == api_id
    found = burst.audit()
    assert found.passed, found.lines()
    assert len(found.accepted) == ORDERS


def test_down_keeps_and_up_continues(project):
    before, api_id = booked(project.deployment()), project.deployment().outputs["api_id"]

    project.stack.stop(delete=False)
    assert project.containers() == {}
    assert project.stack.ensure_running() is True

    assert "continues with its state, saved " in project.stack.continued_with()
    deployment = project.deployment()
    assert deployment.outputs["api_id"] == api_id
    assert booked(deployment) >= before
    assert project.stack.plan_is_empty()


def test_a_kill_loses_nothing_that_the_last_checkpoint_holds(project):
    burst, saved_at = Burst(project), []
    target = project.deployment().target

    def kill_after_checkpoint():
        since = time.time()

        def is_saved():
            saved_at[:] = [control(target, "GET", checkpoints.PATH)["saved_at"]]
            return saved_at[0] > since

        eventually(is_saved, timeout_s=TIMEOUT_S, what="a checkpoint")
        project.stack.kill()
        assert project.stack.saved_at() >= saved_at[0]
        assert project.stack.ensure_running() is True

    burst.send_while(kill_after_checkpoint)

    assert "the last checkpoint before the crash, saved " in project.stack.continued_with()
    found = burst.audit()
    certain = {
        sent.answer.order_id for sent, at in burst.answered if at < saved_at[0] and sent.answer.accepted
    }
    assert len(certain) >= ORDERS // 3
    assert not found.lost & certain
    assert found.wrong_books == ()


def test_a_damaged_state_is_one_line_and_stays(project):
    project.compose("stop")
    change = ("run", "--rm", "--no-deps", "--entrypoint", "sh", "localstack", "-c")
    project.compose(*change, "cp /state/state /state/whole && head -c 1000 /state/whole > /state/state")
    try:
        for _ in range(2):
            with pytest.raises(
                HarnessError, match="saved state in /state can't be loaded: it is damaged"
            ) as error:
                project.stack.ensure_running()
            assert "\n" not in str(error.value)
    finally:
        project.compose(*change, "mv /state/whole /state/state")
    assert project.stack.ensure_running() is True
    assert "continues with its state" in project.stack.continued_with()
