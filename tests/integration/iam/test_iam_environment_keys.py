"""Environment variables are encrypted: with the customer's key here, with aws/lambda where none is named."""

import json

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from shop_under_test import sale

from serverless_harness.deploy.terraform import Terraform
from serverless_harness.deploy.terraform_installation import install_providers

MANAGED_ALIAS = "alias/aws/lambda"
FUNCTION = "process"
EVENT = b'{"Records": []}'


@pytest.fixture
def kms(deployment):
    return deployment.client("kms")


@pytest.fixture
def lambda_(deployment):
    """A client that doesn't repeat what fails with status 502, as invokes without a key do."""
    return boto3.client(
        "lambda",
        endpoint_url=deployment.target.endpoint_url,
        region_name=deployment.target.region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.fixture
def name(deployment):
    return deployment.function_name(FUNCTION)


@pytest.fixture
def key_arn(lambda_, name):
    """The customer's key, which the second shop's functions name."""
    return lambda_.get_function_configuration(FunctionName=name)["KMSKeyArn"]


@pytest.fixture
def role(deployment, name):
    """The session in which the function runs."""
    return f"arn:aws:sts::000000000000:assumed-role/{name}/{name}"


@pytest.fixture
def invoke(lambda_, name):
    """Call it to invoke the function; gives the error's code and message, None if there is none."""

    def invoke():
        try:
            answer = lambda_.invoke(FunctionName=name, Payload=EVENT)
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 502
            return error.response["Error"]["Code"], error.response["Error"]["Message"]
        assert "FunctionError" not in answer, answer["Payload"].read()
        return None

    return invoke


def grants_to(kms, key_id, grantee):
    return [
        grant for grant in kms.list_grants(KeyId=key_id)["Grants"] if grant["GranteePrincipal"] == grantee
    ]


def test_terraforms_second_plan_with_a_customers_key_is_empty(deployment):
    variables = json.loads(
        (deployment.target.state_dir / "terraform" / "harness.auto.tfvars.json").read_text()
    )
    assert variables["kms_key_arn"]

    assert Terraform(deployment.target, install_providers(), variables).plan_is_empty()


def test_lambda_has_a_grant_to_decrypt_for_each_function(deployment, kms, key_arn):
    for function in deployment.function_names.values():
        [grant] = grants_to(kms, key_arn, f"arn:aws:sts::000000000000:assumed-role/{function}/{function}")
        function_arn = f"arn:aws:lambda:us-east-1:000000000000:function:{function}"
        assert grant["Operations"] == ["Decrypt", "RetireGrant"]
        assert grant["Constraints"] == {"EncryptionContextEquals": {"aws:lambda:FunctionArn": function_arn}}


def test_role_needs_no_permission_of_its_own(policy_of, invoke):
    granted = json.dumps(policy_of(FUNCTION).statements())

    assert "kms:" not in granted
    assert invoke() is None


def test_without_the_grant_invokes_fail_until_the_key_is_named_anew(
    kms, lambda_, key_arn, role, name, invoke
):
    [grant] = grants_to(kms, key_arn, role)
    kms.revoke_grant(KeyId=key_arn, GrantId=grant["GrantId"])

    code, message = invoke()

    assert code == "KMSAccessDeniedException"
    assert message == (
        "Lambda was unable to decrypt the environment variables because KMS access was denied. "
        "Please check the function's KMS key settings. KMS Exception: AccessDeniedException KMS Message: "
        f"User: {role} is not authorized to perform: kms:Decrypt on resource: {key_arn} "
        "because no identity-based policy allows the kms:Decrypt action"
    )
    for chosen in ("", key_arn):
        lambda_.update_function_configuration(FunctionName=name, KMSKeyArn=chosen)
        lambda_.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    assert invoke() is None


def test_deny_of_the_role_goes_before_the_grant(policy_of, invoke):
    deny = {"Sid": "Never", "Effect": "Deny", "Action": "kms:*", "Resource": "*"}

    with policy_of(FUNCTION).changed(lambda statements: [*statements, deny]):
        code, message = invoke()

    assert code == "KMSAccessDeniedException"
    assert message.endswith("with an explicit deny in an identity-based policy")
    assert invoke() is None


def test_deny_of_the_key_policy_goes_before_the_grant(kms, key_arn, invoke):
    before = kms.get_key_policy(KeyId=key_arn, PolicyName="default")["Policy"]
    policy = json.loads(before)
    policy["Statement"].append(
        {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "kms:Decrypt", "Resource": "*"}
    )
    kms.put_key_policy(KeyId=key_arn, PolicyName="default", Policy=json.dumps(policy))
    try:
        code, message = invoke()
    finally:
        kms.put_key_policy(KeyId=key_arn, PolicyName="default", Policy=before)

    assert code == "KMSAccessDeniedException"
    assert message.endswith("with an explicit deny in a resource-based policy")
    assert invoke() is None


@pytest.fixture
def disabled_key(kms, key_arn):
    kms.disable_key(KeyId=key_arn)
    yield key_arn
    kms.enable_key(KeyId=key_arn)


def test_with_a_disabled_key_invokes_fail_and_the_variables_are_not_shown(
    disabled_key, lambda_, name, kms, invoke
):
    code, message = invoke()

    assert code == "KMSDisabledException"
    assert "because the KMS key used is disabled" in message
    shown = lambda_.get_function_configuration(FunctionName=name)["Environment"]
    assert "Variables" not in shown
    assert shown["Error"]["ErrorCode"] == "KMSDisabledException"
    kms.enable_key(KeyId=disabled_key)
    assert invoke() is None


def test_order_waits_until_the_key_is_enabled_again(kms, key_arn, shop, api, order_log, lambda_, name):
    """Lambda tries an event again after errors of its own, without counting attempts."""
    order = shop.order(sale(1, 1))
    kms.disable_key(KeyId=key_arn)
    try:
        answer = api.post_once(order.body)
    finally:
        kms.enable_key(KeyId=key_arn)

    # accept's own variables can't be decrypted either.
    assert answer.status_code == 502
    assert answer.json() == {"message": "Internal server error"}
    assert api.post(order.body).status_code == 200
    shop.await_booked(order)


def test_aws_managed_key_is_used_where_none_is_named(kms, lambda_, name, key_arn, role, invoke):
    lambda_.update_function_configuration(FunctionName=name, KMSKeyArn="")
    lambda_.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    try:
        pages = kms.get_paginator("list_aliases").paginate()
        [alias] = [
            alias for page in pages for alias in page["Aliases"] if alias["AliasName"] == MANAGED_ALIAS
        ]
        assert kms.describe_key(KeyId=MANAGED_ALIAS)["KeyMetadata"]["KeyManager"] == "AWS"
        assert len(grants_to(kms, alias["TargetKeyId"], role)) == 1
        assert grants_to(kms, key_arn, role) == []
        shown = lambda_.get_function_configuration(FunctionName=name)
        assert "KMSKeyArn" not in shown
        assert shown["Environment"]["Variables"]["table_name"]
        assert invoke() is None
    finally:
        lambda_.update_function_configuration(FunctionName=name, KMSKeyArn=key_arn)
        lambda_.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    assert len(grants_to(kms, key_arn, role)) == 1


def test_key_that_lambda_cannot_use_is_refused(kms, lambda_, name, key_arn):
    with pytest.raises(ClientError, match="the KMS key is invalid for CreateGrant") as refused:
        lambda_.update_function_configuration(FunctionName=name, KMSKeyArn=f"{key_arn[:-12]}000000000000")

    assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"
    assert "KMS Exception: NotFoundException" in str(refused.value)
    assert lambda_.get_function_configuration(FunctionName=name)["KMSKeyArn"] == key_arn
