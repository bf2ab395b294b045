"""The audit waits until nothing changes any more, not in the totals either."""

from decimal import Decimal
from types import SimpleNamespace

import pytest

from shop import audit as audit_module
from shop import shops
from shop.audit import Books, SentOrder, Totals, audit
from shop.cash_register import Answer
from shop.orders import Order, Sale

ORDER = Order(sales=[Sale(item_no=1, gross_number=2, gross_turnover=Decimal("5.98"))])
SENT = [SentOrder("AMIS1", ORDER, Answer("order", 200, 1, 10.0))]
BEFORE = Books({("AMIS1", 1): Totals()}, {("AMIS1", 1): Decimal(100)}, {"AMIS1": 0})
TIMEOUT_S = 10


@pytest.fixture
def bookings(monkeypatch):
    """How often the order is booked, at each look at the items; the last stays."""
    bookings = []

    def items(*_):
        times = bookings.pop(0) if len(bookings) > 1 else bookings[0]
        return [
            SimpleNamespace(
                item_no=1,
                gross_number=Decimal(2 * times),
                gross_turnover=times * Decimal("5.98"),
                stock=Decimal(100 - 2 * times),
            )
        ]

    monkeypatch.setattr(audit_module, "QUIET_S", 0.01)
    monkeypatch.setattr(audit_module, "ShopDeadLetters", lambda _: SimpleNamespace(letters=list))
    monkeypatch.setattr(shops, "booked_orders", lambda *_: {"order"})
    monkeypatch.setattr(shops, "count_orders", lambda *_: 1)
    monkeypatch.setattr(shops, "read_items", items)
    return bookings


def test_an_order_that_is_booked_once_passes(bookings):
    bookings.append(1)
    found = audit(None, SENT, BEFORE, TIMEOUT_S)
    assert (found.passed, found.turnover) == (True, Decimal("5.98"))


def test_a_second_booking_of_an_order_is_waited_for(bookings):
    bookings.extend([0, 1, 2, 2])
    found = audit(None, SENT, BEFORE, TIMEOUT_S)
    assert found.turnover == Decimal("11.96")
    assert not found.passed


def test_an_audit_that_never_settles_tells_what_it_found_last(bookings):
    bookings.extend(range(1, 1000))
    assert not audit(None, SENT, BEFORE, timeout_s=0.1).passed
