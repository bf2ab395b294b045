"""One reader for what the function, Lambda and SNS write."""

import base64
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serverless_harness.resilience.dead_letters import UNREADABLE
from shop.dead_letters import order_id_of, read

CIPHERTEXT = b"\x17" * 512
ORDER_ID = hashlib.sha256(CIPHERTEXT).hexdigest()
BODY = json.dumps({"shop_id": "AMIS1", "content_base64": base64.b64encode(CIPHERTEXT).decode()})
NOT_BASE64 = json.dumps({"content_base64": "?"})
TO_DECRYPT = json.dumps({"httpMethod": "POST", "body": BODY, "isBase64Encoded": False})
TO_PROCESS = json.dumps({"order_id": ORDER_ID, "shop_id": "AMIS1", "decrypted_content": "{}"})


def received(body, **attributes):
    return {
        "MessageId": "m-1",
        "ReceiptHandle": "r-1",
        "Body": body,
        "Attributes": {"SentTimestamp": "1700000000123"},
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
    }


def lambda_record(message, **changes):
    """As AWS documents it."""
    record = {
        "version": "1.0",
        "timestamp": "2019-11-24T21:52:47.333Z",
        "requestContext": {
            "requestId": "8ea123e4-1db7-4aca-ad10-d9ca1234c1fd",
            "functionArn": "arn:aws:lambda:sa-east-1:123456678912:function:event-destinations:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": message}}]},
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "responsePayload": {"errorType": "ClientError", "errorMessage": "Rate exceeded"},
        **changes,
    }
    return {name: value for name, value in record.items() if value is not None}


def test_functions_letter():
    letter = read(
        "decrypt",
        received(TO_DECRYPT, reason_code="NOT_BASE64", reason="field x", function_name="f", request_id="r-7"),
    )
    assert (letter.writer, letter.reason_code, letter.reason) == ("function", "NOT_BASE64", "field x")
    assert (letter.message, letter.order_id, letter.request_id) == (TO_DECRYPT, ORDER_ID, "r-7")
    assert letter.sent_at.isoformat() == "2023-11-14T22:13:20.123000+00:00"


def test_lambdas_record():
    letter = read("process", received(json.dumps(lambda_record(TO_PROCESS))))
    assert (letter.writer, letter.reason_code, letter.attempts) == ("lambda", "RetriesExhausted", 3)
    assert letter.reason == "ClientError: Rate exceeded"
    assert letter.request_id == "8ea123e4-1db7-4aca-ad10-d9ca1234c1fd"
    assert (letter.message, letter.order_id) == (TO_PROCESS, ORDER_ID)


def test_lambdas_record_of_an_event_that_was_never_run():
    context = {
        "requestId": "r",
        "functionArn": "f",
        "condition": "EventAgeExceeded",
        "approximateInvokeCount": 0,
    }
    record = lambda_record(TO_DECRYPT, requestContext=context, responseContext=None, responsePayload=None)
    letter = read("decrypt", received(json.dumps(record)))
    assert (letter.reason_code, letter.reason) == ("EventAgeExceeded", "the function was not run")
    assert letter.order_id == ORDER_ID


@pytest.mark.parametrize("attributes", [{}, {"ErrorMessage": "no permission", "RequestID": "r-2"}])
def test_snss_notification(attributes):
    notification = {"Type": "Notification", "MessageId": "n", "TopicArn": "t", "Message": TO_PROCESS}
    letter = read("process", received(json.dumps(notification), **attributes))
    assert (letter.writer, letter.message, letter.order_id) == ("sns", TO_PROCESS, ORDER_ID)
    assert letter.request_id == attributes.get("RequestID")
    assert letter.reason == attributes.get("ErrorMessage", "SNS could not deliver the message")


@pytest.mark.parametrize(
    "body",
    [
        "rubbish",
        "{}",
        "[]",
        json.dumps(lambda_record(TO_PROCESS, requestPayload={"Records": []})),
        json.dumps(lambda_record(TO_PROCESS, requestPayload=None)),
        json.dumps({"Type": "Notification"}),
    ],
)
def test_other_shapes_are_shown_as_they_are(body):
    letter = read("process", received(body))
    assert (letter.writer, letter.reason_code, letter.message) == ("unknown", UNREADABLE, None)
    assert letter.body == body


NAMES = ["requestContext", "condition", "requestPayload", "Records", "Sns", "Message", "Type"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["requestContext", "condition", "requestPayload", "Records", "Sns", "Message", "Type"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_letter_breaks_the_reader(content):
    assert read("process", received(json.dumps(content))).body


def test_order_id_of_a_body_in_base64():
    event = {"body": base64.b64encode(BODY.encode()).decode(), "isBase64Encoded": True}
    assert order_id_of(json.dumps(event)) == ORDER_ID


@pytest.mark.parametrize(
    "message",
    ["", "[]", "{}", '{"body": null}', '{"body": "{}"}', '{"body": "x"}', json.dumps({"body": NOT_BASE64})],
)
def test_messages_without_an_order_have_no_order_id(message):
    assert order_id_of(message) is None
