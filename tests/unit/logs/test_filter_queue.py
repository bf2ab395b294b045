"""What filters make of events, and that nobody waits for a destination."""

import gzip
import json
import threading

import pytest
from botocore.exceptions import ClientError
from localstack.aws.api.logs import InvalidParameterException
from moto.logs.models import LogEvent

from serverless_harness.emulator.logs import filter_queue, subscriptions
from serverless_harness.emulator.logs.filter_queue import Batch, Forwarder, Subscription, retry_delay_s
from serverless_harness.emulator.logs.metric_filters import MetricFilter, check_transformations
from serverless_harness.emulator.logs.patterns import parse
from serverless_harness.emulator.logs.subscriptions import Destination, Source, compressed, data_messages

SOURCE = Source("111122223333", "eu-west-1", "orders", "stream")
WAIT_S = 30


def events(*messages, at_ms=0):
    return [LogEvent(0, {"timestamp": at_ms, "message": message}) for message in messages]


class RecordingDestination:
    """A destination that keeps what it gets, after `gate` opens."""

    def __init__(self, arn, error=None):
        self.arn, self.error = arn, error
        self.gate, self.got = threading.Event(), []
        self.gate.set()

    def send(self, content):
        assert self.gate.wait(WAIT_S)
        if self.error:
            raise self.error
        self.got.append(content)


def batch(messages, *destinations, metric_filters=()):
    filters = [Subscription("f", parse("ERROR"), destination) for destination in destinations]
    return Batch(SOURCE, events(*messages), metric_filters, filters)


def values(metric_filter, batch_of_events):
    return [dict(datum.values) for datum in metric_filter.data(batch_of_events)]


def metric_filter(pattern, value="1", **transformation):
    return MetricFilter(
        parse(pattern),
        {"metricName": "m", "metricNamespace": "n", "metricValue": value, **transformation},
    )


def test_a_slow_destination_holds_up_neither_the_writer_nor_another_destination():
    forwarder = Forwarder()
    slow, quick = RecordingDestination("slow"), RecordingDestination("quick")
    slow.gate.clear()
    try:
        for number in range(20):
            forwarder.accept(batch([f"ERROR {number}"], slow, quick))
        for _ in range(WAIT_S * 100):
            if len(quick.got) == 20:
                break
            threading.Event().wait(0.01)
        assert len(quick.got) == 20
        assert slow.got == []
    finally:
        slow.gate.set()
    assert forwarder.wait(WAIT_S)
    assert [content["logEvents"][0]["message"] for content in slow.got] == [
        f"ERROR {number}" for number in range(20)
    ]


def test_what_a_destination_refuses_harms_nothing_else():
    forwarder = Forwarder()
    denied = ClientError(
        {"Error": {"Code": "AccessDeniedException"}, "ResponseMetadata": {"HTTPStatusCode": 403}}, "Invoke"
    )
    refusing, other = RecordingDestination("refusing", denied), RecordingDestination("other")

    forwarder.accept(batch(["ERROR 1", "INFO"], refusing, other))

    assert forwarder.wait(WAIT_S)
    assert len(other.got) == 1


def test_metric_data_that_cannot_be_put_keeps_no_subscription_back():
    def fail(source, data):
        raise ClientError({"Error": {"Code": "InternalFailure"}}, "PutMetricData")

    forwarder = Forwarder(put_data=fail)
    destination = RecordingDestination("d")

    forwarder.accept(batch(["ERROR"], destination, metric_filters=[metric_filter("ERROR")]))

    assert forwarder.wait(WAIT_S)
    assert len(destination.got) == 1


def test_events_that_wait_are_bounded(monkeypatch):
    monkeypatch.setattr(filter_queue, "MAX_WAITING_BYTES", 10)
    forwarder = Forwarder()
    destination = RecordingDestination("d")

    forwarder.accept(batch(["ERROR and more than fits"], destination))
    forwarder.accept(batch(["ERROR"], destination))

    assert forwarder.wait(WAIT_S)
    assert [content["logEvents"][0]["message"] for content in destination.got] == ["ERROR"]


def test_deliveries_are_tried_again_for_a_day():
    delays = [retry_delay_s(retry) for retry in range(1, 2000)]
    given = [delay for delay in delays if delay is not None]
    assert given[:3] == [1, 2, 4]
    assert max(given) == 60
    assert sum(given) == pytest.approx(24 * 60 * 60, rel=0.01)


def test_a_message_of_events():
    [message] = data_messages(SOURCE, "f", parse("[level=ERROR, code]"), events("ERROR 17", "INFO 18"))
    [entry] = message.pop("logEvents")
    assert message == {
        "messageType": "DATA_MESSAGE",
        "owner": "111122223333",
        "logGroup": "orders",
        "logStream": "stream",
        "subscriptionFilters": ["f"],
    }
    assert (entry["message"], entry["timestamp"]) == ("ERROR 17", 0)
    assert entry["extractedFields"] == {"level": "ERROR", "code": "17"}
    assert len(entry["id"]) == 56
    assert json.loads(gzip.decompress(compressed(message))) == message


def test_no_message_where_nothing_matches():
    assert list(data_messages(SOURCE, "f", parse("ERROR"), events("INFO"))) == []


def test_messages_fit_into_an_invoke(monkeypatch):
    monkeypatch.setattr(subscriptions, "MAX_PAYLOAD_BYTES", 400)
    written = events(*(f"ERROR {number}" for number in range(50)))

    messages = list(data_messages(SOURCE, "f", parse("ERROR"), written))

    assert len(messages) > 1
    assert all(len(compressed(message)) * 4 // 3 <= 400 for message in messages)
    sent = [entry["message"] for message in messages for entry in message["logEvents"]]
    assert sent == [event.message for event in written]


@pytest.mark.parametrize(
    ("arn", "role_arn", "message"),
    [
        ("arn:aws:sqs:eu-west-1:111122223333:q", None, "cannot work with destinationArn for vendor sqs"),
        ("nonsense", None, "cannot work with destinationArn for vendor"),
        ("arn:aws:lambda:eu-west-1:111122223333:function:f", "arn:role", "cannot be used with roleArn"),
        ("arn:aws:kinesis:eu-west-1:111122223333:stream/s", None, "cannot be used without roleArn"),
        ("arn:aws:firehose:eu-west-1:111122223333:deliverystream/s", None, "cannot be used without roleArn"),
    ],
)
def test_destinations_that_are_refused_unasked(arn, role_arn, message):
    with pytest.raises(InvalidParameterException, match=message):
        Destination(arn, role_arn, SOURCE).check()


def test_a_functions_own_group_cannot_feed_it():
    source = Source("111122223333", "eu-west-1", "/aws/lambda/f")
    with pytest.raises(InvalidParameterException, match="reserved for the function logs"):
        Destination("arn:aws:lambda:eu-west-1:111122223333:function:f", None, source).check()


def test_values_of_matches():
    assert values(metric_filter("ERROR"), events("ERROR", "INFO", "ERROR")) == [{1.0: 2}]
    assert values(metric_filter("{ $.n = * }", "$.n"), events('{"n": 2}', '{"n": "x"}')) == [{2.0: 1}]
    assert values(metric_filter("[a, n]", "$n"), events("x 2.5", "x y")) == [{2.5: 1}]
    assert values(metric_filter("ERROR", "0.5"), events("INFO")) == []


def test_a_default_value_is_reported_once_for_a_minute_without_a_match():
    counting = metric_filter("ERROR", defaultValue=0)
    assert values(counting, events("INFO", "INFO")) == [{0.0: 1}]
    assert values(counting, events("INFO")) == []
    assert values(counting, events("ERROR")) == [{1.0: 1}]
    assert values(counting, events("ERROR", "INFO", at_ms=60_000)) == [{1.0: 1}]
    assert values(counting, events("INFO", at_ms=120_000)) == [{0.0: 1}]


def test_dimensions_of_matches():
    by_path = metric_filter("[path, n]", "$n", dimensions={"Path": "$path"}, unit="Bytes")
    data = by_path.data(events("/a 1", "/b 2", "/a 3"))
    assert {datum.dimensions: dict(datum.values) for datum in data} == {
        (("Path", "/a"),): {1.0: 1, 3.0: 1},
        (("Path", "/b"),): {2.0: 1},
    }
    [datum] = next(iter(data)).to_metric_data()
    assert datum["Unit"] == "Bytes"
    assert datum["Dimensions"] == [{"Name": "Path", "Value": "/a"}]
    lacking = metric_filter("{ $.a = * }", dimensions={"B": "$.b"})
    assert values(lacking, events('{"a": 1}')) == []


@pytest.mark.parametrize(
    ("pattern", "change"),
    [
        ("ERROR", {"metricName": ""}),
        ("ERROR", {"metricNamespace": "AWS/Lambda"}),
        ("ERROR", {"metricValue": "$.n"}),
        ("ERROR", {"metricValue": "many"}),
        ("ERROR", {"metricValue": "nan"}),
        ("ERROR", {"dimensions": {"A": "$.a"}}),
        ("{ $.a = 1 }", {"dimensions": {"A": "constant"}}),
        ("{ $.a = 1 }", {"dimensions": {"A": "$.a"}, "defaultValue": 0}),
        ("{ $.a = 1 }", {"dimensions": dict.fromkeys("ABCD", "$.a")}),
        ("[a, b]", {"metricValue": "$c"}),
    ],
)
def test_transformations_that_are_refused(pattern, change):
    transformation = {"metricName": "m", "metricNamespace": "n", "metricValue": "1", **change}
    with pytest.raises(InvalidParameterException):
        check_transformations(parse(pattern), [transformation])


def test_transformations_that_are_taken():
    for pattern, more in (
        ("ERROR", {}),
        ("{ $.a = 1 }", {"metricValue": "$.a", "unit": "Count", "dimensions": {"A": "$.b"}}),
        ("[a, b]", {"metricValue": "$b", "defaultValue": 0}),
        ("[..., b]", {"metricValue": "$1"}),
    ):
        transformation = {"metricName": "m", "metricNamespace": "n", "metricValue": "1", **more}
        check_transformations(parse(pattern), [transformation])
