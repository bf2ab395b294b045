from collections import Counter
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from localstack.aws.api.lambda_ import TooManyRequestsException
from localstack.services.lambda_.invocation import version_manager

from serverless_harness.emulator.lambda_service import metrics
from serverless_harness.emulator.lambda_service.metrics import Datum, MetricBuffer

SECOND = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


class Clock:
    at = SECOND

    @classmethod
    def now(cls):
        return cls.at.timestamp()


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(metrics, "clock", Clock)
    monkeypatch.setattr(Clock, "at", SECOND)
    return Clock


def datum(metric="Invocations", value=1, function="accept", region="eu-central-1", time=SECOND):
    return Datum("000000000000", region, function, metric, value, time)


def test_what_is_recorded_within_the_interval_is_published_together(clock):
    published, scheduled = [], []
    buffer = MetricBuffer(published.append, lambda delay_s, flush: scheduled.append((delay_s, flush)))
    for errors in (0, 0, 1):
        buffer.record("000000000000", "eu-central-1", "accept", Invocations=1, Errors=errors)
    ((delay_s, flush),) = scheduled
    assert delay_s == metrics.FLUSH_INTERVAL_S
    flush()
    assert published == [Counter({datum(): 3, datum("Errors", 0): 2, datum("Errors", 1): 1})]
    buffer.record("000000000000", "eu-central-1", "accept", Invocations=1)
    assert len(scheduled) == 2


def test_samples_keep_their_second(clock, monkeypatch):
    published, flushes = [], []
    buffer = MetricBuffer(published.append, lambda _delay_s, flush: flushes.append(flush))
    buffer.record("000000000000", "eu-central-1", "accept", Invocations=1)
    later = SECOND.replace(second=1)
    monkeypatch.setattr(Clock, "at", later.replace(microsecond=5))
    buffer.record("000000000000", "eu-central-1", "accept", Invocations=1)
    flushes[0]()
    assert published == [Counter({datum(): 1, datum(time=later): 1})]


def test_a_datum_carries_its_sample_count():
    assert metrics.metric_datum(datum("Errors", 0), 5) == {
        "MetricName": "Errors",
        "Dimensions": [{"Name": "FunctionName", "Value": "accept"}],
        "Timestamp": SECOND,
        "Values": [0.0],
        "Counts": [5.0],
        "Unit": "Count",
    }


@pytest.fixture
def calls(monkeypatch):
    """The PutMetricData calls made, by region."""
    calls = []

    def connect_to(aws_access_key_id, region_name):
        def put_metric_data(**data):
            calls.append((aws_access_key_id, region_name, data))

        return SimpleNamespace(cloudwatch=SimpleNamespace(put_metric_data=put_metric_data))

    monkeypatch.setattr(metrics, "connect_to", connect_to)
    monkeypatch.setattr(metrics, "is_api_enabled", lambda _api: True)
    return calls


def test_each_region_gets_a_call_of_its_own(calls):
    metrics.publish(Counter({datum(): 2, datum(region="us-east-1"): 1, datum(function="process"): 1}))
    assert sorted((region, len(data["MetricData"])) for _, region, data in calls) == [
        ("eu-central-1", 2),
        ("us-east-1", 1),
    ]
    assert {data["Namespace"] for *_, data in calls} == {"AWS/Lambda"}


def test_a_call_has_at_most_a_thousand_data(calls):
    metrics.publish(Counter({datum(function=f"f{number}"): 1 for number in range(1001)}))
    assert [len(data["MetricData"]) for *_, data in calls] == [1000, 1]


def test_without_cloudwatch_nothing_is_called(calls, monkeypatch):
    monkeypatch.setattr(metrics, "is_api_enabled", lambda _api: False)
    metrics.publish(Counter({datum(): 1}))
    assert calls == []


def test_while_the_emulator_stops_nothing_is_called(calls, monkeypatch):
    stopping = SimpleNamespace(is_set=lambda: True)
    monkeypatch.setattr(metrics, "events", SimpleNamespace(infra_stopping=stopping))
    metrics.publish(Counter({datum(): 1}))
    assert calls == []


def test_an_error_of_cloudwatch_costs_nothing_else(monkeypatch):
    def refuse(**_data):
        raise ConnectionError("no")

    client = SimpleNamespace(cloudwatch=SimpleNamespace(put_metric_data=refuse))
    monkeypatch.setattr(metrics, "connect_to", lambda **_: client)
    monkeypatch.setattr(metrics, "is_api_enabled", lambda _api: True)
    metrics.publish(Counter({datum(): 1}))


def test_the_version_manager_counts_in_its_own_thread(applied, monkeypatch):
    recorded = []
    buffer = SimpleNamespace(record=lambda *names, **values: recorded.append((names, values)))
    applied("lambda_metrics")
    monkeypatch.setattr(metrics, "shared_buffer", lambda: buffer)
    names = {"function_name": "accept", "account_id": "000000000000", "region_name": "eu-central-1"}
    thread = version_manager.start_thread(
        lambda *_, **__: version_manager.record_cw_metric_invocation(**names),
        name="record-cloudwatch-metric-accept:$LATEST",
    )
    assert thread is None
    version_manager.record_cw_metric_error(**names)
    arguments = ("000000000000", "eu-central-1", "accept")
    assert recorded == [
        (arguments, {"Invocations": 1, "Errors": 0}),
        (arguments, {"Invocations": 1, "Errors": 1}),
    ]


def test_a_throttled_invoke_counts_as_that_alone(monkeypatch):
    recorded = []
    buffer = SimpleNamespace(record=lambda *names, **values: recorded.append((names, values)))
    monkeypatch.setattr(metrics, "shared_buffer", lambda: buffer)
    version = SimpleNamespace(account="000000000000", region="eu-central-1", function_name="accept")
    manager = SimpleNamespace(function_version=SimpleNamespace(id=version))

    def throttled(_manager, *, invocation):
        raise TooManyRequestsException("Rate Exceeded.")

    with pytest.raises(TooManyRequestsException):
        metrics.count_throttle(throttled, manager, invocation=None)
    assert metrics.count_throttle(lambda _manager, *, invocation: "done", manager, invocation=None) == "done"
    assert recorded == [(("000000000000", "eu-central-1", "accept"), {"Throttles": 1})]


def test_other_threads_of_the_version_manager_are_started(applied):
    applied("lambda_metrics")
    thread = version_manager.start_thread(lambda *_: "done")
    assert thread.result_future.result(10) == "done"


def test_what_is_forgotten_is_not_published(clock):
    published, flushes = [], []
    buffer = MetricBuffer(published.append, lambda _delay_s, flush: flushes.append(flush))
    buffer.record("000000000000", "eu-central-1", "accept", Invocations=1)
    buffer.forget()
    for flush in flushes:
        flush()
    assert published == [Counter()]
