"""accept: the contract's answers and log lines."""

import json
from types import SimpleNamespace

import accept
import pytest
from botocore.exceptions import ConnectTimeoutError
from botocore.retries.standard import ExponentialBackoff
from botocore.stub import Stubber

EVENT = {"httpMethod": "POST", "body": '{"shop_id": "AMIS1",\n"content_base64": "Zm9v"}', "more": [1, None]}
TIMEOUT_S = 3
"""accept's, unless a variable says otherwise (terraform/variables.tf)."""
TIME_TO_ANSWER_S = 0.3
NOT_OK = "NotOK: retry later, admins: see cloudwatch logs for error"


@pytest.fixture
def sns():
    with Stubber(accept.sns) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def test_publishes_the_whole_event_and_answers_ok(sns, context):
    sns.add_response(
        "publish",
        {"MessageId": "1"},
        {"TopicArn": "arn:aws:sns:eu-central-1:123456789012:to-decrypt", "Message": json.dumps(EVENT)},
    )

    answer = accept.lambda_handler(EVENT, context)

    assert answer == {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json"},
        "body": '"OK"',
    }


def test_log_begins_with_the_event_and_ends_with_the_answer(sns, context, capsys):
    sns.add_response("publish", {"MessageId": "message-1"})

    accept.lambda_handler(EVENT, context)

    first, last = capsys.readouterr().out.splitlines()
    assert first == f"BEGIN: event:{json.dumps(EVENT)}"
    assert last.startswith("DONE: statusCode: 200")
    for part in (
        "OK",
        "message-1",
        json.dumps(EVENT),
        "3000",
        "128",
        context.log_group_name,
        context.log_stream_name,
    ):
        assert part in last


@pytest.mark.parametrize(
    "code", ["NotFound", "AuthorizationError", "Throttling", "InternalError", "InvalidParameter"]
)
def test_error_of_the_service_is_logged_and_answered_with_the_shops_text(sns, context, capsys, code):
    sns.add_client_error("publish", code, "two\nlines", http_status_code=400)

    answer = accept.lambda_handler(EVENT, context)

    assert answer == {
        "statusCode": 500,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(NOT_OK),
    }
    _begin, error, done = capsys.readouterr().out.splitlines()
    assert error.startswith("ERROR: ")
    assert error.endswith(f"An error occurred ({code}) when calling the Publish operation: two lines")
    assert done.startswith("DONE: statusCode: 500")
    assert NOT_OK in done


def test_service_that_cannot_be_reached_is_answered_with_the_shops_text(context, capsys, monkeypatch):
    def publish(**_request):
        raise ConnectTimeoutError(endpoint_url="https://sns.example")

    monkeypatch.setattr(accept.sns, "publish", publish)

    answer = accept.lambda_handler(EVENT, context)

    assert (answer["statusCode"], json.loads(answer["body"])) == (500, NOT_OK)
    assert "ERROR: ConnectTimeoutError: " in capsys.readouterr().out


def test_event_that_no_dead_letter_could_hold_is_not_accepted(sns, context, capsys):
    largest = {"body": "x" * (accept.MAX_EVENT_BYTES - len('{"body": ""}'))}
    sns.add_response("publish", {"MessageId": "1"})

    assert accept.lambda_handler(largest, context)["statusCode"] == 200
    assert accept.lambda_handler({"body": largest["body"] + "x"}, context)["statusCode"] == 500
    assert (
        f"ERROR: EventTooLargeError: the event has {accept.MAX_EVENT_BYTES + 1} bytes"
        in capsys.readouterr().out
    )


def test_error_of_the_program_is_not_disguised(context):
    with pytest.raises(TypeError):
        accept.lambda_handler({"body": object()}, context)


def test_a_call_that_fails_leaves_time_for_the_answer():
    config = accept.sns.meta.config
    assert config.retries["mode"] == "standard"
    attempts = config.retries["total_max_attempts"]
    longest = ExponentialBackoff(random=lambda: 1)
    pauses_s = sum(
        longest.delay_amount(SimpleNamespace(attempt_number=attempt)) for attempt in range(1, attempts)
    )

    worst_s = attempts * (config.connect_timeout + config.read_timeout) + pauses_s

    assert worst_s <= TIMEOUT_S - TIME_TO_ANSWER_S
