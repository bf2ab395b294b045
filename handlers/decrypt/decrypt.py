"""decrypt: opens an order with its shop's own KMS key and hands it to process.

It logs an order's id, its shop and counts; never what is in it, nor its ciphertext.
"""

import base64
import hashlib
import json
import os
from typing import Any

from botocore.exceptions import ClientError

from shop_clients import create_client
from shop_context import LambdaContext
from shop_dead_letters import handle_records
from shop_messages import PermanentError, parse_json, require_object, require_shop_id, require_text

ENCRYPTION_ALGORITHM = "RSAES_OAEP_SHA_256"
CIPHERTEXT_BYTES = 512  # of an RSA_4096 key, whatever is encrypted

key_alias_prefix = "alias/" + os.environ["key_prefix"]
to_process_topic_arn = os.environ["to_process_topic_arn"]
kms = create_client("kms", read_timeout_s=2.0)
sns = create_client("sns", read_timeout_s=2.0)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Handle an SNS event of `to_decrypt`, whose messages are API Gateway's proxy events."""
    handle_records(event, context, decrypt_order)


def decrypt_order(message: str, _context: LambdaContext) -> None:
    """Decrypt one order and publish it. Raises PermanentError, or ClientError/BotoCoreError to be retried."""
    order = require_object(parse_json(read_body(message), "body"), "body")
    shop_id = require_shop_id(order)
    ciphertext = decode_base64(require_text(order, "content_base64"), "content_base64")
    order_id = hashlib.sha256(ciphertext).hexdigest()
    content = decrypt_content(shop_id, ciphertext, order_id)
    sns.publish(
        TopicArn=to_process_topic_arn,
        Message=json.dumps({"order_id": order_id, "shop_id": shop_id, "decrypted_content": content}),
    )
    print(f"DECRYPTED: order_id: {order_id}, shop_id: {shop_id}")


def read_body(message: str) -> str | bytes:
    """Take the HTTP body out of the proxy event; API Gateway encodes what isn't text."""
    proxy_event = require_object(parse_json(message, "message"), "message")
    body = require_text(proxy_event, "body")
    return decode_base64(body, "body") if proxy_event.get("isBase64Encoded") is True else body


def decode_base64(text: str, field: str) -> bytes:
    """Decode strictly; raises PermanentError (NOT_BASE64)."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise PermanentError("NOT_BASE64", f"field {field} is not base64") from None


def decrypt_content(shop_id: str, ciphertext: bytes, order_id: str) -> str:
    """Decrypt with the shop's key.

    Raises PermanentError (SHOP_UNKNOWN, CIPHERTEXT_INVALID). A disabled key, a missing permission
    and a service that is down or busy are raised as botocore has them: a retry may find them gone.
    """
    of_order = f"order_id: {order_id}, shop_id: {shop_id}"
    if len(ciphertext) != CIPHERTEXT_BYTES:
        reason = f"the ciphertext has {len(ciphertext)} bytes, not {CIPHERTEXT_BYTES}"
        raise PermanentError("CIPHERTEXT_INVALID", f"{reason}, {of_order}")
    try:
        plaintext: bytes = kms.decrypt(
            KeyId=key_alias_prefix + shop_id,
            CiphertextBlob=ciphertext,
            EncryptionAlgorithm=ENCRYPTION_ALGORITHM,
        )["Plaintext"]
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "NotFoundException":
            raise PermanentError("SHOP_UNKNOWN", f"the shop has no key, {of_order}") from None
        if code == "InvalidCiphertextException":
            reason = "the ciphertext does not decrypt with the shop's key"
            raise PermanentError("CIPHERTEXT_INVALID", f"{reason}, {of_order}") from None
        raise
    try:
        return plaintext.decode()
    except UnicodeDecodeError:
        raise PermanentError("CONTENT_NOT_UTF8", f"the decrypted content is not UTF-8, {of_order}") from None
