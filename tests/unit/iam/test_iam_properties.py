"""Properties of evaluation that hold whatever the policies are."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from iam_tables import (
    ACCOUNT,
    OTHER_ACCOUNT,
    ROLE_ARN,
    ROLE_SESSION,
    ROOT_ARN,
    SESSION_ARN,
    SNS,
    USER,
    document,
    document_of,
)

from serverless_harness.emulator.iam.evaluation import Decision, PolicySet, Request, evaluate
from serverless_harness.emulator.iam.policy import Policy, PolicyType, parse_policy

ACTIONS = ["s3:GetObject", "s3:PutObject", "sns:Publish", "kms:Decrypt"]
RESOURCES = [
    "arn:aws:s3:::bucket/alice",
    "arn:aws:s3:::bucket/bob",
    f"arn:aws:sns:us-east-1:{ACCOUNT}:orders",
]
CONTEXTS = st.fixed_dictionaries(
    {},
    optional={
        "aws:username": st.sampled_from([("alice",), ("bob",)]),
        "aws:tagkeys": st.sampled_from([("env",), ("env", "team"), ()]),
        "aws:sourceip": st.sampled_from([("10.0.0.1",), ("192.0.2.1",)]),
        "aws:securetransport": st.sampled_from([("true",), ("false",)]),
    },
)
CONDITIONS: list[dict[str, Any]] = [
    {"StringEquals": {"aws:username": "alice"}},
    {"StringNotEquals": {"aws:username": ["alice", "carol"]}},
    {"StringNotLike": {"aws:TagKeys": "${aws:username}*"}},
    {"StringLikeIfExists": {"aws:username": "a*"}},
    {"ForAllValues:StringEquals": {"aws:TagKeys": ["env"]}},
    {"ForAnyValue:StringNotEquals": {"aws:TagKeys": ["env"]}},
    {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}, "Bool": {"aws:SecureTransport": "true"}},
    {"Null": {"aws:username": "true"}},
]
ACTION_ELEMENTS = st.sampled_from(["Action", "NotAction"]).flatmap(
    lambda name: st.fixed_dictionaries(
        {
            name: st.lists(
                st.sampled_from([*ACTIONS, "*", "s3:*", "S3:get*", "sns:Publis?"]), min_size=1, max_size=3
            )
        }
    )
)
RESOURCE_ELEMENTS = st.sampled_from(["Resource", "NotResource"]).flatmap(
    lambda name: st.fixed_dictionaries(
        {
            name: st.lists(
                st.sampled_from(
                    [*RESOURCES, "*", "arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket/${aws:username}"]
                ),
                min_size=1,
                max_size=2,
            )
        }
    )
)
PRINCIPAL_ELEMENTS = st.sampled_from(["Principal", "NotPrincipal"]).flatmap(
    lambda name: st.fixed_dictionaries(
        {
            name: st.sampled_from(
                [
                    "*",
                    {"AWS": ROLE_ARN},
                    {"AWS": [SESSION_ARN, ROOT_ARN]},
                    {"AWS": OTHER_ACCOUNT},
                    {"Service": "sns.amazonaws.com"},
                ]
            )
        }
    )
)
EFFECTS = st.sampled_from(["Allow", "Deny"])


@st.composite
def statements(
    draw: st.DrawFn, *, effect: st.SearchStrategy[str] = EFFECTS, principals: bool = False
) -> dict[str, Any]:
    elements = {"Effect": draw(effect)} | draw(ACTION_ELEMENTS) | draw(RESOURCE_ELEMENTS)
    if principals:
        elements |= draw(PRINCIPAL_ELEMENTS)
    condition = draw(st.none() | st.sampled_from(CONDITIONS))
    return elements if condition is None else elements | {"Condition": condition}


SOME = {
    PolicyType.IDENTITY: st.lists(statements(), max_size=3),
    PolicyType.BOUNDARY: st.lists(statements(), max_size=2),
    PolicyType.SESSION: st.lists(statements(), max_size=2),
    PolicyType.RESOURCE: st.lists(statements(principals=True), max_size=3),
}
GROUPS = st.fixed_dictionaries(SOME)
REQUESTS = st.builds(
    Request,
    principal=st.sampled_from([ROLE_SESSION, USER, SNS]),
    action=st.sampled_from(ACTIONS),
    resource=st.sampled_from(RESOURCES),
    resource_account_id=st.sampled_from([ACCOUNT, OTHER_ACCOUNT]),
    context=CONTEXTS,
    known_keys=st.sampled_from([None, frozenset({"aws:username", "aws:tagkeys"})]),
)


def decide(request: Request, groups: dict[PolicyType, list[dict[str, Any]]], decides: bool) -> Decision:
    """Evaluate; a group with no statement is a policy that isn't there."""
    policies: dict[PolicyType, tuple[Policy, ...]] = {
        kind: (parse_policy(document(*group), kind),) if group else () for kind, group in groups.items()
    }
    return evaluate(
        request,
        PolicySet(
            identity=policies[PolicyType.IDENTITY],
            boundary=next(iter(policies[PolicyType.BOUNDARY]), None),
            session=policies[PolicyType.SESSION] or None,
            resource=policies[PolicyType.RESOURCE],
            resource_policy_decides=decides,
        ),
    )


def extended(
    groups: dict[PolicyType, list[dict[str, Any]]], kind: PolicyType, added: dict[str, Any]
) -> dict[PolicyType, list[dict[str, Any]]]:
    return groups | {kind: [*groups[kind], added]}


@settings(deadline=None)
@given(request=REQUESTS, groups=GROUPS, decides=st.booleans(), data=st.data())
def test_adding_a_deny_never_allows_more(
    request: Request, groups: dict[PolicyType, list[dict[str, Any]]], decides: bool, data: st.DataObject
) -> None:
    kind = data.draw(st.sampled_from(list(groups)))
    added = data.draw(statements(effect=st.just("Deny"), principals=kind is PolicyType.RESOURCE))

    before, after = decide(request, groups, decides), decide(request, extended(groups, kind, added), decides)

    assert before.allowed or not after.allowed


@settings(deadline=None)
@given(request=REQUESTS, groups=GROUPS, decides=st.booleans(), data=st.data())
def test_adding_an_allow_never_denies_more(
    request: Request, groups: dict[PolicyType, list[dict[str, Any]]], decides: bool, data: st.DataObject
) -> None:
    """To a boundary or session policy that is there: the first statement of a new one is a limit."""
    limits = {PolicyType.BOUNDARY, PolicyType.SESSION}
    kind = data.draw(st.sampled_from([kind for kind in groups if groups[kind] or kind not in limits]))
    added = data.draw(statements(effect=st.just("Allow"), principals=kind is PolicyType.RESOURCE))

    before, after = decide(request, groups, decides), decide(request, extended(groups, kind, added), decides)

    assert after.allowed or not before.allowed


@settings(deadline=None)
@given(request=REQUESTS, groups=GROUPS, decides=st.booleans())
def test_the_order_of_statements_does_not_matter(
    request: Request, groups: dict[PolicyType, list[dict[str, Any]]], decides: bool
) -> None:
    turned = {kind: group[::-1] for kind, group in groups.items()}

    assert decide(request, groups, decides).reason is decide(request, turned, decides).reason


@settings(deadline=None)
@given(request=REQUESTS, groups=GROUPS, decides=st.booleans())
def test_a_parsed_policy_written_out_decides_the_same(
    request: Request, groups: dict[PolicyType, list[dict[str, Any]]], decides: bool
) -> None:
    written = {
        kind: document_of(parse_policy(document(*group), kind))["Statement"] if group else []
        for kind, group in groups.items()
    }

    assert written == groups
    assert decide(request, groups, decides) == decide(request, written, decides)


@settings(deadline=None)
@given(request=REQUESTS, groups=GROUPS, decides=st.booleans())
def test_a_decision_names_what_decided(
    request: Request, groups: dict[PolicyType, list[dict[str, Any]]], decides: bool
) -> None:
    """An allow and an explicit deny name statements of that effect; an implicit deny names a policy type."""
    decision = decide(request, groups, decides)

    assert {ref.effect.value for ref in decision.matched} <= {"Allow" if decision.allowed else "Deny"}
    assert decision.allowed is (decision.policy_type is None)
