"""Which calls a fault strikes, how it is counted, and when it ends."""

import json
import threading

import pytest

from emulator.faults import functions, registry
from emulator.faults.model import parse
from emulator.faults.registry import FaultRegistry


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def monotonic(self):
        return self.now_s


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(registry, "time", clock)
    return clock


@pytest.fixture
def faults(clock):
    return FaultRegistry()


def add(faults, **fields):
    return faults.add(parse(json.dumps({"effect": "drop", "service": "kms", **fields})))


def strikes(faults, fault, calls):
    return [faults.strike(fault) for _ in range(calls)]


def test_first_calls(faults):
    fault = add(faults, first_calls=2)
    assert strikes(faults, fault, 4) == [True, True, False, False]
    assert (fault.matched, fault.injected, faults.injected_total) == (4, 2, 2)


def test_share_is_drawn_from_the_seed(faults):
    one, same, other = (add(faults, share=0.3, seed=seed) for seed in (7, 7, 8))
    drawn = strikes(faults, one, 1000)
    assert drawn == strikes(faults, same, 1000)
    assert drawn != strikes(faults, other, 1000)
    assert 230 < sum(drawn) < 370


def test_fault_ends_when_it_expires(faults, clock):
    fault = add(faults, expires_in_s=5)
    assert faults.strike(fault)
    clock.now_s += 5
    assert not faults.strike(fault)
    assert faults.current() == []
    assert faults.calls == ()
    assert faults.injected_total == 1


def test_cleared_fault_strikes_no_more_and_tells_what_it_did(faults):
    fault, other = add(faults), add(faults)
    faults.strike(fault)
    assert faults.remove(fault.id) is fault
    assert not faults.strike(fault)
    assert faults.calls == (other,)
    assert faults.remove(fault.id) is None
    assert faults.clear() == [other]
    assert faults.calls == ()


def test_counts_are_exact_over_threads(faults):
    fault = add(faults, first_calls=500)
    threads = [threading.Thread(target=strikes, args=(faults, fault, 250)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (fault.matched, fault.injected) == (2000, 500)


class TestFunctions:
    def add(self, faults, **fields):
        return faults.add(parse(json.dumps({"effect": "kill", "function": "shop-*", **fields})))

    def take(self, faults, name="shop-decrypt", phase="invoke", payload=b""):
        return functions.take(name, phase, payload, faults)

    def test_function_and_phase_decide(self, faults):
        fault = self.add(faults, phase="init")
        assert self.take(faults) is functions.NO_FAULT
        assert self.take(faults, name="other", phase="init") is functions.NO_FAULT
        assert self.take(faults, phase="init").signal_number == 9
        assert fault.matched == 1

    def test_payload_decides(self, faults):
        self.add(faults, containing="SHOP-1")
        assert self.take(faults, payload=b'{"shop": "SHOP-2"}') is functions.NO_FAULT
        assert self.take(faults, payload=b'{"shop": "SHOP-1"}') is not functions.NO_FAULT

    def test_signal_is_not_sent_to_who_was_quicker(self, faults):
        self.add(faults, delay_ms=60_000)
        sent = []
        with self.take(faults).striking(sent.append):
            pass
        assert sent == []

    def test_signal_is_sent(self, faults):
        self.add(faults)
        sent = threading.Event()
        with self.take(faults).striking(lambda _: sent.set()):
            assert sent.wait(10)
