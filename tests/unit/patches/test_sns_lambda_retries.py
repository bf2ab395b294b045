import json
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from localstack.services.sns.publisher import LambdaTopicPublisher

from emulator.patches import sns_lambda_retries
from emulator.patches.sns_lambda_retries import is_server_side, retry_delay_s

FUNCTION_ARN = "arn:aws:lambda:eu-central-1:000000000000:function:decrypt"
SUBSCRIPTION_ARN = "arn:aws:sns:eu-central-1:000000000000:to_decrypt:1"


def test_the_policy_is_awss_for_lambda():
    delays = [retry_delay_s(retry) for retry in range(1, 17)]
    assert delays[:5] == [0, 0, 0, 1, 1]
    assert delays[5] == 1
    assert delays[14] == pytest.approx(20)
    assert delays[5:15] == sorted(delays[5:15])
    assert delays[15] == 20
    assert retry_delay_s(100_015) == 20
    assert retry_delay_s(100_016) is None


def client_error(status):
    response = {"Error": {"Code": "E", "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "Invoke")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (client_error(500), True),
        (client_error(503), True),
        (client_error(429), True),
        (client_error(404), False),
        (client_error(403), False),
        (client_error(400), False),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), True),
        (ConnectionResetError(), True),
    ],
    ids=lambda value: getattr(value, "response", {}).get("ResponseMetadata", {}).get("HTTPStatusCode"),
)
def test_only_errors_of_the_services_side_are_tried_again(error, expected):
    assert is_server_side(error) is expected


class Lambda:
    """Lambda's side of a delivery: raises `errors` one after the other, then takes the event."""

    def __init__(self):
        self.errors, self.events, self.attempts = [], [], 0

    def __call__(self, **_client):
        return SimpleNamespace(lambda_=self)

    def request_metadata(self, **source):
        assert source["service_principal"] == "sns"
        return self

    def invoke(self, FunctionName, Payload, InvocationType):
        assert (FunctionName, InvocationType) == (FUNCTION_ARN, "Event")
        self.attempts += 1
        if self.errors:
            raise self.errors.pop(0)
        self.events.append(json.loads(Payload))
        return {"ResponseMetadata": {"RequestId": "request"}}


class Delivery:
    """A publisher whose delays pass at once; notes them, the delivery logs, and the dead letters."""

    def __init__(self, monkeypatch):
        self.function, self.delays, self.dead_letters, self.delivery_logs = Lambda(), [], [], []
        self.store = SimpleNamespace(subscriptions={SUBSCRIPTION_ARN: {}})
        self.subscriber = {
            "Endpoint": FUNCTION_ARN,
            "TopicArn": "arn:aws:sns:eu-central-1:000000000000:to_decrypt",
            "SubscriptionArn": SUBSCRIPTION_ARN,
        }
        for name, replacement in {
            "connect_to": self.function,
            "shared_delayed_calls": lambda: SimpleNamespace(call_later=self._call_later),
            "_retry_pool": lambda: SimpleNamespace(submit=lambda function: function()),
            "store_delivery_log": lambda *_, success, **__: self.delivery_logs.append(success),
            "create_sns_message_body": lambda **_: "the message",
            "sns_error_to_dead_letter_queue": lambda *letter: self.dead_letters.append(letter),
        }.items():
            monkeypatch.setattr(sns_lambda_retries, name, replacement)
        monkeypatch.setattr(LambdaTopicPublisher, "prepare_message", lambda *_: '{"Records": []}')

    def _call_later(self, delay_s, function):
        self.delays.append(delay_s)
        function()

    def publish(self):
        context = SimpleNamespace(message="message", topic_attributes={}, store=self.store)
        LambdaTopicPublisher().publish(context, self.subscriber)
        return self


@pytest.fixture
def delivery(applied, monkeypatch):
    applied("sns_lambda_retries")
    return Delivery(monkeypatch)


def test_a_message_that_lambda_takes_is_delivered_once(delivery):
    delivery.publish()
    assert delivery.function.events == [{"Records": []}]
    assert (delivery.delays, delivery.delivery_logs, delivery.dead_letters) == ([], [True], [])


def test_a_message_is_tried_again_until_lambda_takes_it(delivery, monkeypatch):
    monkeypatch.setenv("LAMBDA_ASYNC_DELAY_SCALE", "0.1")
    delivery.function.errors = [client_error(503)] * 7
    delivery.publish()
    assert delivery.function.attempts == 8
    assert len(delivery.function.events) == 1
    assert delivery.delays[:6] == pytest.approx([0, 0, 0, 0.1, 0.1, 0.1])
    assert (delivery.delivery_logs, delivery.dead_letters) == ([True], [])


def test_an_error_of_the_clients_side_goes_to_the_dead_letters_at_once(delivery):
    delivery.function.errors = [client_error(404)]
    delivery.publish()
    assert (delivery.function.attempts, delivery.delays, delivery.delivery_logs) == (1, [], [False])
    ((subscriber, body, error),) = delivery.dead_letters
    # Queue policies know SNS by the topic.
    assert subscriber == delivery.subscriber | {"SubscriptionArn": delivery.subscriber["TopicArn"]}
    assert (body, "404" in error or "E" in error) == ("the message", True)


def test_an_exhausted_policy_ends_in_the_dead_letters(delivery, monkeypatch):
    monkeypatch.setattr(sns_lambda_retries, "POST_BACKOFF_RETRIES", 2)
    delivery.function.errors = [client_error(500)] * 1000
    delivery.publish()
    assert delivery.function.attempts == 1 + 3 + 2 + 10 + 2
    assert len(delivery.dead_letters) == 1


def test_a_message_of_a_subscription_that_was_deleted_is_given_up(delivery):
    delivery.store.subscriptions.clear()
    delivery.function.errors = [client_error(500)]
    delivery.publish()
    assert (delivery.function.attempts, delivery.delays, delivery.dead_letters) == (1, [], [])
