"""A round of the soak of restarts passes where nothing is lost that may not be."""

from decimal import Decimal

import pytest

from shop.audit import Audit
from shop.restart_soak import Round


def a_round(booked, may_be_lost=(), refused=(), wrong_books=(), sent=2):
    accepted = frozenset({"a", "b"})
    found = Audit(
        sent, accepted, frozenset(refused), frozenset(booked), frozenset(), Decimal(0), tuple(wrong_books)
    )
    answered_at = {"a": 101.0, "b": 103.5, "c": 106.0}
    not_accepted = dict.fromkeys(refused, 404)
    return Round(7, found, answered_at, not_accepted, 104.0, 102.0, 5.0, 0, frozenset(may_be_lost))


def test_a_round_in_which_all_is_booked_passes():
    made = a_round("ab")
    assert made.passed
    assert made.lines("down") == [
        "seed 7: away for 5.0 s; 2 of 2 accepted, 2 booked, 0 dead letters, 0 lost, passed"
    ]


def test_what_was_answered_after_the_checkpoint_may_be_lost_and_is_named():
    made = a_round("a", may_be_lost="b")
    assert made.passed
    first, second = made.lines("kill")
    assert "the checkpoint was 2.0 s old" in first
    assert "1 lost, passed" in first
    assert second == "  lost: order b, answered +1.5 s after the state was saved"


@pytest.mark.parametrize(
    "made",
    [
        a_round("b", may_be_lost="b"),
        a_round("a"),
        a_round("ab", refused="c"),
        a_round("ab", wrong_books=["x"]),
        a_round("ab", sent=3),
    ],
)
def test_anything_else_is_a_failure(made):
    assert not made.passed
    assert "FAILED" in made.lines("kill")[0]


def test_an_order_that_is_not_accepted_is_named_with_its_last_answer():
    assert a_round("ab", refused="c").lines("down")[1:] == [
        "  not accepted: order c, the last answer was 404, +2.0 s after the stack was told to end"
    ]
