"""The ways in which a permission that is there doesn't count, and calls that need one of the called."""

import json
from contextlib import contextmanager

import pytest
from accept_copy import new_mark
from letters_of_shop import await_letters, of
from shop_under_test import sale

NOT_OK = "NotOK: retry later, admins: see cloudwatch logs for error"
OF_API_GATEWAY = {"message": "Internal server error"}


@pytest.fixture
def publish_denied(policy_of, api, shop, order_log, deployment):
    """Call it with a changed policy of accept: it must be denied, and say why; and work again afterwards."""

    def publish_denied(changed, explanation):
        order, mark = shop.order(sale(1, 1)), new_mark()
        with changed:
            answer = api.post_once(order.body, mark)
        assert (answer.status_code, answer.json()) == (500, NOT_OK)
        order_log.await_line("accept", "DONE: statusCode: 500", mark)
        role = deployment.function_name("accept")
        session = f"arn:aws:sts::000000000000:assumed-role/{role}/{role}"
        refused = f"User: {session} is not authorized to perform: SNS:Publish"
        error = order_log.await_line("accept", "ERROR", refused)
        assert "AuthorizationError" in error.message
        assert f"on resource: {deployment.outputs['topic_arns']['to_decrypt']} {explanation}" in error.message

        assert api.post(order.body).status_code == 200
        shop.await_booked(order)

    return publish_denied


def test_permission_on_another_resource_does_not_count(publish_denied, policy_of, deployment):
    other_topic = deployment.outputs["topic_arns"]["to_process"]

    publish_denied(
        policy_of("accept").with_changed_statement("PublishToDecrypt", Resource=other_topic),
        "because no identity-based policy allows the SNS:Publish action",
    )


def test_explicit_deny_goes_before_every_allow(publish_denied, policy_of):
    deny = {"Sid": "Never", "Effect": "Deny", "Action": "sns:*", "Resource": "*"}

    publish_denied(
        policy_of("accept").changed(lambda statements: [*statements, deny]),
        "with an explicit deny in an identity-based policy",
    )


@pytest.mark.parametrize(
    "condition",
    [
        {"StringLike": {"kms:RequestAlias": "alias/other-*"}},
        {"StringEquals": {"kms:EncryptionAlgorithm": "RSAES_OAEP_SHA_1"}},
    ],
    ids=["alias", "algorithm"],
)
def test_permission_whose_condition_does_not_match_does_not_count(
    condition, policy_of, shop, api, dead_letters
):
    order = shop.order(sale(1, 1))

    with policy_of("decrypt").with_changed_statement("DecryptWithShopKeys", Condition=condition):
        assert api.post(order.body).status_code == 200
        [letter] = await_letters(dead_letters, shop)

    assert (letter.function, letter.writer) == ("decrypt", "lambda")
    assert "because no identity-based policy allows the kms:Decrypt action" in letter.reason
    dead_letters.redrive(of(shop))
    shop.await_booked(order)


def test_booking_counts_within_a_transaction_alone(policy_of, shop, api, dead_letters):
    """The policy allows to put and update items just as parts of TransactWriteItems."""
    condition = {"StringEquals": {"dynamodb:EnclosingOperation": "BatchWriteItem"}}
    order = shop.order(sale(1, 1))

    with policy_of("process").with_changed_statement("BookInTransactions", Condition=condition):
        assert api.post(order.body).status_code == 200
        [letter] = await_letters(dead_letters, shop)

    assert (letter.function, letter.writer) == ("process", "lambda")
    dead_letters.redrive(of(shop))
    shop.await_booked(order)


@contextmanager
def without_permission(deployment, function, statement_id, **instead):
    """Have a function without Terraform's aws_lambda_permission, or with another, while the block runs."""
    lambda_, name = deployment.client("lambda"), deployment.function_name(function)
    [statement] = json.loads(lambda_.get_policy(FunctionName=name)["Policy"])["Statement"]
    original = {
        "FunctionName": name,
        "StatementId": statement_id,
        "Action": statement["Action"],
        "Principal": statement["Principal"]["Service"],
        "SourceArn": statement["Condition"]["ArnLike"]["AWS:SourceArn"],
    }
    lambda_.remove_permission(FunctionName=name, StatementId=statement_id)
    try:
        if instead:
            lambda_.add_permission(**original | {"StatementId": "Instead"} | instead)
        yield
    finally:
        if instead:
            lambda_.remove_permission(FunctionName=name, StatementId="Instead")
        lambda_.add_permission(**original)


@pytest.mark.parametrize(
    "instead",
    [
        {},
        {"SourceArn": "arn:aws:sns:us-east-1:000000000000:another"},
        {"Principal": "apigateway.amazonaws.com"},
        {"Action": "lambda:GetFunction"},
    ],
    ids=["none", "for another topic", "for another service", "for another action"],
)
@pytest.mark.parametrize(
    ("function", "statement_id"), [("decrypt", "AllowToDecrypt"), ("process", "AllowToProcess")]
)
def test_sns_may_not_call_a_function_without_its_permission(
    function, statement_id, instead, deployment, shop, api, dead_letters
):
    order = shop.order(sale(1, 1))

    with without_permission(deployment, function, statement_id, **instead):
        assert api.post(order.body).status_code == 200
        letters = await_letters(dead_letters, shop)

    # More than one where a function was busy for so long that its message was sent again.
    assert {(letter.function, letter.writer) for letter in letters} == {(function, "sns")}
    assert shop.booked([order]) == set()
    dead_letters.redrive(of(shop))
    shop.await_booked(order)


@pytest.mark.parametrize(
    "instead",
    [{}, {"SourceArn": "arn:aws:execute-api:us-east-1:000000000000:another/prod/POST/shop"}],
    ids=["none", "for another API"],
)
def test_api_gateway_may_not_call_accept_without_its_permission(instead, deployment, shop, api):
    order = shop.order(sale(1, 1))

    with without_permission(deployment, "accept", "AllowShopApi", **instead):
        answer = api.post_once(order.body)

    assert (answer.status_code, answer.json()) == (500, OF_API_GATEWAY)
    assert shop.booked([order]) == set()
    assert api.post(order.body).status_code == 200
    shop.await_booked(order)
