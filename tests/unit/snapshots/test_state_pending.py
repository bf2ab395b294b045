"""What a state holds of deliveries: one that can't be saved is told of, and takes nothing else with it."""

import functools
import threading

import pytest

from serverless_harness.emulator.snapshots import codec, service_states


def document(*calls):
    return {
        "format": service_states.FORMAT,
        "services": {},
        "pending": {"events": [], "calls": list(calls)},
        "clock_ahead_s": 0.0,
    }


def test_calls_are_saved(caplog):
    call = (1.5, functools.partial(int, "7"))
    ((delay_s, restored),) = codec.loads(service_states._dumps(document(call)))["pending"]["calls"]
    assert (delay_s, restored()) == (1.5, 7)
    assert not caplog.records


def test_a_call_that_cannot_be_saved_is_left_out(caplog):
    calls = [(1.0, functools.partial(print, threading.current_thread())), (2.0, functools.partial(int, "7"))]
    ((delay_s, restored),) = codec.loads(service_states._dumps(document(*calls)))["pending"]["calls"]
    assert (delay_s, restored()) == (2.0, 7)
    assert "1 deliveries" in caplog.text


def test_a_state_that_cannot_be_saved_is_an_error():
    unsaved = document() | {"services": {"x": threading.current_thread()}}
    with pytest.raises(TypeError):
        service_states._dumps(unsaved)
