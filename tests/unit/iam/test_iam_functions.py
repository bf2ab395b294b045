"""Requests that come over a function's network: its role's session, and no deployer's or user's key."""

import json
from typing import Any

import pytest
from iam_requests import ACCOUNT, REGION, authorization, new_session, request_context, reset_stores
from localstack.aws.api import CommonServiceException, RequestContext
from moto.iam.models import iam_backends
from werkzeug.datastructures import MultiDict

from serverless_harness.emulator.gateway import internal_calls
from serverless_harness.emulator.gateway.wsgi_environ import CALLER, FunctionCaller
from serverless_harness.emulator.iam import callers
from serverless_harness.emulator.iam.decision_point import DecisionPoint
from serverless_harness.emulator.iam.decision_records import DecisionLog
from serverless_harness.emulator.iam.enforcement import IamEnforcer
from serverless_harness.emulator.iam.mode import Mode

MAY_LIST = {"Action": "s3:ListAllMyBuckets", "Resource": "*"}


@pytest.fixture(autouse=True)
def stores() -> None:
    reset_stores()


def send(headers: dict[str, str], mode: Mode = Mode.ON, **changes: Any) -> RequestContext:
    """Send ListBuckets, or what `changes` make of it, as a function does."""
    parameters = {"service": "s3", "operation": "ListBuckets", "parameters": {}, **changes}
    arguments = parameters.pop("arguments", {})
    context = request_context(headers=headers, **parameters)
    context.request.environ[CALLER] = FunctionCaller("accept", f"arn:aws:iam::{ACCOUNT}:role/accept-role")
    context.request.args = MultiDict(arguments)
    internal_calls.read_header(context)
    IamEnforcer(DecisionPoint(mode, DecisionLog()))(None, context, None)
    return context


def refusal(headers: dict[str, str], **changes: Any) -> str:
    with pytest.raises(CommonServiceException) as refused:
        send(headers, **changes)
    return refused.value.code


def test_its_roles_session_is_held_to_its_policies() -> None:
    session = new_session()
    assert refusal(session.headers) == "AccessDenied"
    session.allow(MAY_LIST)
    send(session.headers)


def test_a_session_that_it_assumed_is_as_good() -> None:
    other = new_session("other-role")
    other.allow(MAY_LIST)
    send(other.headers)


@pytest.mark.parametrize("key", ["test", "000000000000", "949334387222", "AKIAIOSFODNN7EXAMPLE"])
def test_it_can_not_be_the_deployer(key: str) -> None:
    assert refusal({"Authorization": authorization(key, "s3")}) == "InvalidAccessKeyId"


def test_it_can_not_be_the_deployer_in_the_hosts_network_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """There it is known by its process."""
    headers = {"Authorization": authorization("test", "s3")}
    context = request_context("s3", "ListBuckets", {}, headers)
    context.request.environ |= {"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "40000"}
    callers.identify(context)
    monkeypatch.setattr(callers.function_processes, "own", lambda address: address == ("127.0.0.1", 40000))
    with pytest.raises(callers.InvalidTokenError):
        callers.identify(context)


def test_it_can_not_be_a_user_whose_access_key_it_has_seen() -> None:
    backend = iam_backends[ACCOUNT]["aws"]
    user = backend.create_user(REGION, "alice")
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    user.policies["all"] = json.dumps(document)
    key = backend.create_access_key("alice").access_key_id
    assert refusal({"Authorization": authorization(key, "s3")}) == "InvalidAccessKeyId"


def test_without_credentials_it_is_anybody() -> None:
    assert refusal({"Authorization": authorization(callers.ANONYMOUS_KEY, "s3")}) != "InvalidAccessKeyId"


def test_it_can_not_make_up_the_url_of_anothers_code() -> None:
    code = {"Bucket": f"awslambda-{REGION}-tasks", "Key": "snapshots/x"}
    headers = {"Authorization": authorization(callers.INTERNAL_KEY, "s3")}
    changes = {"operation": "GetObject", "parameters": code, "arguments": {"X-Amz-Signature": "0"}}
    assert refusal(headers, **changes) == "InvalidAccessKeyId"


def test_a_setting_lets_it_sign_as_the_deployer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IAM_FUNCTION_CREDENTIALS", "any")
    send({"Authorization": authorization("test", "s3")})


@pytest.mark.parametrize("mode", [Mode.SOFT, Mode.OFF])
def test_where_nothing_is_enforced_it_may(mode: Mode) -> None:
    send({"Authorization": authorization("test", "s3")}, mode)
