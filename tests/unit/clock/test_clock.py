"""The clock is set forward: whoever waits by it gets there, and a load of state ends nobody's wait."""

import json
import threading
import time

import pytest

from serverless_harness.emulator.clock import Clock
from serverless_harness.emulator.clock.routes import MAX_AHEAD_S, ClockResource
from serverless_harness.emulator.delivery.delayed_calls import DelayedCalls
from serverless_harness.testing.eventually import eventually

TIMEOUT_S = 30
HOUR_S = 3600


class Request:
    def __init__(self, content):
        self._data = content if isinstance(content, bytes) else json.dumps(content).encode()

    def get_data(self):
        return self._data


def in_thread(function):
    done = threading.Event()
    threading.Thread(target=lambda: (function(), done.set()), daemon=True).start()
    return done


def test_it_goes_on_from_where_it_was_set():
    clock = Clock()
    before, elapsed = time.time(), clock.elapsed()
    clock.advance(HOUR_S)
    clock.advance(0.5)
    assert clock.ahead_s == HOUR_S + 0.5
    assert clock.now() >= before + HOUR_S + 0.5
    assert clock.elapsed() >= elapsed + HOUR_S + 0.5


def test_a_sleeper_wakes_when_it_is_set_forward_far_enough():
    clock = Clock()
    slept = in_thread(lambda: clock.sleep(HOUR_S))
    clock.advance(HOUR_S / 2)
    assert not slept.wait(0.05)
    # It may have begun to sleep only now: then it takes one more.
    eventually(lambda: clock.advance(HOUR_S / 2) or slept.is_set(), timeout_s=TIMEOUT_S)


def test_a_load_sets_the_time_and_not_what_has_elapsed():
    clock = Clock()
    clock.advance(HOUR_S)
    elapsed = clock.elapsed()
    clock.restore(60)
    assert clock.ahead_s == 60
    assert clock.now() < time.time() + HOUR_S
    assert clock.elapsed() >= elapsed


def test_what_reacts_is_called_after_each_advance():
    clock, seen = Clock(), []
    clock.when_advanced(lambda: seen.append(clock.ahead_s))
    clock.advance(1)
    clock.advance(2)
    assert seen == [1, 3]


def test_delayed_calls_come_when_the_clock_is_set_forward():
    clock = Clock()
    calls, first, second = DelayedCalls(clock), threading.Event(), threading.Event()
    calls.call_later(60, first.set)
    calls.call_later(HOUR_S, second.set, is_kept=True)
    clock.advance(60)
    assert first.wait(TIMEOUT_S)
    assert not second.is_set()
    [(delay_s, _)] = calls.kept()
    assert delay_s <= HOUR_S - 60
    clock.advance(HOUR_S)
    assert second.wait(TIMEOUT_S)


@pytest.mark.parametrize(
    ("advance", "seconds"),
    [
        ("90s", 90),
        ("5m", 300),
        ("2h", 7200),
        ("1d", 86400),
        ("1h30m", 5400),
        ("0.5s", 0.5),
        (12.5, 12.5),
        (0, 0),
    ],
)
def test_it_is_set_forward_over_http(advance, seconds):
    clock = Clock()
    answer = ClockResource(clock).on_post(Request({"advance": advance}))
    assert answer.status_code == 200
    assert clock.ahead_s == seconds
    assert answer.json["ahead_s"] == seconds
    assert answer.json["now_s"] == pytest.approx(clock.now(), abs=TIMEOUT_S)
    assert ClockResource(clock).on_get(Request(b"")).json["ahead_s"] == seconds


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"5m",
        b"[]",
        b'"5m"',
        b"\xff",
        {},
        {"advance": "5"},
        {"advance": "5 m"},
        {"advance": "-5m"},
        {"advance": "5w"},
        {"advance": ""},
        {"advance": -1},
        {"advance": True},
        {"advance": None},
        {"advance": "9" * 5000 + "d"},
        {"advance": 10**400},
        b'{"advance": NaN}',
        b'{"advance": Infinity}',
        {"advance": MAX_AHEAD_S + 1},
        {"advance": "999999999999d"},
    ],
)
def test_what_is_no_time_to_set_it_forward_by_is_refused_in_one_line(content):
    clock = Clock()
    answer = ClockResource(clock).on_post(Request(content))
    assert answer.status_code == 400
    assert clock.ahead_s == 0
    [line] = answer.json["message"].splitlines()
    assert len(line) < 200
