"""LocalStack's mark of internal calls counts with the process's token alone."""

import json

import pytest
from iam_requests import request_context
from localstack.aws.api import RequestContext
from localstack.aws.connect import INTERNAL_REQUEST_PARAMS_HEADER as MARK

from serverless_harness.emulator.gateway import internal_calls

SNS_CALL = {"service_principal": "sns", "source_arn": "arn:aws:sns:us-east-1:000000000000:orders"}


def marked(value: str) -> RequestContext:
    return request_context("sns", "Publish", {}, {MARK: value})


def test_a_signed_mark_is_read_and_taken_off() -> None:
    context = marked(internal_calls.sign(SNS_CALL))

    internal_calls.read_header(context)

    assert dict(context.internal_request_params) == SNS_CALL
    assert MARK not in context.request.headers


FORGERIES = [
    "{}",
    json.dumps(SNS_CALL),
    json.dumps(SNS_CALL | {"token": ""}),
    json.dumps(SNS_CALL | {"token": "guess"}),
    json.dumps(SNS_CALL | {"token": None}),
    json.dumps(SNS_CALL | {"token": "gü\udc80"}),
    "[]",
    "null",
    '"token"',
    "1",
    "",
    "not json",
]


@pytest.mark.parametrize("value", FORGERIES)
def test_a_forged_mark_is_dropped(value: str) -> None:
    context = marked(value)

    internal_calls.read_header(context)

    assert context.internal_request_params is None
    assert not context.is_internal_call
    assert MARK not in context.request.headers


def test_the_token_differs_from_what_the_parameters_say() -> None:
    """A service's parameters can't bring a token of their own."""
    header = internal_calls.sign(SNS_CALL | {"token": "guess"})

    assert internal_calls.verified(header) == SNS_CALL
