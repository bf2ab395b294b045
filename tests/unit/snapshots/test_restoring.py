"""What a state holds that no longer works costs nothing else of it."""

from types import SimpleNamespace

import pytest
from localstack.services.events.models import Rule, events_stores
from localstack.services.events.provider import EventsProvider
from localstack.services.events.scheduler import JobScheduler

from serverless_harness.emulator.snapshots import restoring

ACCOUNT, REGION = "111122223333", "eu-west-1"


@pytest.fixture
def store():
    store = events_stores[ACCOUNT][REGION]
    yield store
    events_stores.pop(ACCOUNT)


@pytest.fixture
def provider(monkeypatch):
    provider = EventsProvider()
    made = []

    def create_target_sender(target, *_):
        if target["Id"] == "refused":
            raise ValueError("invalid placeholder")
        made.append(target["Id"])

    monkeypatch.setattr(provider, "create_target_sender", create_target_sender)
    provider.made = made
    return provider


def test_a_target_that_was_refused_leaves_the_others(store, provider, caplog):
    bus = provider.create_event_bus_service("default", REGION, ACCOUNT, None, None, None).event_bus
    store.event_buses["default"] = bus
    rule = Rule("r", REGION, ACCOUNT, targets={"refused": {"Id": "refused"}, "good": {"Id": "good"}})
    bus.rules["r"] = rule
    restoring.after_load({"events": SimpleNamespace(_provider=provider)})
    assert provider.made == ["good"]
    assert "target refused of" in caplog.text


def test_all_jobs_of_schedules_end(provider):
    scheduler = JobScheduler.instance()
    scheduler.add_job(lambda: None, "* * * * *", True)
    scheduler.add_job(lambda: None, "* * * * *", True)
    restoring.before_load({"events": SimpleNamespace(_provider=provider)})
    assert not scheduler.jobs


def test_executions_that_are_under_way_are_stopped_before_another_state_is_loaded(monkeypatch):
    stopped = []
    execution = SimpleNamespace(stop=lambda **given: stopped.append(given["cause"]))
    monkeypatch.setattr(restoring, "_running", lambda: iter([execution]))
    restoring.before_load({"stepfunctions": SimpleNamespace(_provider=None)})
    assert stopped == ["another state was loaded"]
