import threading
import time

import pytest

from serverless_harness.emulator.delivery.delayed_calls import DelayedCalls, scaled_s
from serverless_harness.emulator.settings import InvalidSettingError

TIMEOUT_S = 10


@pytest.mark.parametrize(("text", "scale"), [("", 1.0), ("0.02", 0.02), ("0", 0.0), ("2", 2.0)])
def test_the_scale_is_one_unless_it_is_set(monkeypatch, text, scale):
    monkeypatch.setenv("LAMBDA_ASYNC_DELAY_SCALE", text)
    assert scaled_s(60) == 60 * scale


@pytest.mark.parametrize("text", ["fast", "-1", "nan", "inf"])
def test_a_scale_that_is_no_number_from_zero_up_is_refused(monkeypatch, text):
    monkeypatch.setenv("LAMBDA_ASYNC_DELAY_SCALE", text)
    with pytest.raises(InvalidSettingError, match="LAMBDA_ASYNC_DELAY_SCALE"):
        scaled_s(60)


def test_calls_are_made_in_the_order_of_their_times_and_then_of_their_coming():
    calls, made, done = DelayedCalls(), [], threading.Event()
    calls.call_later(0.06, done.set)
    calls.call_later(0.03, lambda: made.append("late"))
    for number in range(20):
        calls.call_later(0, lambda number=number: made.append(number))
    assert done.wait(TIMEOUT_S)
    assert made == [*range(20), "late"]


def test_an_earlier_call_is_not_kept_waiting_by_a_later_one():
    calls, made = DelayedCalls(), threading.Event()
    calls.call_later(3600, lambda: None)
    begin = time.monotonic()
    calls.call_later(0.01, made.set)
    assert made.wait(TIMEOUT_S)
    assert time.monotonic() - begin >= 0.01


def test_a_call_that_raises_does_not_end_the_others(caplog):
    calls, made = DelayedCalls(), threading.Event()
    calls.call_later(0, lambda: 1 / 0)
    calls.call_later(0, made.set)
    assert made.wait(TIMEOUT_S)
    assert "A delayed call failed" in caplog.text
