import json
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from localstack.services.sns.publisher import LambdaTopicPublisher

from serverless_harness.emulator.delivery import dead_letters, sns_dead_letters, sns_retries, sns_to_lambda
from serverless_harness.emulator.delivery.sns_retries import retry_delay_s
from serverless_harness.emulator.gateway.direct_calls import Answer, is_server_side

QUEUE_ARN = "arn:aws:sqs:eu-central-1:000000000000:letters"
FUNCTION_ARN = "arn:aws:lambda:eu-central-1:000000000000:function:decrypt"
TOPIC_ARN = "arn:aws:sns:eu-central-1:000000000000:to_decrypt"
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


class Queue:
    """SQS's side of a dead letter: raises `errors` one after the other, then takes the letter."""

    def __init__(self):
        self.errors, self.letters, self.source = [], [], None

    def request_metadata(self, **source):
        self.source = source
        return self

    def send_message(self, QueueUrl, MessageBody):
        assert QueueUrl == f"url of {QUEUE_ARN}"
        if self.errors:
            raise self.errors.pop(0)
        self.letters.append(MessageBody)


class Lambda:
    """Lambda's side of a delivery: raises `errors` one after the other, then takes the event."""

    def __init__(self):
        self.errors, self.events, self.attempts = [], [], 0

    def invoke(self, function_arn, payload, invocation_type, *, service_principal, source_arn):
        assert (function_arn, invocation_type) == (FUNCTION_ARN, "Event")
        assert (service_principal, source_arn) == ("sns", TOPIC_ARN)
        self.attempts += 1
        if self.errors:
            raise self.errors.pop(0)
        self.events.append(json.loads(payload))
        return Answer(b"", "request")


class Delivery:
    """A publisher whose delays pass at once; notes them and the delivery logs."""

    def __init__(self, monkeypatch):
        self.function, self.queue, self.delays, self.delivery_logs = Lambda(), Queue(), [], []
        self.store = SimpleNamespace(subscriptions={SUBSCRIPTION_ARN: {}})
        self.subscriber = {
            "Endpoint": FUNCTION_ARN,
            "TopicArn": TOPIC_ARN,
            "SubscriptionArn": SUBSCRIPTION_ARN,
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": QUEUE_ARN}),
        }
        delayed_calls = SimpleNamespace(call_later=self._call_later)
        monkeypatch.setattr(dead_letters, "shared_delayed_calls", lambda: delayed_calls)
        monkeypatch.setattr(dead_letters, "_submit", lambda again: again())
        clients = SimpleNamespace(sqs=self.queue)
        monkeypatch.setattr(sns_dead_letters, "connect_to", lambda **_: clients)
        monkeypatch.setattr(sns_dead_letters, "sqs_queue_url_for_arn", lambda arn: f"url of {arn}")
        for name, replacement in {
            "direct_calls": SimpleNamespace(invoke=self.function.invoke, is_server_side=is_server_side),
            "shared_delayed_calls": lambda: delayed_calls,
            "_retry_pool": lambda: SimpleNamespace(submit=lambda function: function()),
            "store_delivery_log": lambda *_, success, **__: self.delivery_logs.append(success),
            "create_sns_message_body": lambda **_: "the message",
        }.items():
            monkeypatch.setattr(sns_to_lambda, name, replacement)
        monkeypatch.setattr(LambdaTopicPublisher, "prepare_message", lambda *_: '{"Records": []}')

    def _call_later(self, delay_s, function, is_kept):
        self.delays.append(delay_s)
        function()

    def publish(self):
        context = SimpleNamespace(
            message=SimpleNamespace(message_id="message"), topic_attributes={}, store=self.store
        )
        LambdaTopicPublisher().publish(context, self.subscriber)
        return self


@pytest.fixture
def delivery(applied, monkeypatch):
    applied("sns_lambda_retries")
    return Delivery(monkeypatch)


def test_a_message_that_lambda_takes_is_delivered_once(delivery):
    delivery.publish()
    assert delivery.function.events == [{"Records": []}]
    assert (delivery.delays, delivery.delivery_logs, delivery.queue.letters) == ([], [True], [])


def test_a_message_is_tried_again_until_lambda_takes_it(delivery, monkeypatch):
    monkeypatch.setenv("LAMBDA_ASYNC_DELAY_SCALE", "0.1")
    delivery.function.errors = [client_error(503)] * 7
    delivery.publish()
    assert delivery.function.attempts == 8
    assert len(delivery.function.events) == 1
    assert delivery.delays[:6] == pytest.approx([0, 0, 0, 0.1, 0.1, 0.1])
    assert (delivery.delivery_logs, delivery.queue.letters) == ([True], [])


def test_an_error_of_the_clients_side_goes_to_the_dead_letters_at_once(delivery):
    delivery.function.errors = [client_error(404)]
    delivery.publish()
    assert (delivery.function.attempts, delivery.delays, delivery.delivery_logs) == (1, [], [False])
    assert delivery.queue.letters == ["the message"]
    # Queue policies know SNS by the topic.
    assert delivery.queue.source == {
        "source_arn": delivery.subscriber["TopicArn"],
        "service_principal": "sns",
    }


def test_a_dead_letter_is_sent_again_until_sqs_takes_it(delivery):
    delivery.function.errors = [client_error(404)]
    delivery.queue.errors = [client_error(500)] * 5
    delivery.publish()
    assert delivery.delays == [0, 0, 0, 1, 1]
    assert delivery.queue.letters == ["the message"]


def test_a_dead_letter_that_sqs_refuses_is_an_error_that_says_what_is_lost(delivery, caplog):
    delivery.function.errors = [client_error(404)]
    delivery.queue.errors = [client_error(403)]
    delivery.publish()
    assert (delivery.delays, delivery.queue.letters) == ([], [])
    [record] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert f"for {FUNCTION_ARN}" in record.message
    assert f"to {QUEUE_ARN}" in record.message


def test_a_message_that_has_no_dead_letter_queue_is_lost_with_an_error(delivery, caplog):
    del delivery.subscriber["RedrivePolicy"]
    delivery.function.errors = [client_error(404)]
    delivery.publish()
    assert delivery.queue.letters == []
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_an_exhausted_policy_ends_in_the_dead_letters(delivery, monkeypatch):
    monkeypatch.setattr(sns_retries, "POST_BACKOFF_RETRIES", 2)
    delivery.function.errors = [client_error(500)] * 1000
    delivery.publish()
    assert delivery.function.attempts == 1 + 3 + 2 + 10 + 2
    assert len(delivery.queue.letters) == 1


def test_a_message_of_a_subscription_that_was_deleted_is_given_up(delivery):
    delivery.store.subscriptions.clear()
    delivery.function.errors = [client_error(500)]
    delivery.publish()
    assert (delivery.function.attempts, delivery.delays, delivery.queue.letters) == (1, [], [])
