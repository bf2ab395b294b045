"""The shop's dead letters: orders that a function could not finish, whoever wrote the letter.

The function itself writes some (`handlers/common/shop_dead_letters.py`): the body is the SNS message as it
came, and the reason is in message attributes. Those of Lambda and of SNS are read as any project's are
(`resilience.dead_letters`); Lambda's holds the SNS event, in which the message is.

Redriving publishes the SNS message again. It is published before its letter is deleted: should that fail, the
order goes through twice, and is booked once.
"""

import base64
import binascii
import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serverless_harness.resilience import dead_letters
from serverless_harness.resilience.dead_letters import (
    DeadLetter,
    DeadLetterQueues,
    Request,
    json_object,
)
from serverless_harness.resilience.letter_queues import LetterQueue
from shop.deployment import ShopDeployment


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
    found = _of_function(function, received) or dead_letters.read(LetterQueue("", label=function), received)
    message = _message_in(found)
    if message is None and found.writer != "unknown":
        found = dead_letters.unreadable(function, received)
    told = {**vars(found), "function": function, "message": message, "request": None}
    return ShopLetter(**told, order_id=order_id_of(message) if message is not None else None)


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


def _of_function(function: str, received: Mapping[str, Any]) -> DeadLetter | None:
    attributes = dead_letters.attributes_of(received)
    if "reason_code" not in attributes:
        return None
    return dead_letters.letter_of(
        received,
        writer="function",
        function=function,
        reason_code=attributes["reason_code"],
        reason=attributes.get("reason", ""),
        message=received["Body"],
        request_id=attributes.get("request_id"),
    )


def _message_in(letter: DeadLetter) -> str | None:
    """Give the SNS message that a letter is about: of Lambda's, the one in the SNS event."""
    if letter.writer != "lambda" or letter.message is None:
        return letter.message
    try:
        [record] = json.loads(letter.message)["Records"]
        message = record["Sns"]["Message"]
    except (KeyError, TypeError, ValueError):
        return None
    return message if isinstance(message, str) else None


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
