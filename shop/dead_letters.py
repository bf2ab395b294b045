"""The shop's dead letters: orders that a function could not finish, whoever wrote the letter.

Three writers, three shapes, one reader (`read`):

- the function itself (`handlers/common/shop_dead_letters.py`): the body is the SNS message as it came; the
  reason is in message attributes;
- Lambda, after its last retry (Lambda developer guide, "Retaining records of asynchronous invocations"): the
  body is a record with `requestContext`, `requestPayload` (the SNS event) and, where the function ran,
  `responsePayload`;
- SNS, where it could not hand the message to Lambda (SNS developer guide, "Dead-letter queues"): the body
  is SNS's notification.

Redriving publishes the SNS message again. It is published before its letter is deleted: should that fail, the
order goes through twice, and is booked once.
"""

import base64
import binascii
import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serverless_harness.resilience.dead_letters import (
    DeadLetter,
    DeadLetterQueues,
    Request,
    json_object,
    sent_at,
)
from serverless_harness.resilience.letter_queues import LetterQueue
from shop.deployment import ShopDeployment

UNREADABLE = "UNREADABLE"


@dataclass(frozen=True)
class ShopLetter(DeadLetter):
    """A letter of decrypt or process; neither reason nor code holds contents of the order.

    `writer` is `function`, `lambda` or `sns`, or `unknown`; `message` is the SNS message as it was published.
    """

    order_id: str | None = None
    """None where the message holds no order."""

    @property
    def subject(self) -> str:
        """The order, as a list of letters shows it."""
        return f"order {self.order_id[:12]}…" if self.order_id else "no order"

    @property
    def details(self) -> Sequence[str]:
        """The order's whole id."""
        return [f"order id    {self.order_id or '-'}"]


def read(function: str, received: Mapping[str, Any]) -> ShopLetter:
    """Read a letter as SQS's ReceiveMessage gives it, with all of its attributes; it never fails."""
    attributes = {
        name: value.get("StringValue", "") for name, value in received.get("MessageAttributes", {}).items()
    }
    body = received["Body"]
    content = json_object(body)
    found = _of_function(body, attributes) or _of_lambda(content) or _of_sns(content, attributes)
    if found is None:
        found = _Content(
            "unknown",
            UNREADABLE,
            "the format of the letter is unknown: it is not one of the function, Lambda or SNS",
        )
    return ShopLetter(
        letter_id=received["MessageId"],
        function=function,
        writer=found.writer,
        reason_code=found.reason_code,
        reason=found.reason,
        request_id=found.request_id,
        attempts=found.attempts,
        message=found.message,
        order_id=order_id_of(found.message) if found.message is not None else None,
        sent_at=sent_at(received),
        body=body,
    )


def order_id_of(message: str) -> str | None:
    """Find the id of the order in a message to decrypt (a proxy event) or to process."""
    content = json_object(message) or {}
    if isinstance(order_id := content.get("order_id"), str):
        return order_id
    body = content.get("body")
    if not isinstance(body, str):
        return None
    try:
        if content.get("isBase64Encoded") is True:
            body = base64.b64decode(body, validate=True).decode()
        ciphertext = (json_object(body) or {}).get("content_base64")
        if not isinstance(ciphertext, str):
            return None
        return hashlib.sha256(base64.b64decode(ciphertext, validate=True)).hexdigest()
    except (binascii.Error, ValueError):
        return None


@dataclass(frozen=True)
class _Content:
    writer: str
    reason_code: str
    reason: str
    message: str | None = None
    request_id: str | None = None
    attempts: int | None = None


def _of_function(body: str, attributes: Mapping[str, str]) -> _Content | None:
    if "reason_code" not in attributes:
        return None
    return _Content(
        writer="function",
        reason_code=attributes["reason_code"],
        reason=attributes.get("reason", ""),
        message=body,
        request_id=attributes.get("request_id"),
        attempts=None,
    )


def _of_lambda(content: Mapping[str, Any] | None) -> _Content | None:
    context = (content or {}).get("requestContext")
    if content is None or not isinstance(context, dict) or "condition" not in context:
        return None
    try:
        [record] = content["requestPayload"]["Records"]
        message = record["Sns"]["Message"]
    except (KeyError, TypeError, ValueError):
        return None
    response = content.get("responsePayload")
    error = response if isinstance(response, dict) else {}
    said = f"{error.get('errorType', 'Error')}: {error['errorMessage']}" if "errorMessage" in error else ""
    return _Content(
        writer="lambda",
        reason_code=str(context["condition"]),
        reason=said or "the function was not run",
        message=message,
        request_id=context.get("requestId"),
        attempts=context.get("approximateInvokeCount"),
    )


def _of_sns(content: Mapping[str, Any] | None, attributes: Mapping[str, str]) -> _Content | None:
    if content is None or content.get("Type") != "Notification":
        return None
    if not isinstance(content.get("Message"), str):
        return None
    return _Content(
        writer="sns",
        reason_code="NotDelivered",
        reason=attributes.get("ErrorMessage") or "SNS could not hand the message to Lambda",
        message=content["Message"],
        request_id=attributes.get("RequestID"),
    )


class ShopDeadLetters(DeadLetterQueues):
    """The dead letters of a deployed shop; they are sent to the topics that they came from."""

    deployment: ShopDeployment

    def queues(self) -> list[LetterQueue]:
        """Give the queues of decrypt and of process."""
        urls: Mapping[str, str] = self.deployment.outputs["dead_letter_queue_urls"]
        return [LetterQueue(url, label=function) for function, url in sorted(urls.items())]

    def read(self, queue: LetterQueue, received: Mapping[str, Any]) -> ShopLetter:
        """Read a letter as SQS gives it."""
        letter = read(queue.label, received)
        if letter.message is None:
            return letter
        topic_arn = self.deployment.outputs["topic_arns"][f"to_{queue.label}"]
        request = Request("sns", "publish", {"TopicArn": topic_arn, "Message": letter.message})
        return dataclasses.replace(letter, request=request)
