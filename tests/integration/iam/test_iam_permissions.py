"""Each permission of each function is needed: what fails without it, and that it works with it again."""

import pytest
from accept_copy import new_mark
from iam_policies import actions_of
from letters_of_shop import await_letters, of
from shop_under_test import UNTOUCHED, sale

NOT_OK = "NotOK: retry later, admins: see cloudwatch logs for error"
ATTEMPTS = 3
"""Lambda runs an asynchronous invoke once and, when it fails, twice more."""

WORK = {
    ("decrypt", "kms:Decrypt"),
    ("decrypt", "sns:Publish"),
    ("process", "dynamodb:PutItem"),
    ("process", "dynamodb:UpdateItem"),
}
LETTERS = {("decrypt", "sqs:SendMessage"), ("process", "sqs:SendMessage")}
LOGS = {
    (function, action)
    for function in ("accept", "decrypt", "process")
    for action in ("logs:CreateLogStream", "logs:PutLogEvents")
}
TRIED_HERE = {("accept", "sns:Publish")} | WORK | LETTERS | LOGS


def test_every_permission_of_the_policies_is_tried_here(policy_of):
    granted = {
        (function, action)
        for function in ("accept", "decrypt", "process")
        for statement in policy_of(function).statements()
        for action in actions_of(statement)
    }

    assert granted == TRIED_HERE


def test_accept_that_may_not_publish_answers_in_the_shops_words(policy_of, shop, api, order_log, deployment):
    order, mark = shop.order(sale(1, 1)), new_mark()

    with policy_of("accept").without("sns:Publish"):
        answer = api.post_once(order.body, mark)

    assert (answer.status_code, answer.json()) == (500, NOT_OK)
    topic_arn = deployment.outputs["topic_arns"]["to_decrypt"]
    done = order_log.await_line("accept", "DONE: statusCode: 500", mark)
    error = order_log.await_line("accept", "ERROR", "is not authorized to perform: SNS:Publish")
    assert error.stream == done.stream
    assert f"on resource: {topic_arn} because no identity-based policy allows" in error.message
    assert shop.booked([order]) == set()

    assert api.post(order.body).status_code == 200
    shop.await_booked(order)


@pytest.mark.parametrize(("function", "action"), sorted(WORK))
def test_order_that_a_function_may_not_work_on_is_retried_and_kept(
    function, action, policy_of, shop, api, dead_letters
):
    order = shop.order(sale(1, 2))

    with policy_of(function).without(action):
        assert api.post(order.body).status_code == 200
        [letter] = await_letters(dead_letters, shop)

    assert (letter.function, letter.writer, letter.attempts) == (function, "lambda", ATTEMPTS)
    assert f"is not authorized to perform: {action.replace('sns', 'SNS')} on resource: arn:" in letter.reason
    assert shop.booked([order]) == set()
    assert shop.totals()[1] == UNTOUCHED

    dead_letters.redrive(of(shop))
    shop.await_booked(order)
    assert shop.totals()[1].gross_number == 2


@pytest.mark.parametrize("function", ["decrypt", "process"])
def test_function_that_may_not_send_its_dead_letters_keeps_none(
    function, policy_of, shop, api, order_log, dead_letters
):
    policy = policy_of(function)
    denied_before = policy.denials("sqs:SendMessage")

    with policy.without("sqs:SendMessage"):
        post_rubbish(function, shop, api)
        # Lambda's own letter, after the last attempt, needs the role's permission too.
        policy.await_denials("sqs:SendMessage", denied_before + ATTEMPTS + 1)
    assert len(order_log.await_lines(function, "ERROR", "sqs:sendmessage", count=ATTEMPTS)) == ATTEMPTS
    assert [letter for letter in dead_letters.letters(function) if of(shop)(letter)] == []

    post_rubbish(function, shop, api)
    [letter] = await_letters(dead_letters, shop)
    assert (letter.function, letter.writer) == (function, "function")
    dead_letters.purge(of(shop))


def post_rubbish(function, shop, api):
    """Send what makes a function send a dead letter itself."""
    rubbish = f"rubbish of {shop.shop_id}".encode()
    body = rubbish if function == "decrypt" else shop.register.encrypt_bytes(rubbish).body
    assert api.post(body).status_code == 200


@pytest.mark.parametrize(("function", "action"), sorted(LOGS))
def test_order_goes_on_without_the_log_of_a_function_that_may_not_write_it(
    function, action, policy_of, shop, api, order_log, deployment
):
    policy, order = policy_of(function), shop.order(sale(1, 1))
    start_anew(deployment, function)
    denied_before = policy.denials(action)

    with policy.without(action):
        assert api.post(order.body).status_code == 200
        shop.await_booked(order)
        policy.await_denials(action, denied_before + 1)
        assert order_log.lines(function) == []

    again = shop.order(sale(1, 1))
    assert api.post(again.body).status_code == 200
    shop.await_booked(again)
    order_log.await_line(function, "REPORT RequestId:")


def start_anew(deployment, function):
    """Have a function's next invoke start an execution environment, which opens a log stream of its own."""
    lambda_, name = deployment.client("lambda"), deployment.function_name(function)
    timeout_s = lambda_.get_function_configuration(FunctionName=name)["Timeout"]
    for changed_s in (timeout_s + 1, timeout_s):
        lambda_.update_function_configuration(FunctionName=name, Timeout=changed_s)
        lambda_.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
