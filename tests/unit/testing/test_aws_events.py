"""The events that tests are given have the shapes of AWS's developer guide, Lambda chapter by chapter."""

import json
from decimal import Decimal

import pytest

from serverless_harness.testing.aws_events import AwsEvents

events = AwsEvents("eu-central-1", "123456789012")


def test_a_proxy_event_has_the_last_of_repeated_values_beside_all_of_them():
    event = events.api_gateway(
        "POST",
        "/notes/7",
        body={"text": "milk"},
        headers={"Accept": ["text/html", "application/json"]},
        query={"tag": ["a", "b"], "page": "2"},
        path_parameters={"id": "7"},
        resource="/notes/{id}",
    )

    assert json.loads(event["body"]) == {"text": "milk"}
    assert event["headers"] == {"Accept": "application/json"}
    assert event["multiValueHeaders"] == {"Accept": ["text/html", "application/json"]}
    assert event["queryStringParameters"] == {"tag": "b", "page": "2"}
    assert event["multiValueQueryStringParameters"] == {"tag": ["a", "b"], "page": ["2"]}
    assert event["requestContext"]["resourcePath"] == event["resource"] == "/notes/{id}"
    assert event["requestContext"]["path"] == "/test/notes/7"


def test_a_proxy_event_without_parameters_has_null_for_them_and_for_its_body():
    event = events.api_gateway()

    absent = ("headers", "multiValueHeaders", "queryStringParameters", "pathParameters", "body")
    assert [event[name] for name in absent] == [None] * len(absent)


def test_bytes_are_sent_as_base64():
    event = events.api_gateway("POST", body=b"\xff\x00")

    assert (event["body"], event["isBase64Encoded"]) == ("/wA=", True)


def test_a_function_url_joins_repeated_values_and_keeps_the_raw_query():
    event = events.function_url(
        "GET", "/a", query={"x": ["1", "2"]}, headers={"X-A": ["p", "q"]}, cookies=["c=1"]
    )

    assert event["rawQueryString"] == "x=1&x=2"
    assert event["queryStringParameters"] == {"x": "1,2"}
    assert event["headers"]["x-a"] == "p,q"
    assert event["cookies"] == ["c=1"]
    assert "body" not in event
    assert event["requestContext"]["http"]["method"] == "GET"


def test_records_name_where_they_come_from():
    [sns] = events.sns({"a": 1}, topic="orders")["Records"]
    first, second = events.sqs("x", {"y": 1}, queue="jobs", receive_count=3)["Records"]
    [s3] = events.s3("a b/ü.txt", bucket="files")["Records"]
    bridge = events.eventbridge({"n": 1}, detail_type="Order Placed", source="shop")

    assert sns["Sns"]["TopicArn"] == "arn:aws:sns:eu-central-1:123456789012:orders"
    assert json.loads(sns["Sns"]["Message"]) == {"a": 1}
    assert first["eventSourceARN"] == "arn:aws:sqs:eu-central-1:123456789012:jobs"
    assert first["attributes"]["ApproximateReceiveCount"] == "3"
    assert first["md5OfBody"] == "9dd4e461268c8034f5c8564e155c67a6"
    assert first["messageId"] != second["messageId"]
    assert s3["s3"]["object"]["key"] == "a+b/%C3%BC.txt"
    assert (bridge["detail-type"], bridge["account"]) == ("Order Placed", "123456789012")


def test_a_removed_object_has_no_size():
    [record] = events.s3("a", event_name="ObjectRemoved:Delete")["Records"]

    assert set(record["s3"]["object"]) == {"key", "sequencer"}


@pytest.mark.parametrize(
    ("images", "name"),
    [
        ({"new": {"n": 1}}, "INSERT"),
        ({"new": {"n": 2}, "old": {"n": 1}}, "MODIFY"),
        ({"old": {"n": 1}}, "REMOVE"),
    ],
)
def test_a_streams_record_is_named_by_its_images(images, name):
    [record] = events.dynamodb({"id": "a"}, **images)["Records"]

    assert record["eventName"] == name
    assert ("NewImage" in record["dynamodb"], "OldImage" in record["dynamodb"]) == (
        "new" in images,
        "old" in images,
    )


def test_a_streams_images_are_in_dynamodbs_types():
    [record] = events.dynamodb({"id": "a"}, new={"price": Decimal("1.50"), "raw": b"\x00", "tags": {"x"}})[
        "Records"
    ]

    assert record["dynamodb"]["Keys"] == {"id": {"S": "a"}}
    assert record["dynamodb"]["NewImage"] == {
        "id": {"S": "a"},
        "price": {"N": "1.50"},
        "raw": {"B": "AA=="},
        "tags": {"SS": ["x"]},
    }


def test_a_change_without_images_is_refused():
    with pytest.raises(ValueError, match="image"):
        events.dynamodb({"id": "a"})


def test_every_event_is_json():
    made = [
        events.api_gateway(),
        events.function_url(),
        events.sns("a"),
        events.sqs("a"),
        events.s3("a"),
        events.dynamodb({"id": 1}, new={}),
        events.eventbridge({}, detail_type="a", source="b"),
    ]

    assert json.loads(json.dumps(made)) == made
