"""`eventually` waits for something true, takes assertions for looks, and says what it saw last."""

import pytest

from serverless_harness.testing.eventually import eventually
from serverless_harness.waiting import WaitTimeoutError


def looks(*results):
    remaining = iter(results)

    def look():
        result = next(remaining)
        if isinstance(result, Exception):
            raise result
        return result

    return look


def test_it_gives_what_was_found():
    assert eventually(looks(None, 0, "", "found"), interval_s=0) == "found"


def test_an_assertion_that_fails_is_a_look_that_found_nothing():
    assert eventually(looks(AssertionError("not yet"), True), interval_s=0) is True


def test_any_other_error_is_the_tests():
    with pytest.raises(KeyError):
        eventually(looks(KeyError("a")))


def test_the_error_says_what_was_waited_for_and_what_was_seen_last():
    with pytest.raises(WaitTimeoutError, match=r"waited 0 s for the note, found \[\]"):
        eventually(lambda: [], what="the note", timeout_s=0)


def look_in_vain():
    seen = ["another"]
    assert "the note" in seen, seen


def test_the_error_has_the_assertion_that_failed():
    with pytest.raises(
        WaitTimeoutError, match=r"for look_in_vain, found an assertion that failed: \['another'\]"
    ):
        eventually(look_in_vain, timeout_s=0)
