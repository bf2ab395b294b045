"""A soak whose stack answers nothing tells so, and one whose stack dies ends."""

import time
from collections import Counter
from decimal import Decimal
from types import SimpleNamespace

import pytest

from serverless_harness.errors import HarnessError
from shop import soak as soak_module
from shop.audit import Audit, Books
from shop.cash_register import Answer, EncryptedOrder, Summary
from shop.orders import Order, Sale
from shop.soak import Load, Soaked, run_soak

ORDER = Order(sales=[Sale(item_no=1, gross_number=1, gross_turnover=Decimal(1))])
NOTHING = Audit(1, frozenset(), frozenset(), frozenset(), frozenset(), Decimal(0), ())


class Register:
    """Answers a while after the stack has died, and with nothing."""

    def __init__(self):
        self.sent = []

    def send(self, order, retry_for_s):
        self.sent.append(order)
        time.sleep(0.05)
        return Answer(order.order_id, None, 9, 0.0)


def test_of_a_soak_without_an_accepted_order_the_audit_is_shown():
    summary = Summary([Answer("order", 403, 1, 5.0)])
    lines = Soaked(NOTHING, 0, NOTHING, 3, Counter({"throttle": 4, "kill": 2}), summary, 2.0).lines()
    assert lines[0] == "load        2 s, 0 orders/s, no order accepted, 0 requests sent again"
    assert lines[1] == "chaos       3 strikes, 6 calls and invokes struck: kill 2, throttle 4"
    assert "  accepted    0" in lines


def send(register, count, is_running=lambda: True, interval_s=0.0):
    orders = [("AMIS1", ORDER)] * count
    encrypted = [EncryptedOrder(str(number), b"") for number in range(count)]
    sent = []
    Load({"AMIS1": register}, Books({}, {}, {}), orders, encrypted).send(
        2, is_running, interval_s, sent.append
    )
    return sent


def test_no_more_orders_are_sent_to_a_stack_that_died():
    register = Register()
    with pytest.raises(HarnessError, match="no longer runs"):
        send(register, 100, is_running=lambda: not register.sent)
    assert len(register.sent) <= 2


@pytest.mark.parametrize(("crashed", "message"), [(True, "the stack crashed: see"), (False, "boom")])
def test_the_death_of_the_stack_is_said_whatever_failed_by_it(monkeypatch, tmp_path, crashed, message):
    def fail(*_):
        raise HarnessError("boom")

    stopped = []
    stack = SimpleNamespace(
        endpoint_url="http://127.0.0.1:1",
        start=lambda: None,
        stop=lambda: stopped.append(True),
        target=None,
        has_crashed=lambda: crashed,
        log_file=tmp_path / "localstack.log",
    )
    monkeypatch.setattr(soak_module, "EmbeddedStack", lambda *_: stack)
    monkeypatch.setattr(soak_module, "deploy_and_seed", fail)
    with pytest.raises(HarnessError, match=message):
        run_soak(1, 1, seed=1)
    assert stopped


def test_orders_are_spread_over_the_time_that_a_soak_has_at_least():
    started = time.monotonic()
    assert len(send(Register(), 5, interval_s=0.05)) == 5
    assert time.monotonic() - started >= 0.2
