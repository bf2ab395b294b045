"""Dead letters: orders that a function could not finish, whoever wrote the letter.

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
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from serverless_harness.deploy.deployment import Deployment
from serverless_harness.errors import UserError

HIDDEN_S = 30
"""How long letters that were read are hidden from other readers, unless they are put back before."""
BATCH = 10
"""SQS receives and changes no more at a time (its reference)."""
EMPTY_ANSWERS = 2
"""So many in a row mean an empty queue: on AWS, one answer may miss letters."""
UNREADABLE = "UNREADABLE"


@dataclass(frozen=True)
class DeadLetter:
    """One letter. `reason_code` is for programs, `reason` for people; neither holds contents of the order."""

    letter_id: str
    """SQS's message id."""
    function: str
    """Whose queue it is in: decrypt or process."""
    writer: str
    """`function`, `lambda` or `sns`; `unknown` where the shape is none of theirs."""
    reason_code: str
    reason: str
    request_id: str | None
    """Of the invoke that failed, where there was one."""
    attempts: int | None
    """How often Lambda ran the function; None where the letter doesn't say."""
    message: str | None
    """The SNS message, as it was published; None where the letter can't be read."""
    order_id: str | None
    """None where the message holds no order."""
    sent_at: datetime
    body: str


@dataclass(frozen=True)
class ReceivedLetter:
    """A letter and the handle by which SQS deletes it."""

    letter: DeadLetter
    receipt_handle: str


def read(function: str, received: Mapping[str, Any]) -> DeadLetter:
    """Read a letter as SQS's ReceiveMessage gives it, with all of its attributes; it never fails."""
    attributes = {
        name: value.get("StringValue", "") for name, value in received.get("MessageAttributes", {}).items()
    }
    body = received["Body"]
    content = _json_object(body)
    found = _of_function(body, attributes) or _of_lambda(content) or _of_sns(content, attributes)
    if found is None:
        found = _Content("unknown", UNREADABLE, "neither the function, Lambda nor SNS writes such letters")
    return DeadLetter(
        letter_id=received["MessageId"],
        function=function,
        writer=found.writer,
        reason_code=found.reason_code,
        reason=found.reason,
        request_id=found.request_id,
        attempts=found.attempts,
        message=found.message,
        order_id=order_id_of(found.message) if found.message is not None else None,
        sent_at=datetime.fromtimestamp(int(received["Attributes"]["SentTimestamp"]) / 1000, UTC),
        body=body,
    )


def order_id_of(message: str) -> str | None:
    """Find the id of the order in a message to decrypt (a proxy event) or to process."""
    content = _json_object(message) or {}
    if isinstance(order_id := content.get("order_id"), str):
        return order_id
    body = content.get("body")
    if not isinstance(body, str):
        return None
    try:
        if content.get("isBase64Encoded") is True:
            body = base64.b64decode(body, validate=True).decode()
        ciphertext = (_json_object(body) or {}).get("content_base64")
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


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


@dataclass(frozen=True)
class DeadLetterQueues:
    """The dead letters of a deployed shop."""

    deployment: Deployment

    @property
    def functions(self) -> list[str]:
        """The functions that have a queue."""
        return sorted(self.deployment.outputs["dead_letter_queue_urls"])

    def letters(self, function: str | None = None) -> list[DeadLetter]:
        """Read all letters, oldest first, and leave them where they are."""
        found = list(self._receive(function))
        self._put_back(found)
        return sorted((each.letter for each in found), key=lambda letter: letter.sent_at)

    def redrive(
        self, wanted: Callable[[DeadLetter], bool], function: str | None = None
    ) -> tuple[list[DeadLetter], list[DeadLetter]]:
        """Send wanted letters through again; gives those sent, and those that hold no message to send.

        The latter, and those not wanted, stay.
        """
        sns, topic_arns = self.deployment.client("sns"), self.deployment.outputs["topic_arns"]
        sent, left, kept = [], [], []
        # All of them first: an order that can't be mended is soon in the queue again, as another letter.
        for received in list(self._receive(function)):
            letter = received.letter
            if not wanted(letter):
                kept.append(received)
            elif letter.message is None:
                kept.append(received)
                left.append(letter)
            else:
                sns.publish(TopicArn=topic_arns[f"to_{letter.function}"], Message=letter.message)
                self._delete(received)
                sent.append(letter)
        self._put_back(kept)
        return sent, left

    def purge(self, wanted: Callable[[DeadLetter], bool], function: str | None = None) -> list[DeadLetter]:
        """Delete wanted letters for good, and give them."""
        gone, kept = [], []
        for received in self._receive(function):
            if wanted(received.letter):
                self._delete(received)
                gone.append(received.letter)
            else:
                kept.append(received)
        self._put_back(kept)
        return gone

    def _receive(self, function: str | None) -> Iterator[ReceivedLetter]:
        """Give each letter once, hidden from other readers from then on."""
        sqs = self.deployment.client("sqs")
        for name in [function] if function else self.functions:
            seen: set[str] = set()
            empty_answers = 0
            while empty_answers < EMPTY_ANSWERS:
                answer = sqs.receive_message(
                    QueueUrl=self._url(name),
                    MaxNumberOfMessages=BATCH,
                    VisibilityTimeout=HIDDEN_S,
                    MessageAttributeNames=["All"],
                    AttributeNames=["All"],
                )
                fresh = [each for each in answer.get("Messages", []) if each["MessageId"] not in seen]
                empty_answers = 0 if fresh else empty_answers + 1
                for received in fresh:
                    seen.add(received["MessageId"])
                    yield ReceivedLetter(read(name, received), received["ReceiptHandle"])

    def _put_back(self, letters: list[ReceivedLetter]) -> None:
        sqs = self.deployment.client("sqs")
        for received in letters:
            sqs.change_message_visibility(
                QueueUrl=self._url(received.letter.function),
                ReceiptHandle=received.receipt_handle,
                VisibilityTimeout=0,
            )

    def _delete(self, received: ReceivedLetter) -> None:
        self.deployment.client("sqs").delete_message(
            QueueUrl=self._url(received.letter.function), ReceiptHandle=received.receipt_handle
        )

    def _url(self, function: str) -> str:
        urls: Mapping[str, str] = self.deployment.outputs["dead_letter_queue_urls"]
        if function not in urls:
            raise UserError(f"'{function}' has no dead letters: it is one of {', '.join(sorted(urls))}")
        return urls[function]
