"""What a dead letter tells, whoever wrote it, and what sends it through again to whoever failed."""

import json

import pytest

from serverless_harness.resilience.dead_letters import read
from serverless_harness.resilience.letter_queues import LetterQueue, Source

FUNCTION = "arn:aws:lambda:eu-central-1:000000000000:function:notes-write"
TOPIC = "arn:aws:sns:eu-central-1:000000000000:notes"
JOBS = Source("sqs", "arn:aws:sqs:eu-central-1:000000000000:jobs", "http://127.0.0.1/000000000000/jobs")
OTHERS = Source("sqs", "arn:aws:sqs:eu-central-1:000000000000:others", "http://127.0.0.1/000000000000/others")
SUBSCRIPTION = Source("sns", FUNCTION, "", TOPIC, f"{TOPIC}:0123", "lambda")
CALLED = Source("lambda", FUNCTION)


def queue(*sources):
    return LetterQueue("http://127.0.0.1/000000000000/dead", "eu-central-1", sources)


def received(body, attributes=None, **system):
    return {
        "MessageId": "an-id",
        "ReceiptHandle": "a-handle",
        "Body": body if isinstance(body, str) else json.dumps(body),
        "Attributes": {"SentTimestamp": "1000", **system},
        "MessageAttributes": {
            name: {"StringValue": value, "DataType": "String"} for name, value in (attributes or {}).items()
        },
    }


def test_a_message_that_its_consumer_failed_at_goes_back_to_its_queue():
    letter = read(queue(JOBS), received("a job", {"kind": "mail"}, ApproximateReceiveCount="3"))
    assert (letter.writer, letter.function, letter.attempts) == ("sqs", "jobs", 3)
    assert letter.request.operation == "send_message"
    assert letter.request.parameters == {
        "QueueUrl": JOBS.url,
        "MessageBody": "a job",
        "MessageAttributes": {"kind": {"StringValue": "mail", "DataType": "String"}},
    }


def test_of_several_source_queues_the_letters_own_is_taken():
    letter = read(queue(JOBS, OTHERS), received("a job", DeadLetterQueueSourceArn=OTHERS.arn))
    assert letter.request.parameters["QueueUrl"] == OTHERS.url
    untold = read(queue(JOBS, OTHERS), received("a job"))
    assert untold.request is None


def test_a_message_of_a_fifo_queue_keeps_its_group():
    fifo = Source("sqs", f"{JOBS.arn}.fifo", f"{JOBS.url}.fifo")
    letter = read(queue(fifo), received("a job", MessageGroupId="g", MessageDeduplicationId="d"))
    assert letter.request.parameters["MessageGroupId"] == "g"
    assert letter.request.parameters["MessageDeduplicationId"] == "d"


def record(condition="RetriesExhausted", **more):
    context = {"requestId": "r", "functionArn": f"{FUNCTION}:$LATEST", "condition": condition}
    return {"requestContext": {**context, "approximateInvokeCount": 3}, **more}


def test_an_event_in_a_destinations_record_is_invoked_again():
    response = {"errorType": "KeyError", "errorMessage": "'id'"}
    letter = read(queue(CALLED), received(record(requestPayload={"a": 1}, responsePayload=response)))
    assert (letter.writer, letter.function, letter.attempts) == ("lambda", "notes-write", 3)
    assert letter.reason == "KeyError: 'id'"
    parameters = letter.request.parameters
    assert (parameters["FunctionName"], parameters["InvocationType"]) == (FUNCTION, "Event")
    assert json.loads(parameters["Payload"]) == {"a": 1}


def test_a_batch_of_a_stream_is_not_in_its_letter():
    letter = read(queue(CALLED), received(record(DDBStreamBatchInfo={"shardId": "s"})))
    assert letter.writer == "lambda"
    assert letter.request is None
    assert letter.message is None


def test_an_event_of_a_dead_letter_config_is_invoked_again():
    attributes = {"RequestID": "r", "ErrorCode": "200", "ErrorMessage": "boom"}
    letter = read(queue(CALLED), received({"a": 1}, attributes))
    assert (letter.writer, letter.function, letter.reason_code) == ("lambda", "notes-write", "200")
    assert (letter.reason, letter.request_id) == ("boom", "r")
    assert letter.request.parameters["Payload"] == b'{"a": 1}'
    other = Source("lambda", f"{FUNCTION}-2")
    assert read(queue(CALLED, other), received({"a": 1}, attributes)).request is None


NOTIFICATION = {"Type": "Notification", "TopicArn": TOPIC, "Message": "hello", "MessageId": "m"}


def test_a_notification_goes_to_the_subscriber_that_did_not_get_it():
    letter = read(queue(SUBSCRIPTION), received(NOTIFICATION))
    assert (letter.writer, letter.function, letter.message) == ("sns", "notes-write", "hello")
    assert letter.request.operation == "invoke"
    [event] = json.loads(letter.request.parameters["Payload"])["Records"]
    assert event["EventSubscriptionArn"] == SUBSCRIPTION.subscription_arn
    assert event["Sns"]["Message"] == "hello"


def test_a_notification_for_a_queue_is_sent_to_it():
    subscriber = Source("sns", JOBS.arn, JOBS.url, TOPIC, f"{TOPIC}:0123", "sqs")
    letter = read(queue(subscriber), received(NOTIFICATION))
    assert letter.request.parameters == {"QueueUrl": JOBS.url, "MessageBody": json.dumps(NOTIFICATION)}


def test_a_notification_whose_consumer_failed_is_a_message_of_its_queue():
    letter = read(queue(JOBS), received(NOTIFICATION))
    assert letter.writer == "sqs"
    assert letter.request.parameters["QueueUrl"] == JOBS.url


@pytest.mark.parametrize("body", ["", "{", "[1]", '{"requestContext": 1}', '{"Type": "Notification"}'])
def test_what_nobody_writes_is_shown_and_left(body):
    letter = read(queue(CALLED), received(body))
    assert (letter.writer, letter.reason_code) == ("unknown", "UNREADABLE")
    assert letter.request is None
    assert letter.body == body
