"""Events and answers of Lambda proxy integrations, without a gateway."""

import json

import pytest

from serverless_harness.emulator.apigateway import proxy


@pytest.mark.parametrize(
    ("media_type", "binary_media_types", "expected"),
    [
        ("image/png", ["image/png"], True),
        ("image/png; q=1", ["image/png"], True),
        ("IMAGE/PNG", ["image/png"], True),
        ("image/png", ["image/*"], True),
        ("image/png", ["image/jpeg"], False),
        ("text/html, image/png", ["image/png"], False),
        ("text/html", ["*/*"], True),
        (None, ["*/*"], True),
        (None, ["image/png"], False),
        ("image/png", [], False),
        ("image", ["image/png"], False),
    ],
)
def test_binary_media_types(media_type, binary_media_types, expected):
    assert proxy.is_binary(media_type, binary_media_types) is expected


def test_headers_are_one_whatever_their_case():
    headers = [("X-A", "1"), ("x-a", "2"), ("B", "3"), ("X-A", "4")]
    assert proxy.last_values(headers) == {"X-A": "4", "B": "3"}
    assert proxy.all_values(headers) == {"X-A": ["1", "2", "4"], "B": ["3"]}


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"not json",
        b"[]",
        b'"text"',
        b'{"body": {}}',
        b'{"body": false}',
        b'{"statusCode": true}',
        b'{"statusCode": 600}',
        b'{"statusCode": "2xx"}',
        b'{"statusCode": [200]}',
        b'{"headers": ["a"]}',
        b'{"headers": {"a": 1}}',
        b'{"headers": {"a": null}}',
        b'{"headers": {"": "a"}}',
        b'{"multiValueHeaders": {"a": [1]}}',
        b'{"multiValueHeaders": {"a": "b"}}',
        b'{"isBase64Encoded": 2}',
        b'{"errorMessage": "no", "errorType": "ValueError"}',
        b'{"cookies": []}',
    ],
)
def test_malformed_answers(payload):
    with pytest.raises(proxy.MalformedAnswerError):
        proxy.parse_answer(payload)


def test_answers():
    answer = proxy.parse_answer(b"{}")
    assert answer == proxy.ProxyAnswer(200, (), "", False)
    given = {
        "statusCode": "404",
        "headers": {"A": "1", "b": False},
        "multiValueHeaders": {"a": ["1", "2"]},
        "body": "text",
        "isBase64Encoded": None,
    }
    answer = proxy.parse_answer(json.dumps(given).encode())
    assert answer == proxy.ProxyAnswer(404, (("a", "1"), ("a", "2"), ("b", "false")), "text", False)


def test_event_bodies():
    assert proxy.event_body(b"", "image/png", ["*/*"]) == (None, False)
    assert proxy.event_body(b"a", None, ["application/json"]) == ("YQ==", True)
    assert proxy.event_body(b"a", "text/plain", ["application/json"]) == ("a", False)
