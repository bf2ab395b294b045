# ruff: noqa: E501 - one row of a table, one line
"""Denials reach boto3's user as AWS sends them: code, status and message, in the service's own protocol."""

import pytest
from localstack.aws.api import CommonServiceException
from localstack.aws.client import parse_response
from localstack.aws.protocol.serializer import create_serializer
from localstack.aws.spec import load_service

from serverless_harness.emulator.iam import errors
from serverless_harness.emulator.iam.evaluation import Decision, Reason
from serverless_harness.emulator.iam.policy import PolicyType
from serverless_harness.emulator.iam.principals import Principal, PrincipalKind

SESSION = "arn:aws:sts::111122223333:assumed-role/accept-role/accept"
CALLER = Principal(
    PrincipalKind.ROLE_SESSION, SESSION, "111122223333", "arn:aws:iam::111122223333:role/accept-role"
)
NO_ALLOW = Decision(False, Reason.IMPLICIT_DENY, PolicyType.IDENTITY, ())
EXPLICIT = Decision(False, Reason.EXPLICIT_DENY, PolicyType.IDENTITY, ())
REFUSED = f"User: {SESSION} is not authorized to perform:"


BOTO3_HEADERS = {"x-amzn-query-mode": "true"}
"""What boto3 sends to services that it once spoke the query protocol with, so that they keep those errors."""


def received(service: str, operation: str, error: CommonServiceException) -> tuple[str, int, str]:
    """Send an error through LocalStack's serializer and botocore's parser; return code, status and message."""
    model = load_service(service)
    operation_model = model.operation_model(operation)
    response = create_serializer(model, model.protocol).serialize_error_to_response(
        error, operation_model, BOTO3_HEADERS, "id"
    )
    parsed = parse_response(operation_model, model.protocol, response)
    return parsed["Error"]["Code"], parsed["ResponseMetadata"]["HTTPStatusCode"], parsed["Error"]["Message"]


TOPIC = "arn:aws:sns:us-east-1:111122223333:orders"
# fmt: off
FORMS = [
    ("sns", "Publish", "sns:Publish", TOPIC, "AuthorizationError", 403,
     f"{REFUSED} SNS:Publish on resource: {TOPIC} because no identity-based policy allows the SNS:Publish action"),
    ("sqs", "SendMessage", "sqs:SendMessage", "arn:q", "AccessDenied", 403,
     f"{REFUSED} sqs:sendmessage on resource: arn:q because no identity-based policy allows the sqs:sendmessage action"),
    ("dynamodb", "PutItem", "dynamodb:PutItem", "arn:t", "AccessDeniedException", 400,
     f"{REFUSED} dynamodb:PutItem on resource: arn:t because no identity-based policy allows the dynamodb:PutItem action"),
    ("kms", "Decrypt", "kms:Decrypt", "arn:k", "AccessDeniedException", 400,
     f"{REFUSED} kms:Decrypt on resource: arn:k because no identity-based policy allows the kms:Decrypt action"),
    ("logs", "PutLogEvents", "logs:PutLogEvents", "arn:l", "AccessDeniedException", 400,
     f"{REFUSED} logs:PutLogEvents on resource: arn:l because no identity-based policy allows the logs:PutLogEvents action"),
    ("lambda", "Invoke", "lambda:InvokeFunction", "arn:f", "AccessDeniedException", 403,
     f"{REFUSED} lambda:InvokeFunction on resource: arn:f because no identity-based policy allows the lambda:InvokeFunction action"),
    ("apigateway", "GetRestApis", "apigateway:GET", "arn:a", "AccessDeniedException", 403,
     f"{REFUSED} apigateway:GET on resource: arn:a because no identity-based policy allows the apigateway:GET action"),
    ("s3", "GetObject", "s3:GetObject", "arn:aws:s3:::b/k", "AccessDenied", 403,
     f'{REFUSED} s3:GetObject on resource: "arn:aws:s3:::b/k" because no identity-based policy allows the s3:GetObject action'),
    ("iam", "GetRole", "iam:GetRole", "arn:aws:iam::111122223333:role/app/reader", "AccessDenied", 403,
     f"{REFUSED} iam:GetRole on resource: role app/reader because no identity-based policy allows the iam:GetRole action"),
    ("sts", "AssumeRole", "sts:AssumeRole", "arn:r", "AccessDenied", 403, f"{REFUSED} sts:AssumeRole on resource: arn:r"),
]
# fmt: on


@pytest.mark.parametrize(
    ("service", "operation", "action", "resource", "code", "status_code", "message"),
    FORMS,
    ids=[row[0] for row in FORMS],
)
def test_a_denial_has_the_services_own_form(
    service: str, operation: str, action: str, resource: str, code: str, status_code: int, message: str
) -> None:
    error = errors.denied(service, CALLER, action, resource, NO_ALLOW)

    assert received(service, operation, error) == (code, status_code, message)


def test_an_explicit_deny_is_said_to_be_one() -> None:
    error = errors.denied("dynamodb", CALLER, "dynamodb:PutItem", "arn:t", EXPLICIT)

    assert error.message.endswith("on resource: arn:t with an explicit deny in an identity-based policy")


def test_a_key_that_cannot_be_told_is_named() -> None:
    decision = Decision(False, Reason.IMPLICIT_DENY, PolicyType.IDENTITY, (), ("dynamodb:leadingkeys",))

    message = errors.denied("dynamodb", CALLER, "dynamodb:PutItem", "arn:t", decision).message

    assert message.endswith(
        "(a statement asks for dynamodb:leadingkeys, which the emulator can't tell: it fails closed)"
    )


# fmt: off
TOKENS = [
    ("sns", "Publish", "InvalidClientTokenId", 403, "MissingAuthenticationToken"),
    ("sqs", "SendMessage", "InvalidClientTokenId", 403, "MissingAuthenticationToken"),
    ("dynamodb", "PutItem", "UnrecognizedClientException", 400, "MissingAuthenticationTokenException"),
    ("lambda", "Invoke", "UnrecognizedClientException", 403, "MissingAuthenticationTokenException"),
    ("s3", "GetObject", "InvalidAccessKeyId", 403, "AccessDenied"),
]
# fmt: on


@pytest.mark.parametrize(
    ("service", "operation", "invalid", "status_code", "missing"), TOKENS, ids=[row[0] for row in TOKENS]
)
def test_bad_credentials_have_the_services_own_form(
    service: str, operation: str, invalid: str, status_code: int, missing: str
) -> None:
    assert received(service, operation, errors.invalid_token(service))[:2] == (invalid, status_code)
    assert received(service, operation, errors.missing_token(service))[:2] == (missing, status_code)
