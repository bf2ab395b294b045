"""Services that fail under an order: it is booked exactly once, or a dead letter, and never lost."""

import json
from decimal import Decimal

import httpx
import pytest
from letters_of_shop import await_letters, of
from shop_under_test import STOCK, UNTOUCHED, Totals, sale

from serverless_harness.resilience.faults import PATH

BOOKED = {1: Totals(2, Decimal("5.98"), STOCK - 2), 2: UNTOUCHED, 3: UNTOUCHED}

KMS = {"service": "kms", "operation": "Decrypt"}
DYNAMODB = {"service": "dynamodb", "operation": "TransactWriteItems"}
SNS = {"service": "sns", "operation": "Publish"}


@pytest.fixture
def order(shop):
    return shop.order(sale(1, 2))


def role_of(deployment, function):
    """Terraform calls a function's role as it calls the function."""
    return deployment.function_name(function)


class TestTransientErrors:
    @pytest.mark.parametrize("effect", ["throttle", "server-error", "access-denied", "drop"])
    @pytest.mark.parametrize(
        ("call", "function"),
        [(KMS, "decrypt"), (SNS, "decrypt"), (DYNAMODB, "process")],
        ids=["kms", "sns", "dynamodb"],
    )
    def test_order_is_tried_again_and_booked_once(
        self, deployment, fault, shop, api, order, effect, call, function
    ):
        # Denials are not repeated by the SDK, so one of them fails an invoke; of the others, three do.
        first_calls = 1 if effect == "access-denied" else 3
        caller = role_of(deployment, function)
        struck = fault(effect, **call, caller=caller, containing=shop.shop_id, first_calls=first_calls)

        assert api.post(order.body).status_code == 200

        shop.await_booked(order)
        assert struck.now().injected == first_calls
        assert shop.totals() == BOOKED

    def test_booking_whose_answer_is_lost_counts_once(self, fault, shop, api, order, order_log):
        struck = fault("drop-answer", **DYNAMODB, containing=shop.shop_id, first_calls=1)

        assert api.post(order.body).status_code == 200

        # The SDK repeats the call with the same ClientRequestToken, and the second answer is the first's.
        order_log.await_lines("process", "BOOKED", order.order_id)
        assert struck.now().matched == 2
        assert shop.totals() == BOOKED

    def test_message_that_is_published_twice_counts_once(
        self, deployment, fault, shop, api, order, order_log
    ):
        caller = role_of(deployment, "accept")
        fault("drop-answer", **SNS, caller=caller, containing=shop.shop_id, first_calls=1)

        assert api.post(order.body).status_code == 200

        order_log.await_lines("process", "BOOKED", order.order_id, count=2)
        assert shop.totals() == BOOKED

    def test_answer_that_comes_too_late_is_not_waited_for(self, fault, shop, api, order):
        struck = fault("delay", **KMS, containing=shop.shop_id, first_calls=1, delay_ms=2500)

        assert api.post(order.body).status_code == 200

        shop.await_booked(order)
        assert struck.now().injected == 1
        assert shop.totals() == BOOKED

    def test_share_of_the_bookings_fails_and_none_is_lost(self, fault, shop, api):
        struck = fault("throttle", **DYNAMODB, containing=shop.shop_id, share=0.4, seed=5)
        orders = [shop.order(sale(1, 1)) for _ in range(20)]

        for each in orders:
            assert api.post(each.body).status_code == 200

        shop.await_booked(*orders)
        assert struck.now().injected >= 1
        assert shop.totals()[1] == Totals(20, Decimal("59.80"), STOCK - 20)

    def test_order_is_booked_once_the_shops_key_is_enabled_again(self, deployment, open_shop, api, order_log):
        shop = open_shop(own_key=True)
        order = shop.order(sale(1, 2))
        kms = deployment.client("kms")
        key_id = kms.describe_key(KeyId=deployment.key_alias_prefix + shop.shop_id)["KeyMetadata"]["KeyId"]
        kms.disable_key(KeyId=key_id)

        assert api.post(order.body).status_code == 200

        order_log.await_lines("decrypt", "DisabledException", key_id)
        kms.enable_key(KeyId=key_id)
        shop.await_booked(order)
        assert shop.totals() == BOOKED

    def test_register_sends_again_what_accept_could_not_publish(self, deployment, fault, shop, order):
        caller = role_of(deployment, "accept")
        struck = fault("throttle", **SNS, caller=caller, containing=shop.shop_id, first_calls=3)

        answer = shop.register.send(order)

        assert (answer.status, answer.tries) == (200, 2)
        assert struck.now().injected == 3
        shop.await_booked(order)
        assert shop.totals() == BOOKED

    @pytest.mark.parametrize("function", ["decrypt", "process"])
    def test_sns_delivers_again_what_lambda_did_not_take(self, deployment, fault, shop, api, order, function):
        struck = fault(
            "throttle",
            service="lambda",
            operation="Invoke",
            resource=deployment.function_name(function),
            caller="sns.amazonaws.com",
            containing=shop.shop_id,
            first_calls=4,
        )

        assert api.post(order.body).status_code == 200

        shop.await_booked(order)
        assert struck.now().injected == 4
        assert shop.totals() == BOOKED


@pytest.mark.parametrize(
    ("effect", "call"),
    [
        ("server-error", KMS),
        ("drop-answer", KMS),
        ("access-denied", SNS),
        ("throttle", DYNAMODB),
        ("access-denied", DYNAMODB),
        ("drop", DYNAMODB),
    ],
    ids=lambda value: value if isinstance(value, str) else value["service"],
)
def test_functions_that_fail_log_no_plaintext(deployment, fault, shop, api, order_log, effect, call):
    secrets = ("987654321", "Xq7-note")
    order = shop.order_of(
        {"sales": [{"item_no": 1, "gross_number": 1, "gross_turnover": int(secrets[0])}], "note": secrets[1]}
    )
    # As above: so many fail one invoke. accept, which has no plaintext, isn't struck.
    first_calls = 1 if effect == "access-denied" else 3
    caller = role_of(deployment, "process" if call is DYNAMODB else "decrypt")
    struck = fault(effect, **call, caller=caller, containing=shop.shop_id, first_calls=first_calls)

    assert api.post(order.body).status_code == 200

    shop.await_booked(order)
    assert struck.now().injected == first_calls
    ciphertext = json.loads(order.body)["content_base64"]
    for function in ("accept", "decrypt", "process"):
        lines = order_log.lines(function)
        for secret in secrets if function == "accept" else (*secrets, ciphertext):
            assert not [line for line in lines if secret in line.message]


class TestDeadLetters:
    def test_order_that_no_retry_can_mend_is_a_letter_at_once(self, shop, api, order_log, dead_letters):
        order = shop.order_of({"sales": [{"item_no": 77, "gross_number": 1, "gross_turnover": 1}]})

        assert api.post(order.body).status_code == 200

        [letter] = await_letters(dead_letters, shop)
        assert (letter.writer, letter.function, letter.reason_code) == ("function", "process", "ITEM_UNKNOWN")
        assert letter.order_id == order.order_id
        assert json.loads(letter.message)["shop_id"] == shop.shop_id
        # Lines come a while after what they tell of.
        assert len(order_log.await_lines("process", "START", letter.request_id)) == 1
        assert dead_letters.purge(of(shop)) == [letter]

    @pytest.mark.parametrize(("call", "function"), [(KMS, "decrypt"), (DYNAMODB, "process")])
    def test_retries_that_are_exhausted_end_in_lambdas_record(
        self, deployment, fault, shop, api, order, order_log, dead_letters, call, function
    ):
        with_denials = fault("access-denied", **call, containing=shop.shop_id, expires_in_s=600)

        assert api.post(order.body).status_code == 200

        [letter] = await_letters(dead_letters, shop)
        assert with_denials.clear().injected == 3
        assert (letter.writer, letter.function) == ("lambda", function)
        assert (letter.reason_code, letter.attempts) == ("RetriesExhausted", 3)
        assert "AccessDenied" in letter.reason
        assert letter.order_id == order.order_id
        starts = order_log.await_lines(function, "START", letter.request_id, count=3)
        assert len(starts) == 3, "every attempt has the event's own request id"
        record = json.loads(letter.body)
        assert set(record) == {
            "version",
            "timestamp",
            "requestContext",
            "requestPayload",
            "responseContext",
            "responsePayload",
        }
        assert set(record["requestContext"]) == {
            "requestId",
            "functionArn",
            "condition",
            "approximateInvokeCount",
        }
        assert record["requestContext"]["functionArn"].endswith(
            f":function:{deployment.function_name(function)}:$LATEST"
        )
        assert record["responseContext"] == {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        }
        assert shop.totals()[1] == UNTOUCHED

        assert [each.letter_id for each in dead_letters.redrive(of(shop))[0]] == [letter.letter_id]

        shop.await_booked(order)
        assert shop.totals() == BOOKED
        assert not [each for each in dead_letters.letters() if of(shop)(each)]

    def test_letter_is_sent_until_the_queue_takes_it(self, deployment, fault, shop, api, dead_letters):
        # The function's own letter fails in three invokes of three tries each. Lambda's record, for which
        # LocalStack's client tries five times, is delivered when Lambda sends it for the third time.
        struck = fault(
            "server-error",
            service="sqs",
            operation="SendMessage",
            caller=role_of(deployment, "process"),
            containing=shop.shop_id,
            first_calls=20,
        )
        order = shop.order_of({"sales": [{"item_no": 77, "gross_number": 1, "gross_turnover": 1}]})

        assert api.post(order.body).status_code == 200

        [letter] = await_letters(dead_letters, shop)
        assert struck.now().injected == 20
        assert (letter.writer, letter.reason_code) == ("lambda", "RetriesExhausted")
        assert letter.order_id == order.order_id

    def test_message_that_sns_may_not_deliver_is_snss_letter(
        self, deployment, fault, shop, api, order, dead_letters
    ):
        refused = fault(
            "access-denied",
            service="lambda",
            operation="Invoke",
            resource=deployment.function_name("process"),
            caller="sns.amazonaws.com",
            containing=shop.shop_id,
        )

        assert api.post(order.body).status_code == 200

        [letter] = await_letters(dead_letters, shop)
        refused.clear()
        assert (letter.writer, letter.function) == ("sns", "process")
        assert letter.reason_code == "NotDelivered"
        assert letter.order_id == order.order_id

        dead_letters.redrive(of(shop))

        shop.await_booked(order)
        assert shop.totals() == BOOKED

    def test_redriving_what_was_booked_meanwhile_counts_nothing_twice(
        self, fault, shop, api, order, order_log, dead_letters
    ):
        struck = fault("access-denied", **DYNAMODB, containing=shop.shop_id, expires_in_s=600)
        assert api.post(order.body).status_code == 200
        await_letters(dead_letters, shop)
        struck.clear()
        assert api.post(order.body).status_code == 200
        shop.await_booked(order)

        dead_letters.redrive(of(shop))

        order_log.await_lines("process", "ALREADY BOOKED", order.order_id)
        assert shop.totals() == BOOKED


class TestFaultsThemselves:
    def test_other_calls_are_not_struck(self, deployment, fault, shop, api, order):
        struck = [
            fault("server-error", **KMS, containing="another shop"),
            fault("server-error", **KMS, caller=role_of(deployment, "process")),
            fault("server-error", service="kms", operation="Encrypt"),
            fault("server-error", **KMS, resource="alias/of-nobody"),
        ]

        assert api.post(order.body).status_code == 200

        shop.await_booked(order)
        assert [each.now().injected for each in struck] == [0, 0, 0, 0]

    def test_resource_is_found_by_the_parameter_that_names_it(self, deployment, fault, shop, api, order):
        struck = fault(
            "throttle", **KMS, resource=f"{deployment.key_alias_prefix}{shop.shop_id}", first_calls=1
        )

        assert api.post(order.body).status_code == 200

        shop.await_booked(order)
        assert struck.now().injected == 1

    def test_localstacks_own_calls_are_not_struck(self, fault, shop, api, order, order_log):
        # First denied to the deployer, who reads logs: then the writer's lines could not be read either.
        struck = fault("server-error", service="logs", operation="PutLogEvents")

        assert api.post(order.body).status_code == 200

        order_log.await_lines("process", "BOOKED", order.order_id)
        assert struck.now().injected == 0

    def test_fault_expires(self, fault, faults, deployment):
        fault("throttle", service="sts", operation="GetCallerIdentity", expires_in_s=0.05)

        deployment.client("sts").get_caller_identity()

        assert not [each for each in faults.current() if each.effect == "throttle"]

    def test_nobody_without_the_token_sets_faults(self, faults):
        url = f"{faults.target.endpoint_url}{PATH}"
        spec = {"effect": "throttle", "service": "kms"}

        answers = [
            httpx.post(url, json=spec, trust_env=False),
            httpx.get(url, trust_env=False),
            httpx.delete(url, trust_env=False),
        ]

        assert [answer.status_code for answer in answers] == [403, 403, 403]
