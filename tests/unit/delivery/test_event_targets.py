"""EventBridge's retries and dead letters, and the calls that services make in their own names."""

import json
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from serverless_harness.emulator.delivery import alarm_actions, dead_letters, event_targets
from serverless_harness.emulator.gateway import internal_calls

RULE_ARN = "arn:aws:events:eu-central-1:000000000000:rule/orders"
TARGET_ARN = "arn:aws:sqs:eu-central-1:000000000000:orders"
DEAD_ARN = "arn:aws:sqs:eu-central-1:000000000000:dead"


def error(status, code="InternalError"):
    return ClientError(
        {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Send"
    )


class Delivery:
    """Delivers an event to a target that fails in turn as it is told; delays pass at once."""

    def __init__(self, monkeypatch, errors=()):
        self.errors, self.attempts, self.delays, self.letters = list(errors), 0, [], []
        calls = SimpleNamespace(
            call_later=lambda delay_s, function, is_kept: (self.delays.append(delay_s), function())
        )
        monkeypatch.setattr(event_targets, "shared_delayed_calls", lambda: calls)
        monkeypatch.setattr(event_targets, "_submit", lambda again: again())
        monkeypatch.setattr(dead_letters, "send", lambda letter, of, target_arn, delay_s: letter())
        client = SimpleNamespace(send_message=lambda **message: self.letters.append(message))
        client.request_metadata = lambda **source: setattr(self, "source", source) or client
        monkeypatch.setattr(event_targets, "connect_to", lambda **_: SimpleNamespace(sqs=client))
        monkeypatch.setattr(event_targets, "sqs_queue_url_for_arn", lambda arn: f"url of {arn}")

    def deliver(self, **target):
        event_targets.deliver(self._attempt, '{"id": 1}', {"Arn": TARGET_ARN, **target}, RULE_ARN)
        return self

    def _attempt(self):
        self.attempts += 1
        if self.errors:
            raise self.errors.pop(0)


def test_a_failing_service_is_tried_again_with_growing_delays(monkeypatch):
    done = Delivery(monkeypatch, [error(503), error(500), error(403, "RequestThrottled")]).deliver()
    assert (done.attempts, done.delays, done.letters) == (4, [1, 2, 4], [])


def test_without_delays_there_are_as_many_retries(monkeypatch):
    monkeypatch.setenv("LAMBDA_ASYNC_DELAY_SCALE", "0")
    done = Delivery(monkeypatch, [error(503)] * 3).deliver()
    assert (done.attempts, done.delays, done.letters) == (4, [0, 0, 0], [])


def test_what_lacks_permission_is_a_dead_letter_at_once(monkeypatch):
    failed = Delivery(monkeypatch, [error(403, "AccessDenied")]).deliver(DeadLetterConfig={"Arn": DEAD_ARN})
    [letter] = failed.letters
    assert (failed.attempts, failed.delays, letter["MessageBody"]) == (1, [], '{"id": 1}')
    assert {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()} == {
        "RULE_ARN": RULE_ARN,
        "TARGET_ARN": TARGET_ARN,
        "ERROR_CODE": "NO_PERMISSIONS",
        "ERROR_MESSAGE": "An error occurred (AccessDenied) when calling the Send operation: no",
    }
    assert failed.source == {"source_arn": RULE_ARN, "service_principal": "events"}


@pytest.mark.parametrize(
    ("policy", "attempts", "condition"),
    [
        ({"MaximumRetryAttempts": 0}, 1, "MaximumRetryAttempts"),
        ({"MaximumRetryAttempts": 3}, 4, "MaximumRetryAttempts"),
        ({"MaximumEventAgeInSeconds": 60}, 1, "MaximumEventAgeInSeconds"),
        ({}, 186, "MaximumRetryAttempts"),
    ],
)
def test_a_retry_policy_ends_the_retries(monkeypatch, policy, attempts, condition):
    if "MaximumEventAgeInSeconds" in policy:
        monkeypatch.setattr(event_targets, "MIN_DELAY_S", 61.0)
    target = {"RetryPolicy": policy, "DeadLetterConfig": {"Arn": DEAD_ARN}}
    failed = Delivery(monkeypatch, [error(500)] * 1000).deliver(**target)
    attributes = failed.letters[0]["MessageAttributes"]
    assert failed.attempts == attempts
    assert attributes["EXHAUSTED_RETRY_CONDITION"]["StringValue"] == condition
    assert attributes["RETRY_ATTEMPTS"]["StringValue"] == str(attempts - 1)


def test_what_no_dead_letter_queue_takes_is_lost_with_an_error(monkeypatch, caplog):
    Delivery(monkeypatch, [error(403, "AccessDenied")]).deliver()
    assert "is lost, as there is no dead-letter queue" in caplog.text


@pytest.mark.parametrize(
    ("arn", "needs_role"),
    [
        ("arn:aws:states:r:1:stateMachine:m", True),
        ("arn:aws:firehose:r:1:deliverystream/s", True),
        ("arn:aws:events:r:1:api-destination/d/1", True),
        (TARGET_ARN, False),
        ("arn:aws:lambda:r:1:function:f", False),
        ("arn:aws:logs:r:1:log-group:/aws/events/g", False),
    ],
)
def test_which_targets_need_a_role(arn, needs_role):
    assert event_targets.without_role([{"Id": "1", "Arn": arn}]) == (arn if needs_role else None)
    assert event_targets.without_role([{"Id": "1", "Arn": arn, "RoleArn": "r"}]) is None


def test_calls_of_a_block_say_for_whom_unless_they_do_themselves():
    with internal_calls.acting(service_principal="ses", source_arn="arn:of:set"):
        assert internal_calls.verified(internal_calls.sign({})) == {
            "service_principal": "ses",
            "source_arn": "arn:of:set",
        }
        own = internal_calls.verified(internal_calls.sign({"service_principal": "sns"}))
        assert own == {"service_principal": "sns", "source_arn": "arn:of:set"}
    assert internal_calls.verified(internal_calls.sign({})) == {}


def test_an_alarms_action_that_is_denied_changes_nothing_for_the_others(monkeypatch, caplog):
    published = []

    class Client:
        def request_metadata(self, **source):
            published.append(source)
            return self

        def publish(self, **message):
            raise error(403, "AuthorizationError")

        def invoke(self, **parameters):
            published.append(parameters)

    clients = SimpleNamespace(sns=Client(), lambda_=Client())
    monkeypatch.setattr(alarm_actions, "connect_to", lambda **_: clients)
    with alarm_actions.actions_of("arn:of:alarm"):
        alarm_actions.Clients(region_name="r").sns.publish(TopicArn="t", Message="m")
        alarm_actions.Clients(region_name="r").lambda_.invoke(FunctionName="f", Payload=json.dumps({}))
    assert "Failed to execute an action of arn:of:alarm" in caplog.text
    assert published == [
        {"service_principal": "cloudwatch", "source_arn": "arn:of:alarm"},
        {"service_principal": "lambda.alarms.cloudwatch", "source_arn": "arn:of:alarm"},
        {"FunctionName": "f", "Payload": "{}", "InvocationType": "Event"},
    ]
