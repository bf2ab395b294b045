"""Waits say what was waited for, what was found, and where to look."""

import itertools

import pytest

from serverless_harness.waiting import Wait, WaitTimeoutError


def test_a_wait_gives_the_first_thing_that_is_there():
    found = iter([None, "", 0, "there", "too late"])
    assert Wait("it", timeout_s=10, interval_s=0).until(lambda: next(found)) == "there"


def test_a_wait_looks_once_even_without_time():
    assert Wait("it", timeout_s=0).until(lambda: 1) == 1


def test_a_timeout_tells_what_was_waited_for_what_was_found_and_a_hint():
    numbers = itertools.count(1)
    wait = Wait("3 bookings", 0.01, 0.001, describe=lambda: f"state {next(numbers)}", hint="see the logs")
    with pytest.raises(
        WaitTimeoutError, match=r"^waited 0.01 s for 3 bookings, found state 1; see the logs$"
    ):
        wait.until(lambda: None)


def test_without_a_description_the_last_look_is_told():
    with pytest.raises(TimeoutError, match=r"found \[\]"):
        Wait("bookings", 0).until(list)


def test_an_error_while_looking_is_not_hidden():
    def look():
        raise KeyError("typo")

    with pytest.raises(KeyError):
        Wait("it", timeout_s=10).until(look)
