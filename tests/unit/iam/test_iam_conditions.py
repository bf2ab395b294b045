# ruff: noqa: E501 - one row of a table, one line
"""Condition operators: each row is a condition, the value that the request has, and whether they match."""

import base64
import json
from typing import Any

import pytest
from iam_tables import ACCOUNT, ROLE_SESSION, allow, deny, document

from serverless_harness.emulator.iam.evaluation import PolicySet, Reason, Request, evaluate
from serverless_harness.emulator.iam.policy import PolicyType, parse_policy

OPERATORS = "IAM JSON policy elements: Condition operators"
SEVERAL = "Conditions with multiple context keys or values"
SETS = "Set operators for multivalued context keys"
GLOBAL = "AWS global condition context keys"

ABSENT: tuple[str, ...] | None = None
KEY = "aws:PrincipalTag/job"
ARN = "arn:aws:sns:us-east-1:111122223333:orders"


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


# fmt: off
ROWS: list[tuple[str, str, str, Any, tuple[str, ...] | None, bool]] = [
    # String operators
    (OPERATORS, "StringEquals", KEY, "iamuser-admin", ("iamuser-admin",), True),
    (OPERATORS, "StringEquals", KEY, "iamuser-admin", ("IAMUSER-admin",), False),
    (OPERATORS, "StringEquals", KEY, "iamuser-*", ("iamuser-admin",), False),
    (OPERATORS, "StringEquals", KEY, "iamuser-*", ("iamuser-*",), True),
    (OPERATORS, "StringEquals", KEY, "iamuser-admin", ABSENT, False),
    (OPERATORS, "StringNotEquals", KEY, "iamuser-admin", ("other",), True),
    (OPERATORS, "StringNotEquals", KEY, "iamuser-admin", ("iamuser-admin",), False),
    (OPERATORS, "StringNotEquals", KEY, "iamuser-admin", ABSENT, True),
    (OPERATORS, "StringEqualsIgnoreCase", KEY, "Admin", ("aDMIN",), True),
    (OPERATORS, "StringEqualsIgnoreCase", KEY, "Admin", ("admins",), False),
    (OPERATORS, "StringEqualsIgnoreCase", KEY, "Admin", ABSENT, False),
    (OPERATORS, "StringNotEqualsIgnoreCase", KEY, "Admin", ("aDMIN",), False),
    (OPERATORS, "StringNotEqualsIgnoreCase", KEY, "Admin", ("other",), True),
    (OPERATORS, "StringNotEqualsIgnoreCase", KEY, "Admin", ABSENT, True),
    (OPERATORS, "StringLike", "s3:prefix", "home/*", ("home/alice/x",), True),
    (OPERATORS, "StringLike", "s3:prefix", "home/*", ("Home/alice",), False),
    (OPERATORS, "StringLike", "s3:prefix", "home/?", ("home/a",), True),
    (OPERATORS, "StringLike", "s3:prefix", "home/?", ("home/",), False),
    (OPERATORS, "StringLike", "s3:prefix", "home/?", ("home/ab",), False),
    (OPERATORS, "StringLike", "s3:prefix", "*", ("",), True),
    (OPERATORS, "StringLike", "s3:prefix", "a.c", ("abc",), False),
    (OPERATORS, "StringLike", "s3:prefix", "*", ABSENT, False),
    (OPERATORS, "StringLike", "aws:SourceArn", "arn:aws:sns:*", (ARN,), True),
    (OPERATORS, "StringNotLike", "s3:prefix", "home/*", ("home/alice",), False),
    (OPERATORS, "StringNotLike", "s3:prefix", "home/*", ("tmp",), True),
    (OPERATORS, "StringNotLike", "s3:prefix", "home/*", ABSENT, True),
    # Numeric operators
    (OPERATORS, "NumericEquals", "s3:max-keys", "10", ("10",), True),
    (OPERATORS, "NumericEquals", "s3:max-keys", 10, ("10.0",), True),
    (OPERATORS, "NumericEquals", "s3:max-keys", "10", ("11",), False),
    (OPERATORS, "NumericEquals", "s3:max-keys", "10", ("ten",), False),
    (OPERATORS, "NumericNotEquals", "s3:max-keys", "10", ("11",), True),
    (OPERATORS, "NumericNotEquals", "s3:max-keys", "10", ABSENT, True),
    (OPERATORS, "NumericLessThan", "s3:max-keys", "10", ("9.5",), True),
    (OPERATORS, "NumericLessThan", "s3:max-keys", "10", ("10",), False),
    (OPERATORS, "NumericLessThan", "s3:max-keys", "10", ABSENT, False),
    (OPERATORS, "NumericLessThanEquals", "s3:max-keys", "10", ("10",), True),
    (OPERATORS, "NumericLessThanEquals", "s3:max-keys", "10", ("11",), False),
    (OPERATORS, "NumericGreaterThan", "aws:MultiFactorAuthAge", "10", ("11",), True),
    (OPERATORS, "NumericGreaterThan", "aws:MultiFactorAuthAge", "10", ("9",), False),
    (OPERATORS, "NumericGreaterThanEquals", "aws:MultiFactorAuthAge", "10", ("10",), True),
    (OPERATORS, "NumericGreaterThanEquals", "aws:MultiFactorAuthAge", "10", ("-10",), False),
    # Date operators
    (OPERATORS, "DateEquals", "aws:CurrentTime", "2020-01-01T00:00:00Z", ("2020-01-01T00:00:00Z",), True),
    (OPERATORS, "DateEquals", "aws:CurrentTime", "2020-01-01T01:00:00+01:00", ("2020-01-01T00:00:00Z",), True),
    (OPERATORS, "DateEquals", "aws:EpochTime", "1577836800", ("2020-01-01T00:00:00Z",), True),
    (OPERATORS, "DateEquals", "aws:CurrentTime", "2020", ("2020-01-01T00:00:00Z",), True),
    (OPERATORS, "DateNotEquals", "aws:CurrentTime", "2020-01-01", ("2020-01-02T00:00:00Z",), True),
    (OPERATORS, "DateNotEquals", "aws:TokenIssueTime", "2020-01-01", ABSENT, True),
    (OPERATORS, "DateLessThan", "aws:CurrentTime", "2020-06-30T23:59:59Z", ("2020-06-30T23:59:58Z",), True),
    (OPERATORS, "DateLessThan", "aws:CurrentTime", "2020-06-30T23:59:59Z", ("2020-06-30T23:59:59Z",), False),
    (OPERATORS, "DateLessThanEquals", "aws:CurrentTime", "2020-06-30", ("2020-06-30T00:00:00Z",), True),
    (OPERATORS, "DateGreaterThan", "aws:TokenIssueTime", "2020-01-01T00:00:01Z", ("2020-01-01T00:00:02Z",), True),
    (OPERATORS, "DateGreaterThan", "aws:TokenIssueTime", "2020-01-01T00:00:01Z", ABSENT, False),
    (OPERATORS, "DateGreaterThanEquals", "aws:EpochTime", "1577836800", ("1577836800",), True),
    (OPERATORS, "DateGreaterThanEquals", "aws:EpochTime", "1577836800", ("1577836799",), False),
    # Bool, binary
    (OPERATORS, "Bool", "aws:SecureTransport", "false", ("false",), True),
    (OPERATORS, "Bool", "aws:SecureTransport", "true", ("false",), False),
    (OPERATORS, "Bool", "aws:SecureTransport", True, ("true",), True),
    (OPERATORS, "Bool", "aws:MultiFactorAuthPresent", "true", ABSENT, False),
    (OPERATORS, "Bool", "aws:MultiFactorAuthPresent", "false", ABSENT, False),
    (OPERATORS, "BoolIfExists", "aws:MultiFactorAuthPresent", "false", ABSENT, True),
    (OPERATORS, "BinaryEquals", "svc:blob", encoded(b"\x00\x01"), (encoded(b"\x00\x01"),), True),
    (OPERATORS, "BinaryEquals", "svc:blob", encoded(b"\x00\x01"), (encoded(b"\x00\x02"),), False),
    # IP addresses
    (OPERATORS, "IpAddress", "aws:SourceIp", "203.0.113.0/24", ("203.0.113.9",), True),
    (OPERATORS, "IpAddress", "aws:SourceIp", "203.0.113.0/24", ("203.0.114.9",), False),
    (OPERATORS, "IpAddress", "aws:SourceIp", "203.0.113.9", ("203.0.113.9",), True),
    (OPERATORS, "IpAddress", "aws:SourceIp", "2001:db8::/32", ("2001:db8::1",), True),
    (OPERATORS, "IpAddress", "aws:SourceIp", "2001:db8::/32", ("203.0.113.9",), False),
    (OPERATORS, "IpAddress", "aws:SourceIp", ["203.0.113.0/24", "2001:db8::/32"], ("2001:db8::1",), True),
    (OPERATORS, "IpAddress", "aws:SourceIp", "203.0.113.0/24", ABSENT, False),
    (OPERATORS, "NotIpAddress", "aws:SourceIp", "203.0.113.0/24", ("203.0.114.9",), True),
    (OPERATORS, "NotIpAddress", "aws:SourceIp", "203.0.113.0/24", ("203.0.113.9",), False),
    (OPERATORS, "NotIpAddress", "aws:SourceIp", ["192.0.2.0/24", "203.0.113.0/24"], ("203.0.113.9",), False),
    (OPERATORS, "NotIpAddress", "aws:SourceIp", "203.0.113.0/24", ABSENT, True),
    # ARN operators: each of the six fields on its own
    (OPERATORS, "ArnEquals", "aws:SourceArn", ARN, (ARN,), True),
    (OPERATORS, "ArnEquals", "aws:SourceArn", "arn:aws:sns:*:111122223333:ord*", (ARN,), True),
    (OPERATORS, "ArnLike", "aws:SourceArn", "arn:aws:sns:us-east-?:*:*", (ARN,), True),
    (OPERATORS, "ArnLike", "aws:SourceArn", "arn:aws:sns:*:*:orders", ("arn:aws:sns:us-east-1:1:x:orders",), False),
    (OPERATORS, "ArnLike", "aws:SourceArn", "arn:aws:execute-api:*:*:abc/*/POST/shop",
     ("arn:aws:execute-api:eu-west-1:111122223333:abc/prod/POST/shop",), True),
    (OPERATORS, "ArnLike", "aws:SourceArn", "arn:aws:execute-api:*:*:abc/*/POST/shop",
     ("arn:aws:execute-api:eu-west-1:111122223333:abc/prod/GET/shop",), False),
    (OPERATORS, "ArnLike", "aws:SourceArn", "arn:aws:logs:*:*:log-group:*",
     ("arn:aws:logs:eu-west-1:111122223333:log-group:/aws/x:log-stream:y",), True),
    (OPERATORS, "ArnLike", "aws:SourceArn", ARN, ABSENT, False),
    (OPERATORS, "ArnLike", "aws:SourceArn", ARN, ("not an arn",), False),
    (OPERATORS, "ArnNotEquals", "aws:SourceArn", ARN, (ARN,), False),
    (OPERATORS, "ArnNotLike", "aws:SourceArn", "arn:aws:sns:*:*:other", (ARN,), True),
    (OPERATORS, "ArnNotLike", "aws:SourceArn", ARN, ABSENT, True),
    # …IfExists
    (OPERATORS, "StringLikeIfExists", "ec2:InstanceType", ["t1.*", "t2.*"], ("t2.micro",), True),
    (OPERATORS, "StringLikeIfExists", "ec2:InstanceType", ["t1.*", "t2.*"], ("m5.large",), False),
    (OPERATORS, "StringLikeIfExists", "ec2:InstanceType", ["t1.*", "t2.*"], ABSENT, True),
    (OPERATORS, "StringNotEqualsIfExists", KEY, "a", ABSENT, True),
    (OPERATORS, "StringNotEqualsIfExists", KEY, "a", ("a",), False),
    (OPERATORS, "IpAddressIfExists", "aws:SourceIp", "203.0.113.0/24", ABSENT, True),
    (OPERATORS, "NumericLessThanIfExists", "aws:MultiFactorAuthAge", "3600", ("4000",), False),
    (OPERATORS, "ArnLikeIfExists", "aws:SourceArn", ARN, ABSENT, True),
    # Null
    (OPERATORS, "Null", "aws:TokenIssueTime", "true", ABSENT, True),
    (OPERATORS, "Null", "aws:TokenIssueTime", "true", ("2020-01-01T00:00:00Z",), False),
    (OPERATORS, "Null", "aws:TokenIssueTime", "false", ("2020-01-01T00:00:00Z",), True),
    (OPERATORS, "Null", "aws:TokenIssueTime", "false", ABSENT, False),
    (OPERATORS, "Null", "aws:TokenIssueTime", False, ("2020-01-01T00:00:00Z",), True),
    (OPERATORS, "Null", "aws:TokenIssueTime", ["true", "false"], ABSENT, True),
    # Several values of the policy: OR, and NOR when negated
    (SEVERAL, "StringEquals", KEY, ["a", "b"], ("b",), True),
    (SEVERAL, "StringEquals", KEY, ["a", "b"], ("c",), False),
    (SEVERAL, "StringNotEquals", KEY, ["a", "b"], ("b",), False),
    (SEVERAL, "StringNotEquals", KEY, ["a", "b"], ("c",), True),
    (SEVERAL, "NumericEquals", "s3:max-keys", ["1", "2"], ("2",), True),
    (SEVERAL, "StringNotLike", "s3:prefix", ["a*", "b*"], ("c",), True),
    (SEVERAL, "StringNotLike", "s3:prefix", ["a*", "b*"], ("bc",), False),
    # Set operators
    (SETS, "ForAllValues:StringEquals", "aws:TagKeys", ["env", "cost"], ("env",), True),
    (SETS, "ForAllValues:StringEquals", "aws:TagKeys", ["env", "cost"], ("env", "cost"), True),
    (SETS, "ForAllValues:StringEquals", "aws:TagKeys", ["env", "cost"], ("env", "team"), False),
    (SETS, "ForAllValues:StringEquals", "aws:TagKeys", ["env", "cost"], ABSENT, True),
    (SETS, "ForAllValues:StringEquals", "aws:TagKeys", ["env", "cost"], (), True),
    (SETS, "ForAllValues:StringEquals", "aws:TagKeys", ["env", "cost"], ("",), True),
    (SETS, "ForAllValues:StringNotEquals", "aws:TagKeys", ["env"], ("cost", "team"), True),
    (SETS, "ForAllValues:StringNotEquals", "aws:TagKeys", ["env"], ("cost", "env"), False),
    (SETS, "ForAllValues:StringLike", "dynamodb:LeadingKeys", "shop-*", ("shop-1", "shop-2"), True),
    (SETS, "ForAllValues:StringLike", "dynamodb:LeadingKeys", "shop-*", ("shop-1", "x"), False),
    (SETS, "ForAnyValue:StringEquals", "aws:TagKeys", ["env", "cost"], ("team", "env"), True),
    (SETS, "ForAnyValue:StringEquals", "aws:TagKeys", ["env", "cost"], ("team",), False),
    (SETS, "ForAnyValue:StringEquals", "aws:TagKeys", ["env", "cost"], ABSENT, False),
    (SETS, "ForAnyValue:StringEquals", "aws:TagKeys", ["env", "cost"], ("",), False),
    (SETS, "ForAnyValue:StringNotEquals", "aws:TagKeys", ["env"], ("env", "team"), True),
    (SETS, "ForAnyValue:StringNotEquals", "aws:TagKeys", ["env"], ("env",), False),
    (SETS, "ForAnyValue:StringNotEquals", "aws:TagKeys", ["env"], ABSENT, False),
    (SETS, "ForAnyValue:StringEqualsIfExists", "aws:TagKeys", ["env"], ABSENT, False),
    (SETS, "ForAnyValue:ArnLike", "aws:CalledVia", "arn:aws:sns:*:*:o*", (ARN,), True),
    (SETS, "ForAnyValue:NumericGreaterThan", "svc:sizes", "5", ("1", "9"), True),
    # Names of keys ignore case, values don't
    (GLOBAL, "StringEquals", "AWS:principaltag/JOB", "x", ("x",), True),
]
# fmt: on


def request(key: str, values: tuple[str, ...] | None) -> Request:
    context = {} if values is None else {key.lower(): values}
    return Request(ROLE_SESSION, "s3:GetObject", "arn:aws:s3:::b/k", ACCOUNT, context)


@pytest.mark.parametrize(
    ("source", "operator", "key", "policy_values", "request_values", "matches"),
    ROWS,
    ids=[f"{row[1]}-{json.dumps(row[3])}-{row[4]}" for row in ROWS],
)
def test_a_condition_matches_as_documented(
    source: str,
    operator: str,
    key: str,
    policy_values: Any,
    request_values: tuple[str, ...] | None,
    matches: bool,
) -> None:
    """An Allow with the condition allows if it matches, and a Deny with it denies if it matches."""
    condition = {operator: {key: policy_values}}
    allowing = parse_policy(document(allow(Condition=condition)), PolicyType.IDENTITY)
    denying = parse_policy(document(allow(), deny(Condition=condition)), PolicyType.IDENTITY)

    allowed = evaluate(request(key, request_values), PolicySet(identity=(allowing,)))
    denied = evaluate(request(key, request_values), PolicySet(identity=(denying,)))

    assert allowed.allowed is matches, source
    assert denied.allowed is not matches, source
    assert denied.reason is (Reason.EXPLICIT_DENY if matches else Reason.ALLOWED), source


CONDITION_BLOCKS = [
    ("both operators match", {"aws:SourceIp": ("10.0.0.1",), KEY.lower(): ("a",)}, True),
    ("one operator fails", {"aws:SourceIp": ("11.0.0.1",), KEY.lower(): ("a",)}, False),
    ("one key is absent", {"aws:sourceip": ("10.0.0.1",)}, False),
    ("both fail", {}, False),
]


@pytest.mark.parametrize(
    ("name", "context", "matches"), CONDITION_BLOCKS, ids=[row[0] for row in CONDITION_BLOCKS]
)
def test_all_operators_and_keys_must_match(
    name: str, context: dict[str, tuple[str, ...]], matches: bool
) -> None:
    """Source: "Conditions with multiple context keys or values": operators and keys are joined by AND."""
    condition = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}, "StringEquals": {KEY: "a"}}
    policy = parse_policy(document(allow(Condition=condition)), PolicyType.IDENTITY)
    lowered = {key.lower(): values for key, values in context.items()}

    decision = evaluate(
        Request(ROLE_SESSION, "s3:GetObject", "arn:aws:s3:::b/k", ACCOUNT, lowered),
        PolicySet(identity=(policy,)),
    )

    assert decision.allowed is matches


def test_several_values_without_a_set_operator_fail_closed() -> None:
    """AWS documents no outcome for them: neither may an Allow apply nor a Deny be passed by."""
    condition = {"StringEquals": {"aws:TagKeys": "env"}}
    allowing = parse_policy(document(allow(Condition=condition)), PolicyType.IDENTITY)
    denying = parse_policy(document(allow(), deny(Condition=condition)), PolicyType.IDENTITY)
    two_values = request("aws:TagKeys", ("env", "team"))

    assert evaluate(two_values, PolicySet(identity=(allowing,))).reason is Reason.IMPLICIT_DENY
    assert evaluate(two_values, PolicySet(identity=(denying,))).reason is Reason.EXPLICIT_DENY


def test_a_key_that_cannot_be_told_fails_closed_and_is_named() -> None:
    condition = {"StringNotEquals": {"aws:SourceVpc": "vpc-1"}}
    allowing = parse_policy(document(allow(Condition=condition)), PolicyType.IDENTITY)
    denying = parse_policy(
        document(allow(), deny(Condition={"StringEquals": {"aws:SourceVpc": "vpc-1"}})), PolicyType.IDENTITY
    )
    asked = Request(
        ROLE_SESSION, "s3:GetObject", "arn:aws:s3:::b/k", ACCOUNT, {}, known_keys={"aws:sourceip"}
    )

    for policy, reason in ((allowing, Reason.IMPLICIT_DENY), (denying, Reason.EXPLICIT_DENY)):
        decision = evaluate(asked, PolicySet(identity=(policy,)))
        assert decision.reason is reason
        assert decision.unsupported_keys == ("aws:sourcevpc",)
