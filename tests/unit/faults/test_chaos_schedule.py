"""The schedule of a seed, and what the audit calls wrong."""

from collections import Counter
from decimal import Decimal
from itertools import count, islice, pairwise
from types import SimpleNamespace

import pytest

from serverless_harness.resilience.faults import Faults
from serverless_harness.testing.eventually import eventually
from shop import audit as audit_module
from shop.audit import Audit, Books, SentOrder, Totals
from shop.cash_register import Answer
from shop.chaos import BOOKINGS_A_STRIKE, KINDS, Chaos, Strike, schedule
from shop.orders import Order, Sale

FUNCTIONS = ["shop-accept", "shop-decrypt", "shop-process"]


def first(seed, number=200):
    return list(islice(schedule(seed, FUNCTIONS, ["A", "B"]), number))


def test_same_seed_is_the_same_schedule():
    assert first(3) == first(3)
    assert first(3) != first(4)


def test_schedule_goes_on_in_time_and_strikes_in_every_way():
    strikes = first(1)
    assert all(one.at_s < other.at_s for one, other in pairwise(strikes))
    effects = {strike.effect for strike in strikes}
    assert {"kill", "hang", "throttle", "server-error", "drop", "drop-answer", "disable-key"} == effects
    kinds = {
        (strike.effect, strike.fields.get("phase"), strike.fields.get("service")) for strike in strikes[:8]
    }
    assert len(kinds) == 8, "each kind comes before any comes again"
    assert {strike.shop_id for strike in strikes} == {"A", "B"}
    assert all(strike.lasts_s > 0 for strike in strikes)


@pytest.fixture
def faults(monkeypatch):
    """For how long each of the faults lasts that were added."""
    added = []
    client = SimpleNamespace(
        injected=Counter,
        current=lambda: [],
        add=lambda _effect, expires_in_s, **_: added.append(expires_in_s) or SimpleNamespace(id=len(added)),
    )
    monkeypatch.setattr(Faults, "of", lambda _: client)
    return added


def test_strikes_wait_for_a_shop_that_is_slow_and_last_longer_then(faults):
    booked = []
    deployment = SimpleNamespace(target=None, client=lambda _: None)
    strikes = (Strike(0.01, f"effect {number}", "A", 1.0) for number in count())
    with Chaos(deployment, strikes, lambda _: None, lambda: len(booked)):
        for more in range(3):
            eventually(lambda more=more: len(faults) == len(KINDS) + more, what="all strikes that are due")
            booked.extend(range(BOOKINGS_A_STRIKE))
    assert len(KINDS) + 2 <= len(faults) <= len(KINDS) + 3
    assert faults[: len(KINDS)] == [1.0] * len(KINDS)
    assert min(faults[len(KINDS) :]) > 1


def sent(order_id, cents, status=200):
    sale = Sale(item_no=1, gross_number=2, gross_turnover=Decimal(cents).scaleb(-2))
    return SentOrder("A", Order(sales=[sale]), Answer(order_id, status, 1, 1.0))


def books(number, turnover, stock, orders):
    return Books(
        {("A", 1): Totals(Decimal(number), Decimal(turnover))}, {("A", 1): Decimal(stock)}, {"A": orders}
    )


BEFORE = books(0, "0", 100, 0)
ORDERS = [sent("one", 598), sent("two", 1), sent("three", 777, status=None)]


def audited(monkeypatch, after, booked, dead=()):
    found = audit_module._Found(frozenset(booked), frozenset(dead), after)
    monkeypatch.setattr(audit_module, "_settle", lambda *_: found)
    return audit_module.audit(None, ORDERS, BEFORE, 1)


def test_all_booked_is_right(monkeypatch):
    result = audited(monkeypatch, books(4, "5.99", 96, 2), {"one", "two"})
    assert result.passed
    assert result.turnover == Decimal("5.99")
    assert (result.lost, result.dead, result.unconfirmed) == (frozenset(), frozenset(), frozenset())


def test_dead_letter_accounts_for_an_order_but_only_a_booking_is_money(monkeypatch):
    result = audited(monkeypatch, books(2, "0.01", 98, 1), {"two"}, dead={"one", "two"})
    assert result.passed
    assert result.dead == {"one"}


def test_booking_whose_client_heard_nothing_counts(monkeypatch):
    result = audited(monkeypatch, books(6, "13.76", 94, 3), {"one", "two", "three"})
    assert result.passed
    assert result.unconfirmed == {"three"}


def test_accepted_order_that_is_nowhere_is_lost(monkeypatch):
    result = audited(monkeypatch, books(2, "5.98", 98, 1), {"one"})
    assert not result.passed
    assert result.lost == {"two"}


@pytest.mark.parametrize(
    "after",
    [
        books(6, "11.97", 94, 2),  # booked twice
        books(4, "5.98", 96, 2),  # a cent is missing
        books(4, "5.99", 98, 2),  # the stock wasn't reduced
        books(4, "5.99", 96, 3),  # somebody else's order
    ],
)
def test_books_that_are_not_exact_are_wrong(monkeypatch, after):
    result = audited(monkeypatch, after, {"one", "two"})
    assert not result.passed
    assert result.wrong_books
    assert not result.lost


def test_audit_reads_as_text():
    audit = Audit(3, frozenset("a"), frozenset("b"), frozenset(), frozenset(), Decimal("0.00"), ())
    lost = {"lost        1", "lost        order a"}
    assert {"accepted    1", "refused     1", "unanswered  1", *lost} <= set(audit.lines())
