"""What enforcement reads from LocalStack's stores: keys by every name, and the policies of resources."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from iam_requests import ACCOUNT, REGION, TRUST, arn, new_session, reset_stores
from iam_tables import document_of
from localstack.services.kms.models import KmsAlias, KmsGrant, KmsKey, kms_stores
from localstack.services.lambda_.invocation.lambda_models import FunctionResourcePolicy, ResourcePolicy
from localstack.services.lambda_.invocation.models import lambda_stores
from localstack.services.sqs.models import StandardQueue, sqs_stores

from serverless_harness.emulator.iam.evaluation import PolicySet, Request, evaluate
from serverless_harness.emulator.iam.lookups import LocalStackLookups
from serverless_harness.emulator.iam.policy import Policy, PolicyType
from serverless_harness.emulator.iam.principals import Principal, PrincipalKind
from serverless_harness.emulator.iam.resource_policies import (
    grant_policy,
    resource_account_id,
    resource_policies,
)

ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/decrypt-role"
ALIAS = "alias/shop-AMIS1"
GRANTEE = Principal(
    PrincipalKind.ROLE_SESSION, f"arn:aws:sts::{ACCOUNT}:assumed-role/decrypt-role/decrypt", ACCOUNT, ROLE_ARN
)


@pytest.fixture
def key() -> Iterator[KmsKey]:
    """Make a key with an alias."""
    store = kms_stores[ACCOUNT][REGION]
    made = KmsKey({}, ACCOUNT, REGION)
    key_id = made.metadata["KeyId"]
    store.keys[key_id] = made
    store.aliases[ALIAS] = KmsAlias({"AliasName": ALIAS, "TargetKeyId": key_id}, ACCOUNT, REGION)
    yield made
    kms_stores.reset()


FOREIGN_NAMES = (f"arn:aws:kms:{REGION}:111122223333:{ALIAS}", f"arn:aws:kms:eu-west-1:{ACCOUNT}:{ALIAS}")
"""What LocalStack takes for the caller's own alias, in some operations."""


def test_a_key_is_found_by_every_name(key: KmsKey) -> None:
    key_id, key_arn = key.metadata["KeyId"], key.metadata["Arn"]

    for name in (key_id, key_arn, ALIAS, arn("kms", ALIAS), *FOREIGN_NAMES):
        facts = LocalStackLookups().kms_key(name, ACCOUNT, REGION)
        assert facts is not None
        assert (facts.arn, facts.aliases, facts.key_spec) == (key_arn, (ALIAS,), "SYMMETRIC_DEFAULT")


UNKNOWN_KEYS = [
    "alias/unknown",
    "785351b1-1f2c-4f60-ba28-c55212ba8e3c",
    "no key",
    arn("kms", "alias/unknown"),
    "arn:x",
]


@pytest.mark.parametrize("name", UNKNOWN_KEYS)
def test_an_unknown_key_is_not_found(key: KmsKey, name: str) -> None:
    assert LocalStackLookups().kms_key(name, ACCOUNT, REGION) is None


def test_the_key_of_a_ciphertext_is_found(key: KmsKey) -> None:
    blob = key.encrypt(b"sale", None)

    facts = LocalStackLookups().kms_key_of_ciphertext(blob, ACCOUNT, REGION)

    assert facts is not None
    assert facts.arn == key.metadata["Arn"]
    assert LocalStackLookups().kms_key_of_ciphertext(b"rubbish", ACCOUNT, REGION) is None


def test_a_keys_policy_and_its_grants_are_its_policies(key: KmsKey) -> None:
    key_arn = key.metadata["Arn"]
    request = {"KeyId": key_arn, "GranteePrincipal": ROLE_ARN, "Operations": ["Decrypt"]}
    grant = KmsGrant(request, ACCOUNT, REGION)
    kms_stores[ACCOUNT][REGION].grants[grant.metadata["GrantId"]] = grant

    names = [policy.name for policy in resource_policies("kms:Decrypt", key_arn)]

    assert names == [f"policy of {key_arn}", f"grant {grant.metadata['GrantId']}"]


def allowed_by_grant(grant: dict[str, Any], action: str, context: dict[str, tuple[str, ...]]) -> bool:
    policy = grant_policy({"GrantId": "1", "GranteePrincipal": ROLE_ARN, "Operations": ["Decrypt"]} | grant)
    request = Request(GRANTEE, action, arn("kms", "key/1"), ACCOUNT, context)
    return evaluate(request, PolicySet(resource=(policy,), resource_policy_decides=True)).allowed


ONE = {"kms:encryptioncontext:shop": ("AMIS1",), "kms:encryptioncontextkeys": ("shop",)}
TWO = ONE | {"kms:encryptioncontext:day": ("1",), "kms:encryptioncontextkeys": ("shop", "day")}
GRANTS = [
    ("operation", {}, "kms:Decrypt", {}, True),
    ("another operation", {}, "kms:Encrypt", {}, False),
    ("another grantee", {"GranteePrincipal": f"{ROLE_ARN}2"}, "kms:Decrypt", {}, False),
    ("subset", {"Constraints": {"EncryptionContextSubset": {"shop": "AMIS1"}}}, "kms:Decrypt", TWO, True),
    (
        "subset missing",
        {"Constraints": {"EncryptionContextSubset": {"shop": "AMIS1"}}},
        "kms:Decrypt",
        {},
        False,
    ),
    ("equals", {"Constraints": {"EncryptionContextEquals": {"shop": "AMIS1"}}}, "kms:Decrypt", ONE, True),
    (
        "equals exceeded",
        {"Constraints": {"EncryptionContextEquals": {"shop": "AMIS1"}}},
        "kms:Decrypt",
        TWO,
        False,
    ),
]


@pytest.mark.parametrize(
    ("name", "grant", "action", "context", "allowed"), GRANTS, ids=[row[0] for row in GRANTS]
)
def test_a_grant_allows_its_operations_within_its_constraints(
    name: str, grant: dict[str, Any], action: str, context: dict[str, tuple[str, ...]], allowed: bool
) -> None:
    """Source: AWS pages "Grants in AWS KMS" and "Using grant constraints"."""
    assert allowed_by_grant(grant, action, context) is allowed


def sole(policies: tuple[Policy, ...]) -> Policy:
    (policy,) = policies
    return policy


def statement(action: str, resource: str) -> dict[str, Any]:
    return {
        "Sid": "sns",
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": action,
        "Resource": resource,
    }


def test_a_functions_permissions_are_its_policy_by_qualifier() -> None:
    function_arn = arn("lambda", "function:accept")
    document = ResourcePolicy(
        "2012-10-17", "default", [statement("lambda:InvokeFunction", f"{function_arn}:live")]
    )
    function = SimpleNamespace(permissions={"live": FunctionResourcePolicy(document)})
    lambda_stores[ACCOUNT][REGION].functions["accept"] = function
    try:
        policy = sole(resource_policies("lambda:InvokeFunction", f"{function_arn}:live"))
        assert policy.statements[0].ref.sid == "sns"
        assert resource_policies("lambda:InvokeFunction", function_arn) == ()
        document.Statement.clear()
        assert resource_policies("lambda:InvokeFunction", f"{function_arn}:live") == ()
    finally:
        lambda_stores.reset()


def test_a_queues_policy_is_its_attribute() -> None:
    queue = StandardQueue("orders", REGION, ACCOUNT)
    sqs_stores[ACCOUNT][REGION].queues["orders"] = queue
    try:
        assert resource_policies("sqs:SendMessage", arn("sqs", "orders")) == ()
        document = {
            "Version": "2012-10-17",
            "Statement": [statement("sqs:SendMessage", arn("sqs", "orders"))],
        }
        queue.attributes["Policy"] = json.dumps(document)
        assert document_of(sole(resource_policies("sqs:SendMessage", arn("sqs", "orders")))) == document
    finally:
        sqs_stores.reset()


def test_a_roles_trust_policy_decides_who_assumes_it() -> None:
    reset_stores()
    session = new_session()

    policy = sole(resource_policies("sts:AssumeRole", session.role.arn))

    assert policy.policy_type is PolicyType.TRUST
    assert document_of(policy) == TRUST


NO_POLICY = [
    ("sns:Publish", "+358401234567"),
    ("sns:Publish", arn("sns", "unknown")),
    ("sqs:ListQueues", "*"),
    ("kms:ListKeys", "*"),
    ("kms:CreateAlias", arn("kms", "alias/x")),
    ("s3:GetObject", "arn:aws:s3:::unknown-bucket/k"),
    ("s3:ListAllMyBuckets", "*"),
    ("lambda:ListFunctions", "*"),
    ("lambda:InvokeFunction", arn("lambda", "function:unknown")),
    ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/unknown"),
    ("sts:AssumeRole", "nonsense"),
    ("dynamodb:PutItem", arn("dynamodb", "table/shops")),
]


@pytest.mark.parametrize(("action", "resource"), NO_POLICY, ids=[" ".join(row) for row in NO_POLICY])
def test_what_has_no_policy_has_none(action: str, resource: str) -> None:
    assert resource_policies(action, resource) == ()


def test_the_owner_of_a_resource_is_in_its_arn() -> None:
    assert (
        resource_account_id("sns:Publish", "arn:aws:sns:us-east-1:111122223333:t", ACCOUNT) == "111122223333"
    )
    assert resource_account_id("sns:Publish", "+358401234567", ACCOUNT) == ACCOUNT
    assert resource_account_id("s3:GetObject", "arn:aws:s3:::unknown-bucket/k", ACCOUNT) == ACCOUNT
