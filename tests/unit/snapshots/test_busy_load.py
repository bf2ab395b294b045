"""A load that finds the emulator busy changes nothing."""

import pytest

from serverless_harness.emulator.delivery.delayed_calls import DelayedCalls
from serverless_harness.emulator.delivery.function_waits import FunctionWaits
from serverless_harness.emulator.delivery.in_hand import InHand
from serverless_harness.emulator.first_uses import FirstUses
from serverless_harness.emulator.snapshots import codec, restoring, service_states
from serverless_harness.emulator.snapshots import gate as gates
from serverless_harness.emulator.snapshots.gate import Gate
from serverless_harness.emulator.snapshots.routes import SnapshotResource


@pytest.fixture
def changes(monkeypatch):
    """What is done to the present state, by its name."""
    changes = []
    for owner, name in (restoring, "before_load"), (service_states, "_clear"), (service_states, "_restore"):
        monkeypatch.setattr(owner, name, lambda *_, name=name: changes.append(name))
    monkeypatch.setattr(service_states.SERVICE_PLUGINS, "list_loaded_services", list)
    monkeypatch.setattr(gates, "QUIET_TIMEOUT_S", 0.05)
    return changes


def test_a_busy_emulator_refuses_a_load_before_anything_has_changed(changes):
    in_hand = InHand()
    snapshots = SnapshotResource(Gate(in_hand, DelayedCalls(), FunctionWaits()), FirstUses({}))
    document = {"format": service_states.FORMAT, "services": {}}
    in_hand.take()

    answer = snapshots.load(codec.dumps(document))

    assert (answer.status_code, answer.get_data(as_text=True)) == (
        409,
        "0 requests and 1 deliveries were under way",
    )
    assert changes == []
