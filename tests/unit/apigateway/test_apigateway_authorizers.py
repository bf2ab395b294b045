"""Lambda authorizers, without a gateway: identities, answers, and what is remembered of them."""

import json

import pytest

from serverless_harness.emulator.apigateway import authorizers
from serverless_harness.emulator.apigateway.authorizers import (
    AuthorizerError,
    UnauthorizedError,
    VerdictCache,
)

TOKEN = {"type": "TOKEN", "identitySource": "method.request.header.Auth", "authorizerUri": "arn:..."}
ALLOW = {"Statement": [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}]}


def verdict(**answer):
    answer = {"principalId": "me", "policyDocument": ALLOW, **answer}
    return authorizers.parse_verdict(json.dumps(answer).encode())


def test_identities():
    request = {"method.request.header.Auth": "Bearer abc", "method.request.querystring.q": ""}
    assert authorizers.identity_values(TOKEN, request.get) == ("Bearer abc",)
    for expression in ("Bearer [a-c]+", ".*"):
        checked = TOKEN | {"identityValidationExpression": expression}
        assert authorizers.identity_values(checked, request.get) == ("Bearer abc",)
    with pytest.raises(UnauthorizedError):
        authorizers.identity_values(TOKEN | {"identityValidationExpression": "Bearer"}, request.get)
    sources = "method.request.header.Auth, method.request.querystring.q"
    with pytest.raises(UnauthorizedError):
        authorizers.identity_values({"type": "REQUEST", "identitySource": sources}, request.get)
    assert authorizers.identity_values({"type": "REQUEST"}, request.get) == ()


def test_definitions():
    assert authorizers.problem(TOKEN) is None
    assert (
        authorizers.problem({"type": "REQUEST", "authorizerUri": "a", "authorizerResultTtlInSeconds": 0})
        is None
    )
    for wrong in (
        {"type": "JWT"},
        {"authorizerResultTtlInSeconds": 3601},
        {"identitySource": ""},
        {"authorizerUri": ""},
    ):
        assert authorizers.problem(TOKEN | wrong)


def test_context_becomes_text():
    context = {"text": "a", "number": 1, "fraction": 1.5, "flag": True, "none": None}
    told = verdict(context=context).context
    assert told == {"text": "a", "number": "1", "fraction": "1.5", "flag": "true"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"principalId": None},
        {"principalId": 5},
        {"policyDocument": None},
        {"policyDocument": {"Statement": [{"Effect": "Maybe", "Action": "*", "Resource": "*"}]}},
        {"policyDocument": {}},
        {"context": {"list": []}},
        {"context": {"object": {}}},
        {"context": "text"},
    ],
)
def test_answers_that_are_none(wrong):
    with pytest.raises(AuthorizerError):
        verdict(**wrong)


@pytest.mark.parametrize("payload", [b"", b"null", b'"allow"', b"[]"])
def test_payloads_that_are_no_answers(payload):
    with pytest.raises(AuthorizerError):
        authorizers.parse_verdict(payload)


def test_verdicts_are_remembered_for_their_time():
    now_s = 0.0
    cache = VerdictCache(lambda: now_s)
    one = verdict()
    cache.keep(("api", "stage", "token"), one, ttl_s=10)
    assert cache.find(("api", "stage", "token")) is one
    assert cache.find(("api", "stage", "other")) is None
    now_s = 9.9
    assert cache.find(("api", "stage", "token")) is one
    now_s = 10.0
    assert cache.find(("api", "stage", "token")) is None
