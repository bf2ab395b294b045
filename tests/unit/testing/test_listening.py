"""A listener keeps what it has seen, waits for what matches, and says what came instead."""

import pytest

from serverless_harness.testing.messages import Listener, Message
from serverless_harness.waiting import WaitTimeoutError


def listener(*looks):
    remaining = iter(looks)
    return Listener("queue q", lambda: next(remaining, []))


def test_it_waits_for_the_message_that_matches():
    heard = listener([Message("1", "a")], [], [Message("1", "a"), Message("2", '{"n": 2}')])

    assert heard.wait_for(lambda message: message.message_id == "2").json == {"n": 2}


def test_a_message_that_is_seen_again_counts_once():
    heard = listener([Message("1", "a")], [Message("1", "a")])

    assert (len(heard.all()), len(heard.all())) == (1, 1)


def test_a_message_that_was_taken_by_another_meanwhile_was_seen_all_the_same():
    heard = listener([Message("1", "a")], [])
    heard.all()

    assert heard.wait_for(lambda message: message.body == "a").message_id == "1"


def test_the_error_says_what_came_instead():
    heard = listener([Message("1", "something else")])

    with pytest.raises(WaitTimeoutError, match=r"queue q that matches.*something else"):
        heard.wait_for(lambda message: message.body == "a", timeout_s=0)
