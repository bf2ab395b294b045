"""Which calls a fault strikes, how it is counted, and when it ends."""

import json
import queue
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from localstack.aws.api import RequestContext
from localstack.aws.spec import load_service
from localstack.http import Request

from serverless_harness.emulator.faults import functions, registry
from serverless_harness.emulator.faults.model import parse
from serverless_harness.emulator.faults.registry import FaultRegistry
from serverless_harness.emulator.faults.strike_call import StrikeCall
from serverless_harness.testing.eventually import eventually


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
    assert (fault.matched, fault.injected, faults.injected_by_effect.total()) == (4, 2, 2)


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
    assert faults.injected_by_effect.total() == 1


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


class TestDelays:
    @pytest.fixture
    def faults(self):
        """By the real clock, in which delays pass."""
        return FaultRegistry()

    def delayed(self, faults, **fields):
        """A call that a fault delays; gives how it ended: None where it goes on."""
        add(faults, effect="server-error", delay_ms=900_000, **fields)
        context = RequestContext(Request("POST"))
        context.service = load_service("kms")
        context.operation = context.service.operation_model("Decrypt")
        call = ThreadPoolExecutor(1).submit(StrikeCall(faults), None, context, None)
        return call.exception

    @pytest.mark.parametrize("clear", [FaultRegistry.clear, lambda faults: faults.remove("fault-1")])
    def test_delayed_call_goes_on_when_the_fault_is_cleared(self, faults, clear):
        end = self.delayed(faults)
        eventually_struck(faults)
        clear(faults)
        assert end(10) is None

    def test_delayed_call_goes_on_when_the_fault_expires(self, faults):
        assert self.delayed(faults, expires_in_s=0.2)(10) is None

    def test_fault_lasts_through_a_delay_that_nothing_ends(self, faults):
        fault = add(faults)
        assert fault.lasts(0.01)
        assert not fault.lasts(61, lambda: True)


def eventually_struck(faults):
    eventually(faults.injected_by_effect.total, "a fault to strike")


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

    def test_signal_that_is_not_sent_is_not_counted_as_one_of_the_first_calls(self, faults):
        fault = self.add(faults, delay_ms=50, first_calls=1)
        with self.take(faults).striking(lambda _: None):
            pass
        assert (fault.matched, fault.injected, faults.injected_by_effect.total()) == (1, 0, 0)
        sent = threading.Event()
        with self.take(faults).striking(lambda _: sent.set()):
            assert sent.wait(10)
        assert self.take(faults) is functions.NO_FAULT
        assert (fault.matched, fault.injected, faults.injected_by_effect.total()) == (3, 1, 1)

    def test_signal_is_not_sent_after_the_fault_is_cleared(self, faults):
        self.add(faults, delay_ms=500)
        sent = []
        with self.take(faults).striking(sent.append):
            faults.clear()
            time.sleep(0.7)
        assert sent == []

    def test_signal_is_not_sent_after_the_fault_expires(self, faults):
        self.add(faults, delay_ms=100, expires_in_s=0.05)
        sent = []
        with self.take(faults).striking(sent.append):
            time.sleep(0.2)
        assert sent == []

    def test_hung_process_goes_on_when_the_fault_is_cleared(self, faults):
        self.add(faults, effect="hang")
        sent = queue.Queue()
        with self.take(faults).striking(sent.put):
            assert sent.get(timeout=10) == signal.SIGSTOP
            faults.clear()
            assert sent.get(timeout=10) == signal.SIGCONT

    def test_hung_process_that_has_timed_out_does_not_go_on(self, faults):
        self.add(faults, effect="hang")
        sent = queue.Queue()
        with self.take(faults).striking(sent.put):
            assert sent.get(timeout=10) == signal.SIGSTOP
        assert sent.empty()

    def test_signal_is_sent(self, faults):
        self.add(faults)
        sent = threading.Event()
        with self.take(faults).striking(lambda _: sent.set()):
            assert sent.wait(10)
