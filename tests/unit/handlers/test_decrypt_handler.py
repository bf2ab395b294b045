"""decrypt: what it sends on, what it sends to the dead letters, what it leaves to Lambda's retries."""

import base64
import hashlib
import json

import decrypt
import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber

CIPHERTEXT = bytes(range(256)) * 2
CONTENT = '{"sales": [{"item_no": 1, "gross_number": 2, "gross_turnover": 5.98}]}'
ORDER_ID = hashlib.sha256(CIPHERTEXT).hexdigest()


def order(**fields):
    return {"shop_id": "AMIS1", "content_base64": base64.b64encode(CIPHERTEXT).decode()} | fields


def proxy_event(body):
    return {"httpMethod": "POST", "body": body if isinstance(body, str) else json.dumps(body)}


@pytest.fixture
def kms():
    with Stubber(decrypt.kms) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def sns():
    with Stubber(decrypt.sns) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.mark.parametrize("extra", [{}, {"register": 7, "sent_at": None}])
def test_order_is_decrypted_with_its_shops_key_and_published(kms, sns, context, capsys, sns_event, extra):
    kms.add_response(
        "decrypt",
        {"Plaintext": CONTENT.encode()},
        {
            "KeyId": "alias/shop-AMIS1",
            "CiphertextBlob": CIPHERTEXT,
            "EncryptionAlgorithm": "RSAES_OAEP_SHA_256",
        },
    )
    message = {"order_id": ORDER_ID, "shop_id": "AMIS1", "decrypted_content": CONTENT}
    sns.add_response(
        "publish",
        {"MessageId": "1"},
        {"TopicArn": "arn:aws:sns:eu-central-1:123456789012:to-process", "Message": json.dumps(message)},
    )

    decrypt.lambda_handler(sns_event(proxy_event(order(**extra))), context)

    assert capsys.readouterr().out == f"DECRYPTED: order_id: {ORDER_ID}, shop_id: AMIS1\n"


def test_body_that_api_gateway_encoded_is_decoded(kms, sns, context, sns_event):
    kms.add_response("decrypt", {"Plaintext": CONTENT.encode()})
    sns.add_response("publish", {"MessageId": "1"}, {"TopicArn": ANY, "Message": ANY})
    body = base64.b64encode(json.dumps(order()).encode()).decode()

    decrypt.lambda_handler(sns_event({"body": body, "isBase64Encoded": True}), context)


RUBBISH = {
    "message is no JSON": ("{", "NOT_JSON"),
    "message is no object": ([], "NOT_AN_OBJECT"),
    "no body": ({"httpMethod": "POST"}, "FIELD_MISSING"),
    "body is null": ({"body": None}, "FIELD_INVALID"),
    "body is no JSON": (proxy_event("shop_id=AMIS1"), "NOT_JSON"),
    "body is empty": (proxy_event(""), "NOT_JSON"),
    "body is nested without end": (proxy_event("[" * 50_000), "NOT_JSON"),
    "body has a key twice": (proxy_event('{"shop_id": "AMIS1", "shop_id": "AMIS2"}'), "NOT_JSON"),
    "body is a list": (proxy_event([order()]), "NOT_AN_OBJECT"),
    "encoded body is no base64": ({"body": "{}", "isBase64Encoded": True}, "NOT_BASE64"),
    "encoded body is no text": ({"body": "//79", "isBase64Encoded": True}, "NOT_JSON"),
    "no shop": (proxy_event({"content_base64": "AAAA"}), "FIELD_MISSING"),
    "shop is a number": (proxy_event(order(shop_id=1)), "FIELD_INVALID"),
    "shop is empty": (proxy_event(order(shop_id="")), "FIELD_INVALID"),
    "shop is a path": (proxy_event(order(shop_id="../aws/lambda")), "FIELD_INVALID"),
    "shop forges a log line": (proxy_event(order(shop_id="AMIS1\nDECRYPTED: all")), "FIELD_INVALID"),
    "no content": (proxy_event({"shop_id": "AMIS1"}), "FIELD_MISSING"),
    "content is an object": (proxy_event(order(content_base64={})), "FIELD_INVALID"),
    "content is no base64": (proxy_event(order(content_base64="Zm9v!")), "NOT_BASE64"),
    "content is not ASCII": (proxy_event(order(content_base64="Zm9vä")), "NOT_BASE64"),
    "content is too short for a ciphertext": (
        proxy_event(order(content_base64="Zm9v")),
        "CIPHERTEXT_INVALID",
    ),
    "content is empty": (proxy_event(order(content_base64="")), "CIPHERTEXT_INVALID"),
}


@pytest.mark.parametrize(("message", "reason_code"), RUBBISH.values(), ids=RUBBISH)
def test_rubbish_becomes_a_dead_letter_with_its_reason(
    kms, sns, context, capsys, sns_event, dead_letters, message, reason_code
):
    event = sns_event(message)

    decrypt.lambda_handler(event, context)

    [(body, attributes)] = dead_letters.receive()
    assert body == event["Records"][0]["Sns"]["Message"]
    assert attributes["reason_code"] == reason_code
    assert attributes["function_name"] == context.function_name
    assert attributes["request_id"] == context.aws_request_id
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith(f"ERROR: {reason_code}: {attributes['reason']}")


@pytest.mark.parametrize(
    ("kms_code", "reason_code"),
    [("NotFoundException", "SHOP_UNKNOWN"), ("InvalidCiphertextException", "CIPHERTEXT_INVALID")],
)
def test_what_the_key_cannot_open_becomes_a_dead_letter(
    kms, sns, context, capsys, sns_event, dead_letters, kms_code, reason_code
):
    kms.add_client_error("decrypt", kms_code, "as KMS says it")

    decrypt.lambda_handler(sns_event(proxy_event(order())), context)

    [(_body, attributes)] = dead_letters.receive()
    assert attributes["reason_code"] == reason_code
    assert f"order_id: {ORDER_ID}, shop_id: AMIS1" in capsys.readouterr().out


def test_content_that_is_no_text_becomes_a_dead_letter(kms, sns, context, capsys, sns_event, dead_letters):
    kms.add_response("decrypt", {"Plaintext": b"\xff secret"})

    decrypt.lambda_handler(sns_event(proxy_event(order())), context)

    assert dead_letters.receive()[0][1]["reason_code"] == "CONTENT_NOT_UTF8"
    assert "secret" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "code",
    [
        "ThrottlingException",
        "DependencyTimeoutException",
        "KMSInternalException",
        "AccessDeniedException",
        "DisabledException",
        "KMSInvalidStateException",
    ],
)
def test_what_may_pass_is_raised_for_lambda_to_retry(kms, sns, context, sns_event, dead_letters, code):
    kms.add_client_error("decrypt", code)

    with pytest.raises(ClientError, match=code):
        decrypt.lambda_handler(sns_event(proxy_event(order())), context)

    assert dead_letters.receive() == []


def test_order_that_cannot_be_published_is_raised(kms, sns, context, sns_event, dead_letters):
    kms.add_response("decrypt", {"Plaintext": CONTENT.encode()})
    sns.add_client_error("publish", "InternalError")

    with pytest.raises(ClientError, match="InternalError"):
        decrypt.lambda_handler(sns_event(proxy_event(order())), context)

    assert dead_letters.receive() == []


def test_dead_letter_that_cannot_be_sent_is_raised(context, sns_event):
    with pytest.raises(ClientError, match="NonExistentQueue"):
        decrypt.lambda_handler(sns_event("rubbish"), context)


def test_rubbish_does_not_hold_up_the_next_record(kms, sns, context, sns_event, dead_letters):
    kms.add_response("decrypt", {"Plaintext": CONTENT.encode()})
    sns.add_response("publish", {"MessageId": "1"})

    decrypt.lambda_handler(sns_event("rubbish", proxy_event(order())), context)

    assert [body for body, _attributes in dead_letters.receive()] == ["rubbish"]


def test_log_holds_neither_contents_nor_ciphertext(kms, sns, context, capsys, sns_event, dead_letters):
    for _ in range(2):
        kms.add_response("decrypt", {"Plaintext": CONTENT.encode()})
    sns.add_response("publish", {"MessageId": "1"})
    sns.add_client_error("publish", "InternalError")
    event = sns_event(proxy_event(order()))

    decrypt.lambda_handler(event, context)
    with pytest.raises(ClientError) as raised:
        decrypt.lambda_handler(event, context)

    log = capsys.readouterr().out + str(raised.value)
    assert "5.98" not in log
    assert "item_no" not in log
    assert base64.b64encode(CIPHERTEXT).decode()[:40] not in log
