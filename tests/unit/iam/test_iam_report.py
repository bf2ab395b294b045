"""What of a role's policies was used, and the smallest policy that would have been enough."""

from typing import Any

from serverless_harness.emulator.iam.policy import PolicyType
from serverless_harness.functions.iam_report import MAX_NAMED_RESOURCES, RolePolicy, RoleReport, report_role

ROLE = "arn:aws:iam::000000000000:role/shop-process"
OTHER_ROLE = "arn:aws:iam::000000000000:role/other"
POLICY = "arn:aws:iam::000000000000:policy/shop-process"
TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/shops"
KEYS = "arn:aws:kms:us-east-1:000000000000:key/"
STREAMS = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/process:log-stream:"


def decision(action: str, resource: str, index: int = 0, **fields: Any) -> dict[str, Any]:
    matched = {"policy_type": PolicyType.IDENTITY.value, "policy_name": POLICY, "index": index}
    return {
        "principal": "arn:aws:sts::000000000000:assumed-role/shop-process/shop-process",
        "role_arn": ROLE,
        "action": action,
        "resource": resource,
        "call": action,
        "allowed": True,
        "reason": "allowed",
        "policy_type": None,
        "refusal": None,
        "untold": False,
        "matched": [matched],
        "count": 1,
    } | fields


def report(statement: dict[str, Any], *decisions: dict[str, Any]) -> RoleReport:
    policy = RolePolicy(POLICY, {"Version": "2012-10-17", "Statement": {"Effect": "Allow"} | statement})
    return report_role(ROLE, [policy], decisions)


def used(of: RoleReport) -> dict[tuple[str, str], int]:
    return {(each.action, each.resource): sum(each.calls.values()) for each in of.permissions}


def test_each_action_on_each_resource_is_a_permission() -> None:
    found = report(
        {"Action": ["dynamodb:PutItem", "dynamodb:UpdateItem"], "Resource": [TABLE, TABLE + "/index/a"]},
        decision("dynamodb:PutItem", TABLE, count=3),
    )

    assert used(found) == {
        ("dynamodb:PutItem", TABLE): 3,
        ("dynamodb:PutItem", TABLE + "/index/a"): 0,
        ("dynamodb:UpdateItem", TABLE): 0,
        ("dynamodb:UpdateItem", TABLE + "/index/a"): 0,
    }
    assert len(found.unused) == 3


def test_a_permission_names_the_calls_that_used_it() -> None:
    found = report(
        {"Action": "dynamodb:PutItem", "Resource": TABLE},
        decision("dynamodb:PutItem", TABLE, call="dynamodb:TransactWriteItems", count=2),
        decision("dynamodb:PutItem", TABLE, count=1),
    )

    assert found.permissions[0].calls == {"dynamodb:TransactWriteItems": 2, "dynamodb:PutItem": 1}


def test_wildcards_are_used_by_what_they_cover() -> None:
    found = report({"Action": "KMS:*", "Resource": KEYS + "*"}, decision("kms:Decrypt", KEYS + "1"))

    assert not found.unused
    assert found.smallest_policy["Statement"] == [
        {"Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": [KEYS + "1"]}
    ]


def test_what_other_roles_policies_and_statements_allowed_is_not_counted() -> None:
    elsewhere = {"policy_type": PolicyType.IDENTITY.value, "policy_name": "inline", "index": 0}
    by_key_policy = {"policy_type": PolicyType.RESOURCE.value, "policy_name": POLICY, "index": 0}
    found = report(
        {"Action": "kms:Decrypt", "Resource": "*"},
        decision("kms:Decrypt", KEYS + "1", role_arn=OTHER_ROLE),
        decision("kms:Decrypt", KEYS + "1", matched=[elsewhere, by_key_policy]),
        decision("kms:Decrypt", KEYS + "1", index=1),
    )

    assert used(found) == {("kms:Decrypt", "*"): 0}
    assert found.smallest_policy["Statement"] == []


def test_denials_are_listed_and_use_nothing() -> None:
    found = report(
        {"Action": "dynamodb:PutItem", "Resource": TABLE},
        decision(
            "dynamodb:GetItem",
            TABLE,
            allowed=False,
            reason="implicit deny",
            policy_type="x",
            matched=[],
            count=4,
        ),
    )

    [denial] = found.denials
    assert (denial.action, denial.resource, denial.count) == ("dynamodb:GetItem", TABLE, 4)
    assert len(found.unused) == 1


def test_what_could_not_be_told_is_listed() -> None:
    found = report(
        {"Action": "*", "Resource": "*"},
        decision("cloudformation:DescribeStacks", "arn:aws:cloudformation:r:1:stack/s/*", untold=True),
        decision("dynamodb:PutItem", TABLE),
    )

    [text] = found.untold
    assert text.startswith("cloudformation:DescribeStacks on arn:aws:cloudformation:r:1:stack/s/* (")


def test_the_smallest_policy_keeps_conditions_and_leaves_out_what_was_not_used() -> None:
    condition = {"StringEquals": {"dynamodb:EnclosingOperation": "TransactWriteItems"}}
    found = report(
        {"Action": ["dynamodb:PutItem", "dynamodb:Scan"], "Resource": TABLE, "Condition": condition},
        decision("dynamodb:PutItem", TABLE),
    )

    assert found.smallest_policy == {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["dynamodb:PutItem"], "Resource": [TABLE], "Condition": condition}
        ],
    }


def test_the_smallest_policy_grants_no_action_on_a_resource_that_another_action_used() -> None:
    found = report(
        {"Action": ["kms:Decrypt", "kms:Encrypt"], "Resource": "*"},
        decision("kms:Decrypt", KEYS + "1"),
        decision("kms:Encrypt", KEYS + "2"),
    )

    assert {(*each["Action"], *each["Resource"]) for each in found.smallest_policy["Statement"]} == {
        ("kms:Decrypt", KEYS + "1"),
        ("kms:Encrypt", KEYS + "2"),
    }


def test_log_streams_and_many_resources_keep_their_pattern() -> None:
    streams = report(
        {"Action": "logs:PutLogEvents", "Resource": STREAMS + "*"},
        decision("logs:PutLogEvents", STREAMS + "2026/11/23/[$LATEST]1"),
    )
    keys = report(
        {"Action": "kms:Decrypt", "Resource": KEYS + "*"},
        *(decision("kms:Decrypt", f"{KEYS}{number}") for number in range(MAX_NAMED_RESOURCES + 1)),
    )

    assert [each["Resource"] for each in streams.smallest_policy["Statement"]] == [[STREAMS + "*"]]
    assert [each["Resource"] for each in keys.smallest_policy["Statement"]] == [[KEYS + "*"]]


def test_inverted_elements_are_one_permission() -> None:
    found = report(
        {"NotAction": "iam:*", "NotResource": "arn:aws:s3:::secret"}, decision("kms:Decrypt", KEYS + "1")
    )

    assert used(found) == {("not iam:*", "not arn:aws:s3:::secret"): 1}


def test_deny_statements_grant_nothing() -> None:
    assert report({"Effect": "Deny", "Action": "*", "Resource": "*"}).permissions == []
