# ruff: noqa: E501 - one row of a table, one line
"""Elements, variables and the order of evaluation: each case is a request, its policies and AWS's outcome."""

from typing import Any

import pytest
from iam_tables import (
    ACCOUNT,
    ANONYMOUS,
    OTHER_ACCOUNT,
    ROLE_ARN,
    ROLE_SESSION,
    ROOT,
    ROOT_ARN,
    SESSION_ARN,
    SNS,
    USER,
    USER_ARN,
    Case,
    allow,
    deny,
    document,
    statement,
)

from serverless_harness.emulator.iam.evaluation import Decision, PolicySet, Reason, Request, evaluate
from serverless_harness.emulator.iam.matching import UNTOLD
from serverless_harness.emulator.iam.policy import Effect, PolicyType, parse_policy
from serverless_harness.emulator.iam.principals import Principal, PrincipalKind, parse_principals

YES, DENIED, NO = Reason.ALLOWED, Reason.EXPLICIT_DENY, Reason.IMPLICIT_DENY

ACTION = "IAM JSON policy elements: Action"
NOT_ACTION = "IAM JSON policy elements: NotAction"
RESOURCE = "IAM JSON policy elements: Resource"
NOT_RESOURCE = "IAM JSON policy elements: NotResource"
PRINCIPAL = "AWS JSON policy elements: Principal"
NOT_PRINCIPAL = "AWS JSON policy elements: NotPrincipal"
VARIABLES = "IAM policy elements: Variables and tags"
VERSION = "IAM JSON policy elements: Version"
SINGLE = "Policy evaluation for requests within a single account"
CROSS = "Cross-account policy evaluation logic"
DENY_LOGIC = "The difference between explicit and implicit denies"
BOUNDARY = "Permissions boundaries for IAM entities"
SESSION = "Session policies"
KMS = "Key policies in AWS KMS"
LAMBDA = "Viewing resource-based IAM policies in Lambda"
TRUST = "Role trust policies"

BUCKET, OBJECT = "arn:aws:s3:::bucket", "arn:aws:s3:::bucket/key"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:orders"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234"
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:accept"
EVERYONE = {"AWS": "*"}
OUTSIDER = Principal(PrincipalKind.ROLE_SESSION, f"arn:aws:sts::{OTHER_ACCOUNT}:assumed-role/r/s", OTHER_ACCOUNT,
                     f"arn:aws:iam::{OTHER_ACCOUNT}:role/r")  # fmt: skip
# fmt: off
ELEMENTS = [
    Case("exact action", ACTION, YES, identity=[allow("s3:GetObject")]),
    Case("another action", ACTION, NO, identity=[allow("s3:PutObject")], denied_by=PolicyType.IDENTITY),
    Case("action ignores case", ACTION, YES, identity=[allow("S3:getOBJECT")]),
    Case("action star", ACTION, YES, identity=[allow("*")]),
    Case("service star", ACTION, YES, identity=[allow("s3:*")]),
    Case("other service star", ACTION, NO, identity=[allow("sns:*")]),
    Case("action prefix", ACTION, YES, identity=[allow("s3:Get*")]),
    Case("wildcard action ignores case", ACTION, YES, identity=[allow("s3:gET*")]),
    Case("action infix", ACTION, YES, identity=[allow("s3:*Obj*")]),
    Case("action question mark", ACTION, YES, identity=[allow("s3:?etObject")]),
    Case("question mark is one character", ACTION, NO, identity=[allow("s3:GetObject?")]),
    Case("list of actions", ACTION, YES, identity=[allow(["s3:PutObject", "s3:GetObject"])]),
    Case("list with wildcard", ACTION, YES, identity=[allow(["s3:PutObject", "s3:List*", "s3:Get*"])]),
    Case("action is matched whole", ACTION, NO, action="s3:GetObjectAcl", identity=[allow("s3:GetObject")]),
    Case("NotAction allows the rest", NOT_ACTION, YES, identity=[allow(None, NotAction="s3:Delete*")]),
    Case("NotAction leaves the named", NOT_ACTION, NO, identity=[allow(None, NotAction="s3:Get*")]),
    Case("Deny NotAction denies the rest", NOT_ACTION, DENIED,
         identity=[allow(), deny(None, NotAction="iam:*")], denied_by=PolicyType.IDENTITY),
    Case("Deny NotAction spares the named", NOT_ACTION, YES, identity=[allow(), deny(None, NotAction=["s3:*"])]),
    Case("exact resource", RESOURCE, YES, identity=[allow("s3:GetObject", OBJECT)]),
    Case("another resource", RESOURCE, NO, identity=[allow("s3:GetObject", "arn:aws:s3:::other/key")]),
    Case("resource is case-sensitive", RESOURCE, NO, identity=[allow("s3:GetObject", "arn:aws:s3:::Bucket/key")]),
    Case("resource star", RESOURCE, YES, identity=[allow("s3:GetObject", "*")]),
    Case("resource wildcard", RESOURCE, YES, identity=[allow("s3:GetObject", "arn:aws:s3:::bucket/*")]),
    Case("bucket isn't its objects", RESOURCE, NO, identity=[allow("s3:GetObject", BUCKET)]),
    Case("objects aren't the bucket", RESOURCE, NO, resource=BUCKET,
         identity=[allow("s3:GetObject", "arn:aws:s3:::bucket/*")]),
    Case("resource question mark", RESOURCE, YES, identity=[allow("s3:GetObject", "arn:aws:s3:::bucket/ke?")]),
    Case("list of resources", RESOURCE, YES, identity=[allow("s3:GetObject", [BUCKET, "arn:aws:s3:::bucket/*"])]),
    Case("wildcard within fields", RESOURCE, YES, action="sns:Publish", resource=TOPIC,
         identity=[allow("sns:Publish", f"arn:aws:sns:*:{ACCOUNT}:ord*")]),
    Case("star at a field's end passes colons", RESOURCE, YES, action="sns:Publish", resource=TOPIC,
         identity=[allow("sns:Publish", "arn:aws:sns:us-east-1:*")]),
    Case("star inside a field stays in it", RESOURCE, NO, action="sns:Publish", resource=TOPIC,
         identity=[allow("sns:Publish", "arn:aws:sns:us*1:111122223333:x:orders")]),
    Case("question mark isn't a colon", RESOURCE, NO, action="sns:Publish", resource=TOPIC,
         identity=[allow("sns:Publish", "arn:aws:sns:us-east-1?111122223333:orders*")]),
    Case("star in the resource passes slashes", RESOURCE, YES, resource="arn:aws:s3:::bucket/a/b/key",
         identity=[allow("s3:GetObject", "arn:aws:s3:::bucket/*/key")]),
    Case("regex characters are plain", RESOURCE, NO, resource="arn:aws:s3:::bucket/kxy",
         identity=[allow("s3:GetObject", "arn:aws:s3:::bucket/k.y")]),
    Case("NotResource allows the rest", NOT_RESOURCE, YES,
         identity=[allow("s3:*", None, NotResource="arn:aws:s3:::secret/*")]),
    Case("NotResource leaves the named", NOT_RESOURCE, NO,
         identity=[allow("s3:*", None, NotResource=["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"])]),
    Case("Deny NotResource denies the rest", NOT_RESOURCE, DENIED,
         identity=[allow(), deny("s3:*", None, NotResource="arn:aws:s3:::HRBucket/*")]),
    Case("Deny NotResource spares the named", NOT_RESOURCE, YES,
         identity=[allow(), deny("s3:*", None, NotResource="arn:aws:s3:::bucket/*")]),
]

HOME = "arn:aws:s3:::bucket/${aws:username}/*"
ALICE = {"aws:username": ("alice",)}
VARIABLE_CASES = [
    Case("variable in Resource", VARIABLES, YES, resource="arn:aws:s3:::bucket/alice/x", context=ALICE,
         identity=[allow("s3:*", HOME)]),
    Case("variable, another user", VARIABLES, NO, resource="arn:aws:s3:::bucket/bob/x", context=ALICE,
         identity=[allow("s3:*", HOME)]),
    Case("variable ignores case of the key", VARIABLES, YES, resource="arn:aws:s3:::bucket/alice/x", context=ALICE,
         identity=[allow("s3:*", "arn:aws:s3:::bucket/${AWS:UserName}/*")]),
    Case("variable without value matches nothing", VARIABLES, NO, resource="arn:aws:s3:::bucket//x",
         identity=[allow("s3:*", HOME)]),
    Case("variable is literal before 2012-10-17", VERSION, NO, resource="arn:aws:s3:::bucket/alice/x",
         context=ALICE, version="2008-10-17", identity=[allow("s3:*", HOME)]),
    Case("2008-10-17 takes the variable's text", VERSION, YES, resource="arn:aws:s3:::bucket/${aws:username}/x",
         context=ALICE, version="2008-10-17", identity=[allow("s3:*", HOME)]),
    Case("no Version is 2008-10-17", VERSION, NO, resource="arn:aws:s3:::bucket/alice/x", context=ALICE,
         version="", identity=[allow("s3:*", HOME)]),
    Case("default value", VARIABLES, YES, resource="arn:aws:s3:::bucket/company-wide",
         identity=[allow("s3:*", "arn:aws:s3:::bucket/${aws:PrincipalTag/team, 'company-wide'}")]),
    Case("default gives way to the value", VARIABLES, YES, resource="arn:aws:s3:::bucket/red",
         context={"aws:principaltag/team": ("red",)},
         identity=[allow("s3:*", "arn:aws:s3:::bucket/${aws:PrincipalTag/team, 'company-wide'}")]),
    Case("default isn't used beside a value", VARIABLES, NO, resource="arn:aws:s3:::bucket/company-wide",
         context={"aws:principaltag/team": ("red",)},
         identity=[allow("s3:*", "arn:aws:s3:::bucket/${aws:PrincipalTag/team, 'company-wide'}")]),
    Case("principal tag", VARIABLES, YES, resource="arn:aws:s3:::bucket/red/x",
         context={"aws:principaltag/team": ("red",)},
         identity=[allow("s3:*", "arn:aws:s3:::bucket/${aws:PrincipalTag/team}/*")]),
    Case("literal star", VARIABLES, NO, resource="arn:aws:s3:::bucket/abc",
         identity=[allow("s3:*", "arn:aws:s3:::bucket/${*}")]),
    Case("literal star is a star", VARIABLES, YES, resource="arn:aws:s3:::bucket/*",
         identity=[allow("s3:*", "arn:aws:s3:::bucket/${*}")]),
    Case("literal question mark", VARIABLES, NO, resource="arn:aws:s3:::bucket/a",
         identity=[allow("s3:*", "arn:aws:s3:::bucket/${?}")]),
    Case("literal question mark is one", VARIABLES, YES, resource="arn:aws:s3:::bucket/?",
         identity=[allow("s3:*", "arn:aws:s3:::bucket/${?}")]),
    Case("literal dollar", VARIABLES, YES, resource="arn:aws:s3:::bucket/$x",
         identity=[allow("s3:*", "arn:aws:s3:::bucket/${$}x")]),
    Case("a value's wildcard is literal", VARIABLES, NO, resource="arn:aws:s3:::bucket/alice/x",
         context={"aws:username": ("*",)}, identity=[allow("s3:*", HOME)]),
    Case("multivalued keys are no variables", VARIABLES, NO, resource="arn:aws:s3:::bucket/a",
         context={"aws:tagkeys": ("a", "b")}, identity=[allow("s3:*", "arn:aws:s3:::bucket/${aws:TagKeys}")]),
    Case("variable in a string condition", VARIABLES, YES, context=ALICE | {"s3:prefix": ("home/alice",)},
         identity=[allow(Condition={"StringEquals": {"s3:prefix": "home/${aws:username}"}})]),
    Case("variable and wildcard in StringLike", VARIABLES, YES, context=ALICE | {"s3:prefix": ("home/alice/x",)},
         identity=[allow(Condition={"StringLike": {"s3:prefix": "home/${aws:username}/*"}})]),
    Case("variable in StringLike, another user", VARIABLES, NO, context=ALICE | {"s3:prefix": ("home/bob/x",)},
         identity=[allow(Condition={"StringLike": {"s3:prefix": "home/${aws:username}/*"}})]),
    Case("variable in an ARN condition", VARIABLES, YES,
         context=ALICE | {"aws:sourcearn": (f"arn:aws:sns:us-east-1:{ACCOUNT}:alice",)},
         identity=[allow(Condition={"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:${aws:username}"}})]),
    Case("a variable without value in a condition", VARIABLES, NO, context={"s3:prefix": ("home/alice",)},
         identity=[allow(Condition={"StringEquals": {"s3:prefix": "home/${aws:username}"}})]),
    Case("tags compared with each other", VARIABLES, YES,
         context={"aws:principaltag/team": ("red",), "aws:resourcetag/team": ("red",)},
         identity=[allow(Condition={"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}})]),
    Case("tags that differ", VARIABLES, NO,
         context={"aws:principaltag/team": ("red",), "aws:resourcetag/team": ("blue",)},
         identity=[allow(Condition={"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}})]),
]

ANY = allow("s3:*")
TO_ROLE = allow("s3:*", Principal={"AWS": ROLE_ARN})
TO_SESSION = allow("s3:*", Principal={"AWS": SESSION_ARN})
TO_USER = allow("s3:*", Principal={"AWS": USER_ARN})
TO_ACCOUNT = allow("s3:*", Principal={"AWS": ROOT_ARN})
TO_ALL = allow("s3:*", Principal="*")
OTHER = allow("sns:*")
ORDER = [
    Case("nothing allows", DENY_LOGIC, NO, denied_by=PolicyType.IDENTITY),
    Case("identity policy allows", SINGLE, YES, identity=[ANY]),
    Case("explicit deny wins", DENY_LOGIC, DENIED, identity=[ANY, deny("s3:Get*")], denied_by=PolicyType.IDENTITY),
    Case("order of statements doesn't matter", DENY_LOGIC, DENIED, identity=[deny("s3:Get*"), ANY]),
    Case("deny of another action", DENY_LOGIC, YES, identity=[ANY, deny("s3:Put*")]),
    Case("deny without any allow is explicit", DENY_LOGIC, DENIED, identity=[deny()]),
    Case("resource policy denies", SINGLE, DENIED, identity=[ANY], denied_by=PolicyType.RESOURCE,
         resource_policy=[deny("s3:*", Principal="*")]),
    Case("resource policy's deny of the account", PRINCIPAL, DENIED, identity=[ANY],
         resource_policy=[deny("s3:*", Principal={"AWS": ACCOUNT})]),
    Case("resource policy's deny of the role", PRINCIPAL, DENIED, identity=[ANY],
         resource_policy=[deny("s3:*", Principal={"AWS": ROLE_ARN})]),
    Case("resource policy's deny of another", PRINCIPAL, YES, identity=[ANY],
         resource_policy=[deny("s3:*", Principal={"AWS": USER_ARN})]),
    Case("identity's deny beats the resource policy", SINGLE, DENIED, identity=[deny()], resource_policy=[TO_ALL]),
    Case("resource policy to the role", SINGLE, YES, resource_policy=[TO_ROLE]),
    Case("resource policy to the session", SINGLE, YES, resource_policy=[TO_SESSION]),
    Case("resource policy to the user", SINGLE, YES, principal=USER, resource_policy=[TO_USER]),
    Case("resource policy to everyone", SINGLE, YES, resource_policy=[TO_ALL]),
    Case("AWS star is everyone", PRINCIPAL, YES, resource_policy=[allow("s3:*", Principal=EVERYONE)]),
    Case("resource policy to the account delegates", PRINCIPAL, NO, resource_policy=[TO_ACCOUNT],
         denied_by=PolicyType.IDENTITY),
    Case("account and identity policy", PRINCIPAL, YES, identity=[ANY], resource_policy=[TO_ACCOUNT]),
    Case("account by its number", PRINCIPAL, YES, principal=ROOT,
         resource_policy=[allow("s3:*", Principal={"AWS": ACCOUNT})]),
    Case("resource policy to another role", SINGLE, NO,
         resource_policy=[allow("s3:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/other"})]),
    Case("list of principals", PRINCIPAL, YES,
         resource_policy=[allow("s3:*", Principal={"AWS": [USER_ARN, ROLE_ARN]})]),
    Case("root needs no policy", SINGLE, YES, principal=ROOT),
    Case("resource policy denies root", SINGLE, DENIED, principal=ROOT, resource_policy=[deny(Principal="*")]),
    Case("resource policy of another resource", SINGLE, NO,
         resource_policy=[allow("s3:*", "arn:aws:s3:::other/*", Principal="*")]),
    # NotPrincipal
    Case("NotPrincipal denies the others", NOT_PRINCIPAL, DENIED, identity=[ANY],
         resource_policy=[deny("s3:*", NotPrincipal={"AWS": [USER_ARN, ROOT_ARN]})]),
    Case("NotPrincipal spares user and account", NOT_PRINCIPAL, YES, principal=USER, identity=[ANY],
         resource_policy=[deny("s3:*", NotPrincipal={"AWS": [USER_ARN, ROOT_ARN]})]),
    Case("NotPrincipal without the account", NOT_PRINCIPAL, DENIED, principal=USER, identity=[ANY],
         resource_policy=[deny("s3:*", NotPrincipal={"AWS": [USER_ARN]})]),
    Case("NotPrincipal needs session, role and account", NOT_PRINCIPAL, YES, identity=[ANY],
         resource_policy=[deny("s3:*", NotPrincipal={"AWS": [SESSION_ARN, ROLE_ARN, ROOT_ARN]})]),
    Case("NotPrincipal without the session", NOT_PRINCIPAL, DENIED, identity=[ANY],
         resource_policy=[deny("s3:*", NotPrincipal={"AWS": [ROLE_ARN, ROOT_ARN]})]),
    Case("Allow NotPrincipal excludes the named", NOT_PRINCIPAL, NO,
         resource_policy=[allow("s3:*", NotPrincipal={"AWS": ROLE_ARN})]),
    Case("Allow NotPrincipal allows the rest", NOT_PRINCIPAL, YES,
         resource_policy=[allow("s3:*", NotPrincipal={"AWS": USER_ARN})]),
    # Permissions boundaries
    Case("boundary and identity allow", BOUNDARY, YES, identity=[ANY], boundary=[ANY]),
    Case("boundary doesn't allow", BOUNDARY, NO, identity=[ANY], boundary=[OTHER], denied_by=PolicyType.BOUNDARY),
    Case("boundary alone grants nothing", BOUNDARY, NO, boundary=[ANY], denied_by=PolicyType.IDENTITY),
    Case("boundary denies", BOUNDARY, DENIED, identity=[ANY], boundary=[ANY, deny("s3:Get*")],
         denied_by=PolicyType.BOUNDARY),
    Case("boundary limits a grant to the role", BOUNDARY, NO, boundary=[OTHER], resource_policy=[TO_ROLE],
         denied_by=PolicyType.BOUNDARY),
    Case("boundary allows a grant to the role", BOUNDARY, YES, boundary=[ANY], resource_policy=[TO_ROLE]),
    Case("boundary doesn't limit a grant to the session", BOUNDARY, YES, boundary=[OTHER],
         resource_policy=[TO_SESSION]),
    Case("boundary doesn't limit a grant to the user", BOUNDARY, YES, principal=USER, boundary=[OTHER],
         resource_policy=[TO_USER]),
    Case("boundary's deny limits a grant to the user", BOUNDARY, DENIED, principal=USER, boundary=[deny()],
         resource_policy=[TO_USER]),
    Case("boundary doesn't limit everyone by PrincipalArn", PRINCIPAL, YES, boundary=[OTHER],
         context={"aws:principalarn": (ROLE_ARN,)},
         resource_policy=[allow("s3:*", Principal="*", Condition={"ArnEquals": {"aws:PrincipalArn": ROLE_ARN}})]),
    # Session policies
    Case("session and identity allow", SESSION, YES, identity=[ANY], session=[ANY]),
    Case("session policy doesn't allow", SESSION, NO, identity=[ANY], session=[OTHER], denied_by=PolicyType.SESSION),
    Case("session policy alone grants nothing", SESSION, NO, session=[ANY], denied_by=PolicyType.IDENTITY),
    Case("session policy denies", SESSION, DENIED, identity=[ANY], session=[deny()], denied_by=PolicyType.SESSION),
    Case("session policy limits a grant to the role", SESSION, NO, session=[OTHER], resource_policy=[TO_ROLE],
         denied_by=PolicyType.SESSION),
    Case("session policy doesn't limit a grant to the session", SESSION, YES, session=[OTHER],
         resource_policy=[TO_SESSION]),
    Case("boundary, session and identity allow", SESSION, YES, identity=[ANY], session=[ANY], boundary=[ANY]),
    Case("boundary stops what the session allows", SESSION, NO, identity=[ANY], session=[ANY], boundary=[OTHER],
         denied_by=PolicyType.BOUNDARY),
    # Cross-account
    Case("both accounts allow", CROSS, YES, principal=OUTSIDER, identity=[ANY],
         resource_policy=[allow("s3:*", Principal={"AWS": OTHER_ACCOUNT})]),
    Case("resource's account doesn't allow", CROSS, NO, principal=OUTSIDER, identity=[ANY],
         denied_by=PolicyType.RESOURCE),
    Case("caller's account doesn't allow", CROSS, NO, principal=OUTSIDER, denied_by=PolicyType.IDENTITY,
         resource_policy=[allow("s3:*", Principal={"AWS": OUTSIDER.role_arn})]),
    Case("everyone isn't enough across accounts", CROSS, NO, principal=OUTSIDER, denied_by=PolicyType.IDENTITY,
         resource_policy=[TO_ALL]),
    Case("session named across accounts", CROSS, NO, principal=OUTSIDER, denied_by=PolicyType.IDENTITY,
         resource_policy=[allow("s3:*", Principal={"AWS": OUTSIDER.arn})]),
    Case("boundary limits across accounts", CROSS, NO, principal=OUTSIDER, identity=[ANY], boundary=[OTHER],
         denied_by=PolicyType.BOUNDARY, resource_policy=[allow("s3:*", Principal={"AWS": OUTSIDER.role_arn})]),
    Case("deny across accounts", CROSS, DENIED, principal=OUTSIDER, identity=[ANY, deny()],
         resource_policy=[allow("s3:*", Principal={"AWS": OUTSIDER.role_arn})]),
    # Anonymous requests and services
    Case("anonymous needs a resource policy", PRINCIPAL, NO, principal=ANONYMOUS, denied_by=PolicyType.RESOURCE),
    Case("anonymous by everyone", PRINCIPAL, YES, principal=ANONYMOUS, resource_policy=[TO_ALL]),
    Case("anonymous isn't the account", PRINCIPAL, NO, principal=ANONYMOUS, resource_policy=[TO_ACCOUNT]),
]

BY_SNS = {"Service": "sns.amazonaws.com"}
SOURCE = {"ArnLike": {"AWS:SourceArn": TOPIC}}


def invoke(name: str, outcome: Reason, *statements: dict, **case) -> Case:
    return Case(name, LAMBDA, outcome, action="lambda:InvokeFunction", resource=FUNCTION, principal=SNS,
                resource_policy=list(statements), **case)


def decrypt(name: str, outcome: Reason, **case) -> Case:
    return Case(name, KMS, outcome, action="kms:Decrypt", resource=KEY, resource_policy_decides=True, **case)


def assume(name: str, outcome: Reason, **case) -> Case:
    return Case(name, TRUST, outcome, action="sts:AssumeRole", resource=ROLE_ARN, resource_policy_decides=True,
                resource_policy_type=PolicyType.TRUST, **case)


ENABLE_IAM = allow("kms:*", Principal={"AWS": ROOT_ARN})
SPECIAL = [
    invoke("service with permission", YES, allow("lambda:InvokeFunction", FUNCTION, Principal=BY_SNS)),
    invoke("service without permission", NO, denied_by=PolicyType.RESOURCE),
    invoke("another service", NO,
           allow("lambda:InvokeFunction", FUNCTION, Principal={"Service": "apigateway.amazonaws.com"})),
    invoke("another function", NO, allow("lambda:InvokeFunction", f"{FUNCTION}2", Principal=BY_SNS)),
    invoke("source ARN matches", YES, allow("lambda:InvokeFunction", FUNCTION, Principal=BY_SNS, Condition=SOURCE),
           context={"aws:sourcearn": (TOPIC,)}),
    invoke("source ARN differs", NO, allow("lambda:InvokeFunction", FUNCTION, Principal=BY_SNS, Condition=SOURCE),
           context={"aws:sourcearn": (f"{TOPIC}2",)}),
    invoke("source ARN is absent", NO, allow("lambda:InvokeFunction", FUNCTION, Principal=BY_SNS, Condition=SOURCE)),
    invoke("service is denied", DENIED, allow("lambda:InvokeFunction", FUNCTION, Principal=BY_SNS),
           deny("lambda:*", FUNCTION, Principal=BY_SNS)),
    invoke("account isn't a service", NO, allow("lambda:InvokeFunction", FUNCTION, Principal={"AWS": ACCOUNT})),
    decrypt("key policy is silent", NO, identity=[allow("kms:*")], denied_by=PolicyType.RESOURCE),
    decrypt("key policy delegates, identity allows", YES, identity=[allow("kms:Decrypt", KEY)],
            resource_policy=[ENABLE_IAM]),
    decrypt("key policy delegates, identity is silent", NO, resource_policy=[ENABLE_IAM],
            denied_by=PolicyType.IDENTITY),
    decrypt("key policy allows the role", YES, resource_policy=[allow("kms:Decrypt", Principal={"AWS": ROLE_ARN})]),
    decrypt("key policy allows another action", NO, identity=[allow("kms:*")],
            resource_policy=[allow("kms:Encrypt", Principal={"AWS": ROLE_ARN})]),
    decrypt("key policy denies", DENIED, identity=[allow("kms:*")],
            resource_policy=[ENABLE_IAM, deny("kms:Decrypt", Principal={"AWS": ROLE_ARN})]),
    decrypt("identity policy of another key", NO, identity=[allow("kms:Decrypt", f"{KEY}5")],
            resource_policy=[ENABLE_IAM]),
    decrypt("identity policy by alias doesn't name the key", NO, resource_policy=[ENABLE_IAM],
            identity=[allow("kms:Decrypt", f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/shop")]),
    decrypt("alias as a condition", YES, resource_policy=[ENABLE_IAM], context={"kms:requestalias": ("alias/shop",)},
            identity=[allow("kms:Decrypt", Condition={"StringEquals": {"kms:RequestAlias": "alias/shop"}})]),
    decrypt("even root needs the key policy", NO, principal=ROOT, denied_by=PolicyType.RESOURCE),
    assume("service named by the trust policy", YES,
           principal=Principal(PrincipalKind.SERVICE, "lambda.amazonaws.com"),
           resource_policy=[allow("sts:AssumeRole", None, Principal={"Service": "lambda.amazonaws.com"})]),
    assume("service not named by the trust policy", NO, principal=SNS, denied_by=PolicyType.TRUST,
           resource_policy=[allow("sts:AssumeRole", None, Principal={"Service": "lambda.amazonaws.com"})]),
    assume("user named by the trust policy", YES, principal=USER,
           resource_policy=[allow("sts:AssumeRole", None, Principal={"AWS": USER_ARN})]),
    assume("trust in the account, identity is silent", NO, principal=USER, denied_by=PolicyType.IDENTITY,
           resource_policy=[allow("sts:AssumeRole", None, Principal={"AWS": ACCOUNT})]),
    assume("trust in the account, identity allows", YES, principal=USER, identity=[allow("sts:AssumeRole", ROLE_ARN)],
           resource_policy=[allow("sts:AssumeRole", None, Principal={"AWS": ACCOUNT})]),
    assume("external id differs", NO, principal=USER, context={"sts:externalid": ("2",)},
           resource_policy=[allow("sts:AssumeRole", None, Principal={"AWS": USER_ARN},
                                  Condition={"StringEquals": {"sts:ExternalId": "1"}})]),
]
# fmt: on

CASES = ELEMENTS + VARIABLE_CASES + ORDER + SPECIAL


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_request_is_decided_as_documented(case: Case) -> None:
    decision = case.decide()

    assert decision.reason is case.outcome, f"{case.source}: {decision}"
    assert decision.allowed is (case.outcome is YES)
    if case.denied_by is not None:
        assert decision.policy_type is case.denied_by


def test_the_names_of_the_cases_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


def decision_of(outcome: Reason, **case) -> Decision:
    return Case("explained", "Troubleshoot access denied error messages", outcome, **case).decide()


EXPLANATIONS = [
    (decision_of(NO), "because no identity-based policy allows the s3:GetObject action"),
    (
        decision_of(NO, identity=[ANY], boundary=[OTHER]),
        "because no permissions boundary allows the s3:GetObject action",
    ),
    (
        decision_of(NO, identity=[ANY], session=[OTHER]),
        "because no session policy allows the s3:GetObject action",
    ),
    (
        decision_of(NO, principal=OUTSIDER),
        "because no resource-based policy allows the s3:GetObject action",
    ),
    (decision_of(DENIED, identity=[deny()]), "with an explicit deny in an identity-based policy"),
    (decision_of(DENIED, boundary=[deny()]), "with an explicit deny in a permissions boundary"),
    (decision_of(DENIED, session=[deny()]), "with an explicit deny in a session policy"),
    (
        decision_of(DENIED, resource_policy=[deny(Principal="*")]),
        "with an explicit deny in a resource-based policy",
    ),
    (decision_of(YES, identity=[ANY]), ""),
]


@pytest.mark.parametrize(
    ("decision", "text"), EXPLANATIONS, ids=[row[1] or "allowed" for row in EXPLANATIONS]
)
def test_a_decision_explains_itself_in_awss_words(decision: Decision, text: str) -> None:
    """Source: "Troubleshoot access denied error messages"."""
    assert decision.explanation("s3:GetObject") == text


def test_the_decision_names_every_statement_that_allows() -> None:
    identity = [allow("s3:GetObject", Sid="Exact"), allow("sns:*", Sid="Other"), allow("s3:*")]

    matched = decision_of(YES, identity=identity).matched

    assert [(ref.policy_name, ref.index, ref.sid, ref.effect) for ref in matched] == [
        ("identity", 0, "Exact", Effect.ALLOW),
        ("identity", 2, None, Effect.ALLOW),
    ]


def test_the_decision_names_the_statement_that_denies() -> None:
    identity = [allow(), deny("s3:*", Sid="Stop")]

    (matched,) = decision_of(DENIED, identity=identity).matched

    assert (matched.index, matched.sid, matched.effect) == (1, "Stop", Effect.DENY)


@pytest.mark.parametrize(
    ("service", "allowed"),
    [
        ("logs.amazonaws.com", True),
        ("logs.eu-west-1.amazonaws.com", True),
        ("logs.us-east-1.amazonaws.com", False),
        ("events.amazonaws.com", False),
    ],
)
def test_a_service_goes_by_its_regional_name_too(service: str, allowed: bool) -> None:
    """Source: CloudWatch Logs user guide, "Subscription filters", whose examples name `logs.region`."""
    principals = parse_principals({"Service": service})
    logs = Principal(PrincipalKind.SERVICE, "logs.amazonaws.com", region="eu-west-1")
    assert (principals.grant(logs) is not None) is allowed
    assert principals.names_wholly(logs) is allowed


PARAMETERS = "arn:aws:ssm:us-east-1:111122223333:parameter/"


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ([allow()], True),
        ([allow("ssm:*")], True),
        ([allow("ssm:*", f"{PARAMETERS}*")], True),
        ([allow("ssm:*", f"{PARAMETERS}app/*")], False),
        ([allow("ssm:*", f"{PARAMETERS}app")], False),
        ([allow(), deny("ssm:*")], False),
        ([allow(), deny("*", f"{PARAMETERS}secret")], False),
        ([allow(), deny("*", "arn:aws:ssm:eu-west-1:111122223333:parameter/*")], True),
        ([allow(), deny("*", "arn:aws:s3:::bucket/*")], True),
        ([statement("Allow", "ssm:*", None, NotResource=f"{PARAMETERS}app")], False),
        ([statement("Allow", "ssm:*", None, NotResource="arn:aws:s3:::*")], True),
    ],
)
def test_what_cannot_be_told_of_a_resource_is_decided_by_statements_that_it_cannot_change(
    statements: list[dict[str, Any]], allowed: bool
) -> None:
    policy = parse_policy(document(*statements), PolicyType.IDENTITY)
    request = Request(ROLE_SESSION, "ssm:GetParameter", f"{PARAMETERS}{UNTOLD}", ACCOUNT)
    assert evaluate(request, PolicySet(identity=(policy,))).allowed is allowed


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ([allow("*")], True),
        ([allow("ssm:*")], True),
        ([allow("ssm:Get*")], False),
        ([allow("ssm:GetThing")], False),
        ([statement("Allow", None, NotAction="ssm:Get*")], False),
        ([statement("Allow", None, NotAction="s3:*")], True),
        ([allow("*"), deny("ssm:Get*")], False),
        ([allow("*"), deny("s3:*")], True),
        ([allow("*"), statement("Deny", None, NotAction="ssm:*")], True),
    ],
)
def test_an_action_that_cannot_be_told_is_decided_by_statements_on_the_whole_service(
    statements: list[dict[str, Any]], allowed: bool
) -> None:
    policy = parse_policy(document(*statements), PolicyType.IDENTITY)
    request = Request(ROLE_SESSION, f"ssm:{UNTOLD}", UNTOLD, ACCOUNT)
    assert evaluate(request, PolicySet(identity=(policy,))).allowed is allowed
