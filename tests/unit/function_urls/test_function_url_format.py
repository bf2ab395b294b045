"""Events, responses and CORS of function URLs, without a stack."""

from datetime import UTC, datetime

import pytest

from serverless_harness.emulator.lambda_service import function_urls
from serverless_harness.emulator.lambda_service.function_urls import BadResultError, UrlRequest

NOW = datetime(2026, 3, 18, 12, 34, 56, tzinfo=UTC)


def request(*headers, method="GET", body=b"", query=""):
    return UrlRequest(method, "/a", query, headers, body, "192.0.2.1", "4566")


def event(url_request, iam=None):
    return function_urls.event(url_request, "abc", "r-1", "Root=1-a-b", NOW, iam)


def test_events():
    told = event(request(("Host", "h"), ("X-A", "1"), ("x-a", "2"), query="b=%20&b"))
    assert told["headers"] == {
        "host": "h",
        "x-a": "1,2",
        "x-forwarded-for": "192.0.2.1",
        "x-forwarded-port": "4566",
        "x-forwarded-proto": "http",
        "x-amzn-trace-id": "Root=1-a-b",
    }
    assert told["queryStringParameters"] == {"b": " ,"}
    assert told["requestContext"]["time"] == "18/Mar/2026:12:34:56 +0000"
    assert told["requestContext"]["timeEpoch"] == 1773837296000
    iam = {"accountId": "000000000000", "userArn": "arn"}
    context = event(request(), iam)["requestContext"]
    assert (context["accountId"], context["authorizer"]) == ("000000000000", {"iam": iam})


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        ("application/json", b"{}", ("{}", False)),
        ("text/plain; charset=utf-8", "é".encode(), ("é", False)),
        ("text/plain", b"\xff", ("/w==", True)),
        ("application/x-www-form-urlencoded", b"a=1", ("YT0x", True)),
        (None, b"a", ("YQ==", True)),
    ],
)
def test_bodies(content_type, body, expected):
    headers = [("Content-Type", content_type)] if content_type else []
    told = event(request(*headers, body=body))
    assert (told["body"], told["isBase64Encoded"]) == expected


@pytest.mark.parametrize(
    "payload",
    [
        b'{"statusCode": true}',
        b'{"statusCode": 99}',
        b'{"statusCode": 200, "headers": "a"}',
        b'{"statusCode": 200, "headers": {"a": {}}}',
        b'{"statusCode": 200, "headers": {"a": "b\\r\\nc: d"}}',
        b'{"statusCode": 200, "cookies": "a=1"}',
        b'{"statusCode": 200, "body": "?", "isBase64Encoded": true}',
    ],
)
def test_results_that_are_no_responses(payload):
    with pytest.raises(BadResultError):
        function_urls.response(payload)


def test_a_body_that_is_no_text_becomes_json():
    assert function_urls.response(b'{"statusCode": 200, "body": {"a": 1}}').body == b'{"a":1}'


def test_cors():
    origin = request(("Origin", "https://a.example"))
    anybody = {"AllowOrigins": ["*"]}
    assert function_urls.cors_headers(anybody, origin) == {"Access-Control-Allow-Origin": "*"}
    assert function_urls.cors_headers(anybody, request()) == {}
    assert function_urls.cors_headers({"AllowOrigins": ["https://b.example"]}, origin) == {}
    with_cookies = function_urls.cors_headers(anybody | {"AllowCredentials": True}, origin)
    assert with_cookies == {
        "Access-Control-Allow-Origin": "https://a.example",
        "Access-Control-Allow-Credentials": "true",
        "Vary": "Origin",
    }
    assert function_urls.is_preflight(request(("Access-Control-Request-Method", "PUT"), method="OPTIONS"))
    assert not function_urls.is_preflight(request(method="OPTIONS"))
    preflight = function_urls.preflight_headers(anybody | {"MaxAge": 0, "AllowMethods": ["*"]}, origin)
    assert preflight["Access-Control-Max-Age"] == "0"
    assert preflight["Access-Control-Allow-Methods"] == "*"
