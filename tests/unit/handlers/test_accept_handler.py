"""accept: the contract's answers and log lines."""

import json

import accept
import pytest
from botocore.exceptions import ConnectTimeoutError
from botocore.stub import Stubber

EVENT = {"httpMethod": "POST", "body": '{"shop_id": "AMIS1",\n"content_base64": "Zm9v"}', "more": [1, None]}
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


def test_function_ends_before_lambda_cuts_it_off():
    config = accept.sns.meta.config
    attempts = config.retries["total_max_attempts"]
    longest_pause_s = attempts - 1  # botocore's standard mode: up to 1 s before the second attempt

    assert attempts * config.connect_timeout + longest_pause_s < 3
    assert attempts * config.read_timeout + longest_pause_s < 3
