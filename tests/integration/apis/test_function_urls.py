"""Function URLs: their address, who may invoke them, events, responses and CORS."""

import base64
import json
import secrets

import httpx
import pytest
from apis_under_test import ON_A_STACK_OF_THEIR_OWN, allowing, signed_request, user_with

pytestmark = ON_A_STACK_OF_THEIR_OWN

ECHO = "def handler(event, context): return event\n"
ANSWER = """
import json
def handler(event, context):
    answer = json.loads(event["body"])
    if answer == "raise":
        raise ValueError("no")
    return answer
"""
BOTH = {
    "url": {"Action": "lambda:InvokeFunctionUrl"},
    "function": {"Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True},
}


class FunctionUrl:
    def __init__(self, functions, code, auth_type="NONE", **settings):
        # A comment makes it a function of its own.
        self.name = functions.arn(f"{code}# {secrets.token_hex(8)}\n", for_api_gateway=False)
        self.client = functions.client
        self.target = functions.target
        self.auth_type = auth_type
        created = self.client.create_function_url_config(
            FunctionName=self.name, AuthType=auth_type, **settings
        )
        self.address = created["FunctionUrl"]

    def permit(self, *kinds, principal="*"):
        for kind in kinds:
            permission = dict(BOTH[kind])
            if kind == "url":
                permission["FunctionUrlAuthType"] = self.auth_type
            self.client.add_permission(
                FunctionName=self.name, StatementId=kind, Principal=principal, **permission
            )
        return self

    def request(self, method="GET", path="", **options):
        return httpx.request(method, self.address + path, timeout=240, trust_env=False, **options)

    def signed(self, keys, service="lambda"):
        return signed_request(self.address, keys=keys, service=service, region=self.target.region)


@pytest.fixture(scope="module")
def answer(functions):
    return FunctionUrl(functions, ANSWER).permit("url", "function")


@pytest.fixture(scope="module")
def echo(functions):
    return FunctionUrl(functions, ECHO).permit("url", "function")


def test_the_address_works_as_it_is(echo):
    config = echo.client.get_function_url_config(FunctionName=echo.name)
    assert config["FunctionUrl"] == echo.address
    assert echo.address.startswith(echo.target.endpoint_url)
    assert echo.request().status_code == 200
    # The host name that LocalStack gives it is served too.
    url_id = echo.address.rstrip("/").rpartition("/")[2]
    host = f"{url_id}.lambda-url.{echo.target.region}.localhost.localstack.cloud"
    response = httpx.get(
        f"{echo.target.endpoint_url}/a", headers={"Host": host}, timeout=240, trust_env=False
    )
    assert response.json()["rawPath"] == "/a"
    wrong = httpx.get(echo.address.replace(url_id, "nothing"), timeout=240, trust_env=False)
    assert (wrong.status_code, wrong.json()) == (403, {"Message": None})


def test_every_field_of_the_event(echo):
    response = echo.request(
        "POST",
        "caf%C3%A9/x?one=1&many=1&many=2&empty=",
        headers=[
            ("X-Twice", "first"),
            ("X-Twice", "last"),
            ("Cookie", "a=1; b=2"),
            ("User-Agent", "a client"),
            ("Content-Type", "application/json"),
        ],
        content='{"café": 1}'.encode(),
    )
    event = response.json()
    assert (event["version"], event["routeKey"]) == ("2.0", "$default")
    assert (event["rawPath"], event["rawQueryString"]) == ("/caf%C3%A9/x", "one=1&many=1&many=2&empty=")
    assert event["queryStringParameters"] == {"one": "1", "many": "1,2", "empty": ""}
    assert event["cookies"] == ["a=1", "b=2"]
    assert (event["body"], event["isBase64Encoded"]) == ('{"café": 1}', False)
    headers = event["headers"]
    assert headers["x-twice"] == "first,last"
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "http"
    assert "cookie" not in headers
    context = event["requestContext"]
    assert context["http"] == {
        "method": "POST",
        "path": "/caf%C3%A9/x",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "a client",
    }
    assert context["accountId"] == "anonymous"
    assert context["apiId"] == context["domainPrefix"] == echo.address.rstrip("/").rpartition("/")[2]
    assert context["time"].endswith(" +0000")
    assert (context["stage"], context["routeKey"]) == ("$default", "$default")
    assert "authorizer" not in context
    bare = echo.request().json()
    assert not {"body", "cookies", "queryStringParameters"} & bare.keys()
    assert (bare["rawPath"], bare["rawQueryString"]) == ("/", "")
    binary = echo.request("POST", content=b"\xff\x00", headers={"Content-Type": "image/png"}).json()
    assert (base64.b64decode(binary["body"]), binary["isBase64Encoded"]) == (b"\xff\x00", True)


@pytest.mark.parametrize(
    ("result", "status_code", "body"),
    [
        ("plain text", 200, "plain text"),
        ({"message": "hello"}, 200, '{"message":"hello"}'),
        ([1, 2], 200, "[1,2]"),
        (None, 200, "null"),
        ({"body": "no status code"}, 200, '{"body":"no status code"}'),
        ({"statusCode": 201, "body": "made"}, 201, "made"),
        ({"statusCode": "404"}, 404, ""),
        ({"statusCode": 200, "body": "aGk=", "isBase64Encoded": True}, 200, "hi"),
        ({"statusCode": "none"}, 502, "Internal Server Error"),
        ({"statusCode": 200, "headers": ["a"]}, 502, "Internal Server Error"),
        ({"statusCode": 200, "body": "?", "isBase64Encoded": True}, 502, "Internal Server Error"),
        ("raise", 502, "Internal Server Error"),
    ],
)
def test_results_become_responses(answer, result, status_code, body):
    json_type = {"Content-Type": "application/json"}
    response = answer.request("POST", content=json.dumps(result), headers=json_type)
    assert (response.status_code, response.text) == (status_code, body)
    assert response.headers["content-type"] == "application/json"


def test_headers_and_cookies(answer):
    response = answer.request(
        "POST",
        json={
            "statusCode": 302,
            "headers": {"content-type": "text/plain", "Location": "/", "X-Number": 5},
            "cookies": ["a=1; Secure", "b=2"],
            "body": "moved",
        },
    )
    assert response.status_code == 302
    assert response.headers.get_list("content-type") == ["text/plain"]
    assert response.headers.get_list("set-cookie") == ["a=1; Secure", "b=2"]
    assert response.headers["x-number"] == "5"


def test_anybody_needs_both_permissions(functions):
    url = FunctionUrl(functions, ECHO)
    for kind in ("url", "function"):
        refused = url.request()
        assert refused.status_code == 403, kind
        assert refused.json()["Message"].startswith("Forbidden")
        assert refused.headers["x-amzn-errortype"] == "AccessDeniedException"
        url.permit(kind)
    assert url.request().status_code == 200
    policy = json.loads(url.client.get_policy(FunctionName=url.name)["Policy"])
    conditions = {statement["Sid"]: statement["Condition"] for statement in policy["Statement"]}
    assert conditions == {
        "url": {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}},
        "function": {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}},
    }


def test_iam(functions):
    url = FunctionUrl(functions, ECHO, "AWS_IAM")
    name = f"url-{secrets.token_hex(4)}"
    actions = ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction")
    may = user_with(url.target, name, allowing(*actions, resource=url.name))
    half = user_with(url.target, f"{name}-half", allowing(actions[0]))
    assert url.request().status_code == 403
    assert url.request(headers={"Authorization": "Bearer abc"}).status_code == 403
    assert url.signed(half).status_code == 403
    assert url.signed(may, service="execute-api").status_code == 403
    context = url.signed(may).json()["requestContext"]
    iam = context["authorizer"]["iam"]
    assert iam["userArn"].endswith(f":user/{name}")
    assert (iam["accessKey"], iam["accountId"]) == (may[0], context["accountId"])
    assert iam["callerId"] == iam["userId"] != ""


def test_cors(functions):
    cors = {
        "AllowOrigins": ["https://shop.example"],
        "AllowMethods": ["GET", "POST"],
        "AllowHeaders": ["x-shop"],
        "ExposeHeaders": ["x-total"],
        "AllowCredentials": True,
        "MaxAge": 60,
    }
    url = FunctionUrl(functions, ECHO, "AWS_IAM", Cors=cors)
    asks = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    preflight = url.request("OPTIONS", headers=asks)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "https://shop.example"
    assert preflight.headers["access-control-allow-methods"] == "GET,POST"
    assert preflight.headers["access-control-allow-headers"] == "x-shop"
    assert preflight.headers["access-control-allow-credentials"] == "true"
    assert preflight.headers["access-control-max-age"] == "60"
    stranger = url.request("OPTIONS", headers={**asks, "Origin": "https://other.example"})
    assert "access-control-allow-origin" not in stranger.headers
    refused = url.request(headers={"Origin": "https://shop.example"})
    assert refused.status_code == 403
    assert refused.headers["access-control-allow-origin"] == "https://shop.example"
    assert refused.headers["access-control-expose-headers"] == "x-total"


def test_invokes_that_lambda_refuses(functions):
    url = FunctionUrl(functions, ECHO).permit("url", "function")
    assert url.request("POST", content=b"x" * 6_300_000).status_code == 413
    url.client.put_function_concurrency(FunctionName=url.name, ReservedConcurrentExecutions=0)
    assert url.request().status_code == 429
