# ruff: noqa: E501 - one row of a table, one line
"""What isn't supported is refused with a message that names it."""

import json
from typing import Any

import pytest
from iam_tables import ROLE_ARN, ROOT_ARN, allow, document, document_of

from serverless_harness.emulator.iam.policy import PolicyError, PolicyType, parse_policy

IDENTITY, RESOURCE, TRUST = PolicyType.IDENTITY, PolicyType.RESOURCE, PolicyType.TRUST


def condition(operator: str, key: str = "aws:username", value: Any = "x") -> str:
    return document(allow(Condition={operator: {key: value}}))


def granting(principal: Any, **elements: Any) -> str:
    return document(allow(Principal=principal, **elements))


# fmt: off
REFUSED = [
    ("no JSON", "{", IDENTITY, "is not JSON"),
    ("a list", "[]", IDENTITY, "is not a JSON object"),
    ("unknown version", document(allow(), version="2020-01-01"), IDENTITY, "Version '2020-01-01' is not supported"),
    ("version of another type", '{"Version": [], "Statement": []}', IDENTITY, "Version [] is not supported"),
    ("unknown element", '{"Version": "2012-10-17", "Statements": []}', IDENTITY, "element Statements"),
    ("no statement", '{"Version": "2012-10-17"}', IDENTITY, "must be an object"),
    ("empty statements", '{"Version": "2012-10-17", "Statement": []}', IDENTITY, "has no statement"),
    ("statement is text", '{"Statement": "Allow"}', IDENTITY, "must be an object"),
    ("duplicate element", '{"Version": "2012-10-17", "Version": "2012-10-17"}', IDENTITY, "duplicate element Version"),
    ("unknown statement element", document(allow(Actions="s3:*")), IDENTITY, "element Actions"),
    ("no effect", document(allow(Effect=None)), IDENTITY, "Effect must be Allow or Deny, not None"),
    ("effect in lower case", document(allow(Effect="allow")), IDENTITY, "not 'allow'"),
    ("no action", document(allow(None)), IDENTITY, "Action or NotAction is missing"),
    ("both actions", document(allow(NotAction="s3:*")), IDENTITY, "Action and NotAction exclude each other"),
    ("empty action list", document(allow([])), IDENTITY, "Action must be text"),
    ("action of another type", document(allow([1])), IDENTITY, "Action must be text"),
    ("action without service", document(allow("GetObject")), IDENTITY, "action 'GetObject'"),
    ("wildcard service", document(allow("s*:GetObject")), IDENTITY, "action 's*:GetObject'"),
    ("no resource", document(allow("*", None)), IDENTITY, "Resource or NotResource is missing"),
    ("both resources", document(allow(NotResource="*")), IDENTITY, "Resource and NotResource exclude each other"),
    ("resource isn't an ARN", document(allow("*", "bucket")), IDENTITY, "resource 'bucket'"),
    ("resource ends early", document(allow("*", "arn:aws:s3:bucket")), IDENTITY, "resource 'arn:aws:s3:bucket'"),
    ("wildcard service in ARN", document(allow("*", "arn:aws:s*:::b")), IDENTITY, "resource 'arn:aws:s*:::b'"),
    ("unfinished variable", document(allow("*", "arn:aws:s3:::${aws:username")), IDENTITY, "does not start a policy variable"),
    ("variable without service", document(allow("*", "arn:aws:s3:::${username}")), IDENTITY, "does not name a condition key"),
    ("principal in identity policy", granting("*"), IDENTITY, "identity-based policy has no Principal"),
    ("principal in boundary", granting("*"), PolicyType.BOUNDARY, "permissions boundary has no Principal"),
    ("no principal in resource policy", document(allow()), RESOURCE, "Principal or NotPrincipal is missing"),
    ("both principals", granting("*", NotPrincipal="*"), RESOURCE, "exclude each other"),
    ("principal is other text", granting("arn:x"), RESOURCE, 'Principal must be "*"'),
    ("empty principal", granting({}), RESOURCE, 'Principal must be "*"'),
    ("wildcard in principal ARN", granting({"AWS": ROLE_ARN + "*"}), RESOURCE, "is not an account, user, role"),
    ("group as principal", granting({"AWS": ROOT_ARN.replace("root", "group/g")}), RESOURCE, "is not an account"),
    ("unknown principal type", granting({"CanonicalUser": "x"}), RESOURCE, "principal type CanonicalUser"),
    ("service without domain", granting({"Service": "sns"}), RESOURCE, "'sns' is not a service principal"),
    ("principal of another type", granting({"AWS": 1}), RESOURCE, "must hold text"),
    ("trust policy with resource", granting("*"), TRUST, "a role trust policy has no Resource"),
    ("sid with a space", document(allow(Sid="a b")), IDENTITY, "Sid 'a b'"),
    ("repeated sid", document(allow(Sid="a"), allow(Sid="a")), IDENTITY, "Sid a occurs more than once"),
    ("condition isn't an object", document(allow(Condition="x")), IDENTITY, "Condition must be an object"),
    ("operator isn't an object", document(allow(Condition={"Bool": "x"})), IDENTITY, "Bool must hold an object"),
    ("unknown operator", condition("StringMatches"), IDENTITY, "operator StringMatches is not supported"),
    ("operator in lower case", condition("stringequals"), IDENTITY, "operator stringequals is not supported"),
    ("unknown set operator", condition("ForSomeValues:StringEquals"), IDENTITY, "ForSomeValues:StringEquals is not"),
    ("NullIfExists", condition("NullIfExists", value="true"), IDENTITY, "operator NullIfExists is not supported"),
    ("set operator with Null", condition("ForAllValues:Null", value="true"), IDENTITY, "ForAllValues:Null is not"),
    ("Null takes a boolean", condition("Null"), IDENTITY, 'takes "true" or "false"'),
    ("key without prefix", condition("StringEquals", "username"), IDENTITY, "condition key 'username'"),
    ("no value", condition("StringEquals", value=[]), IDENTITY, "has no value"),
    ("value is an object", condition("StringEquals", value={"a": 1}), IDENTITY, "neither text, number nor boolean"),
    ("number", condition("NumericEquals"), IDENTITY, "'x' is not a number"),
    ("not a number", condition("NumericEquals", value="NaN"), IDENTITY, "'NaN' is not a number"),
    ("date", condition("DateLessThan", value="tomorrow"), IDENTITY, "'tomorrow' is not a date"),
    ("boolean", condition("Bool", value="yes"), IDENTITY, "'yes' is not a boolean"),
    ("base64", condition("BinaryEquals", value="%"), IDENTITY, "'%' is not base64"),
    ("address", condition("IpAddress", value="10.0.0"), IDENTITY, "'10.0.0' is not an IP address"),
    ("ARN", condition("ArnLike", value="*"), IDENTITY, "'*' is not an ARN"),
]
# fmt: on


@pytest.mark.parametrize(("name", "text", "policy_type", "message"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_is_not_supported_is_refused(
    name: str, text: str, policy_type: PolicyType, message: str
) -> None:
    with pytest.raises(PolicyError) as refusal:
        parse_policy(text, policy_type, "shop-policy")

    assert message in str(refusal.value), name
    assert str(refusal.value).startswith("shop-policy")


def test_a_refusal_names_the_statement() -> None:
    with pytest.raises(PolicyError, match="shop-policy, statement 1: action 'x'"):
        parse_policy(document(allow(), allow("x")), IDENTITY, "shop-policy")


def test_equal_documents_are_compiled_once() -> None:
    text = document(allow("s3:GetObject"))

    assert parse_policy(text, IDENTITY, "a") is parse_policy(text, IDENTITY, "a")


def test_a_policy_gives_its_document_back() -> None:
    whole = {"Version": "2012-10-17", "Id": "shop", "Statement": [allow("s3:*", Sid="Read")]}

    assert document_of(parse_policy(json.dumps(whole), IDENTITY)) == whole
