"""Throttles, quotas, validation and gateway responses, without a gateway."""

from datetime import UTC, date, datetime

import pytest
from werkzeug.datastructures import Headers

from serverless_harness.emulator.apigateway import gateway_responses, validation
from serverless_harness.emulator.apigateway.throttling import Buckets, Quotas, period_begin
from serverless_harness.emulator.iam.api_policies import parse_resource_policy


def test_a_bucket_fills_at_its_rate_up_to_its_burst():
    now_s = 0.0
    buckets = Buckets(lambda: now_s)
    limits = {"rateLimit": 2.0, "burstLimit": 3}
    assert [buckets.take("key", limits) for _ in range(4)] == [True, True, True, False]
    assert buckets.take("other", limits)
    now_s = 0.5
    assert [buckets.take("key", limits) for _ in range(2)] == [True, False]
    now_s = 100.0
    assert [buckets.take("key", limits) for _ in range(4)] == [True, True, True, False]
    for none in ({}, {"rateLimit": -1, "burstLimit": -1}, {"rateLimit": None}):
        assert all(buckets.take("free", none) for _ in range(100))
    assert not buckets.take("closed", {"rateLimit": 0, "burstLimit": 0})


@pytest.mark.parametrize(
    ("period", "begin"),
    [("DAY", date(2026, 3, 18)), ("WEEK", date(2026, 3, 15)), ("MONTH", date(2026, 3, 1))],
)
def test_quotas_begin_anew_with_their_period(period, begin):
    assert period_begin(date(2026, 3, 18), period) == begin
    now = datetime(2026, 3, 18, tzinfo=UTC)
    quotas = Quotas(lambda: now)
    quota = {"limit": "3", "offset": 1, "period": period}
    assert [quotas.take("key", quota) for _ in range(3)] == [True, True, False]
    now = datetime(2026, 5, 18, tzinfo=UTC)
    assert [quotas.take("key", quota) for _ in range(4)] == [True, True, True, False]
    assert all(quotas.take("key", {}) for _ in range(10))


def test_required_parameters():
    method = {
        "requestParameters": {
            "method.request.querystring.page.size": True,
            "method.request.querystring.blank": True,
            "method.request.querystring.optional": False,
            "method.request.header.X-Key": True,
            "method.request.path.name": True,
        }
    }
    given = {
        "query_string_parameters": {"blank": " "},
        "headers": Headers({"x-key": "1"}),
        "path_parameters": {"name": "a"},
    }
    assert validation.missing_parameters(method, given) == ["X-Key", "blank", "page.size"]
    given["query_string_parameters"] = {"blank": "b", "page.size": "1"}
    given["headers"] = Headers({"X-Key": "1"})
    assert validation.missing_parameters(method, given) == []
    assert validation.missing_parameters({}, {}) == []


def test_the_model_is_that_of_the_content_type():
    models = {"application/json": "Order"}
    assert validation.model_of(models, None) == "Order"
    assert validation.model_of(models, "application/json; charset=utf-8") == "Order"
    assert validation.model_of(models, "text/plain") is None
    assert validation.model_of(models | {"$default": "Any"}, "text/plain") == "Any"


VALUES = {
    "context": gateway_responses.with_quoted_message(
        {"requestId": "r-1", "error": {"message": 'say "no"'}, "authorizer": {"level": "5"}}
    ),
    "stageVariables": {"origin": "https://shop.example"},
    "method.request": {"header": Headers({"Origin": "https://a.example"}), "querystring": {"q": "1"}},
}


def test_gateway_response_bodies():
    template = '{"why": $context.error.messageString, "id": "$context.requestId", "no": "$context.nothing"}'
    assert gateway_responses.body({"application/json": template}, "*/*", VALUES, lambda: "default") == (
        "application/json",
        '{"why": "say \\"no\\"", "id": "r-1", "no": ""}',
    )
    templates = {
        "application/json": gateway_responses.DEFAULT_TEMPLATE,
        "text/plain": "$context.error.message",
    }
    assert gateway_responses.body(templates, "text/plain", VALUES, lambda: "")[1] == 'say "no"'
    assert gateway_responses.body(templates, "*/*", VALUES, lambda: "default")[1] == "default"
    assert gateway_responses.body({}, "", VALUES, lambda: "default") == ("application/json", "default")


def test_gateway_response_headers():
    parameters = {
        "gatewayresponse.header.Access-Control-Allow-Origin": "'*'",
        "gatewayresponse.header.X-Origin": "method.request.header.origin",
        "gatewayresponse.header.X-Query": "method.request.querystring.q",
        "gatewayresponse.header.X-Stage": "stageVariables.origin",
        "gatewayresponse.header.X-Level": "context.authorizer.level",
        "gatewayresponse.header.X-None": "method.request.header.nothing",
    }
    assert gateway_responses.headers(parameters, VALUES) == {
        "Access-Control-Allow-Origin": "*",
        "X-Origin": "https://a.example",
        "X-Query": "1",
        "X-Stage": "https://shop.example",
        "X-Level": "5",
    }


@pytest.mark.parametrize("escaped", [False, True])
def test_a_resource_policy_may_leave_the_api_out(escaped):
    text = (
        '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", '
        '"Action": "execute-api:Invoke", "Resource": "execute-api:/test/GET/*"}}'
    )
    arn = "arn:aws:execute-api:eu-central-1:000000000000:abc"
    [policy] = parse_resource_policy(text.replace('"', '\\"') if escaped else text, arn)
    [statement] = policy.statements
    assert statement.resources.matches(f"{arn}/test/GET/a", {})
    assert not statement.resources.matches(f"{arn}/test/POST/a", {})
    assert parse_resource_policy(None, arn) == ()
