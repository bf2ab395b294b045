"""Lambda proxy integrations: the event that a function gets, and what becomes of its answer."""

import base64
import json
import re

import httpx
import pytest
from apis_under_test import ECHO, ON_A_STACK_OF_THEIR_OWN

pytestmark = ON_A_STACK_OF_THEIR_OWN

REPEATS = "import json\ndef handler(event, context): return json.loads(event['body'])\n"
"""A function that answers with what it is asked to answer with."""

SLEEPS = "import time\ndef handler(event, context): time.sleep(5)\n"

MALFORMED = [
    None,
    "text",
    5,
    ["list"],
    {"body": {"a": 1}},
    {"body": ["a"]},
    {"body": 5},
    {"statusCode": "good"},
    {"statusCode": 42},
    {"statusCode": 200.5},
    {"statusCode": 200, "headers": {"a": {"b": "c"}}},
    {"statusCode": 200, "headers": "a"},
    {"statusCode": 200, "headers": {"a b": "c"}},
    {"statusCode": 200, "headers": {"a": "c\r\nd: e"}},
    {"statusCode": 200, "multiValueHeaders": {"a": "b"}},
    {"statusCode": 200, "isBase64Encoded": "yes"},
    {"statusCode": 200, "unknown": 1},
]


@pytest.fixture
def api(make_api, functions):
    api = make_api(binaryMediaTypes=["image/png"])
    api.method("/echo/{name}", functions.arn(ECHO))
    api.method("/answer", functions.arn(REPEATS))
    api.method("/slow", functions.arn(SLEEPS), timeout_ms=500)
    api.method("/error", functions.arn("def handler(event, context): raise ValueError('no')\n"))
    api.method("/forbidden", functions.arn(ECHO, for_api_gateway=False))
    api.deploy()
    return api


def event_of(response):
    assert response.status_code == 200, response.text
    return response.json()


def test_a_function_that_takes_longer_than_the_integration_is_a_timeout(api):
    response = api.request("/slow")
    assert (response.status_code, response.json()) == (504, {"message": "Endpoint request timed out"})
    assert response.headers["x-amzn-RequestId"]


def test_an_api_that_doesnt_exist_is_forbidden(api):
    response = httpx.get(api.url("/").replace(api.api_id, "nothing"), trust_env=False)
    assert (response.status_code, response.json()) == (403, {"message": "Forbidden"})
    assert response.headers["x-amzn-RequestId"]


def test_malformed_answers_are_bad_gateways(api):
    for answer in MALFORMED:
        response = api.request("/answer", "POST", content=json.dumps(answer))
        told = (response.status_code, response.json())
        assert told == (502, {"message": "Internal server error"}), answer
    response = api.request("/error")
    assert (response.status_code, response.json()) == (502, {"message": "Internal server error"})
    response = api.request("/forbidden")
    assert (response.status_code, response.json()) == (500, {"message": "Internal server error"})


def test_answers(api):
    def answered(**answer):
        return api.request("/answer", "POST", json=answer)

    assert answered().status_code == 200
    response = answered(statusCode="201", headers={"X-One": "1", "X-Flag": True}, body="made")
    assert (response.status_code, response.text) == (201, "made")
    assert (response.headers["x-one"], response.headers["x-flag"]) == ("1", "true")
    assert response.headers["content-type"] == "application/json"
    response = answered(
        headers={"X-Many": "2", "content-type": "text/plain"},
        multiValueHeaders={"x-many": ["1", "2"], "Set-Cookie": ["a=1", "b=2"]},
    )
    assert response.headers.get_list("x-many") == ["1", "2"]
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert response.headers.get_list("content-type") == ["text/plain"]


def test_binary_answers_are_for_clients_that_accept_them(api):
    picture = b"\x89PNG\r\n\xff\xfe"
    answer = {"body": base64.b64encode(picture).decode(), "isBase64Encoded": True}

    def answered(accept):
        return api.request("/answer", "POST", json=answer, headers={"Accept": accept}).content

    assert answered("image/png") == answered("image/png, */*;q=0.8") == picture
    assert answered("*/*") == answered("text/html, image/png") == answer["body"].encode()


def test_binary_bodies_are_those_of_binary_media_types(api):
    def sent(content, content_type):
        headers = {"Content-Type": content_type} if content_type else {}
        event = event_of(api.request("/echo/a", "POST", content=content, headers=headers))
        return event["body"], event["isBase64Encoded"]

    text = "café"
    assert sent(text.encode(), "image/png") == (base64.b64encode(text.encode()).decode(), True)
    assert sent(text.encode(), "text/plain; charset=utf-8") == (text, False)
    assert sent(b"a\xff", "application/octet-stream") == ("a\N{REPLACEMENT CHARACTER}", False)
    assert sent(b"", None) == (None, False)


def test_all_bodies_are_binary_to_an_api_that_says_so(make_api, functions):
    api = make_api(binaryMediaTypes=["*/*"])
    api.method("/echo", functions.arn(ECHO))
    api.deploy()
    event = event_of(api.request("/echo", "POST", json={"a": 1}))
    assert event["isBase64Encoded"]
    assert json.loads(base64.b64decode(event["body"])) == {"a": 1}


def test_every_field_of_the_event(api):
    with httpx.Client(trust_env=False) as client:
        request = client.build_request(
            "PUT",
            api.url("/echo/caf%C3%A9?one=1&many=1&many=2&empty="),
            content=b"{}",
            headers=[
                ("X-Twice", "first"),
                ("x-twice", "last"),
                ("X-Forwarded-For", "192.0.2.1"),
                ("User-Agent", "a client"),
                ("Content-Type", "application/json"),
            ],
        )
        event = event_of(client.send(request))
    assert sorted(event) == sorted(
        [
            "resource",
            "path",
            "httpMethod",
            "headers",
            "multiValueHeaders",
            "queryStringParameters",
            "multiValueQueryStringParameters",
            "pathParameters",
            "stageVariables",
            "requestContext",
            "body",
            "isBase64Encoded",
        ]
    )
    assert (event["resource"], event["httpMethod"]) == ("/echo/{name}", "PUT")
    assert (event["body"], event["isBase64Encoded"]) == ("{}", False)
    headers = {name.lower(): value for name, value in event["headers"].items()}
    many = {name.lower(): value for name, value in event["multiValueHeaders"].items()}
    assert headers["x-twice"] == "last"
    assert many["x-twice"] == ["first", "last"]
    assert many["content-type"] == ["application/json"]
    assert headers["x-forwarded-for"] == "192.0.2.1, 127.0.0.1"
    assert headers["x-forwarded-proto"] == "http"
    assert headers["x-forwarded-port"] == api.target.endpoint_url.rpartition(":")[2]
    assert headers["x-amzn-trace-id"].startswith("Root=1-")
    assert event["queryStringParameters"] == {"one": "1", "many": "2", "empty": ""}
    assert event["multiValueQueryStringParameters"] == {"one": ["1"], "many": ["1", "2"], "empty": [""]}
    assert event["stageVariables"] is None
    context = event["requestContext"]
    assert re.fullmatch(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000", context["requestTime"])
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    assert context["identity"]["userAgent"] == "a client"
    assert {
        "resourceId", "resourcePath", "httpMethod", "extendedRequestId", "requestTime", "path", "accountId",
        "protocol", "stage", "domainPrefix", "requestTimeEpoch", "requestId", "identity", "domainName",
        "deploymentId", "apiId",
    } <= context.keys()  # fmt: skip
    assert {
        "cognitoIdentityPoolId", "accountId", "cognitoIdentityId", "caller", "sourceIp", "principalOrgId",
        "accessKey", "cognitoAuthenticationType", "cognitoAuthenticationProvider", "userArn", "userAgent",
        "user",
    } <= context["identity"].keys()  # fmt: skip
    assert context["path"].startswith("/test/echo/")


def test_bodies_that_are_too_large(api):
    too_long = (413, {"message": "Request Too Long"})
    for size in (10 * 1024 * 1024 + 1, 7 * 1024 * 1024):
        response = api.request("/echo/a", "POST", content=b"x" * size, headers={"Content-Type": "text/plain"})
        assert (response.status_code, response.json()) == too_long, size
    response = api.request("/answer", "POST", json={"body": "x" * 5_000_000})
    assert (response.status_code, len(response.content)) == (200, 5_000_000)
