"""Dead letters of any deployment: where they are, what they tell, and how they are sent through again.

The queues are found by what names them: redrive policies of queues and of subscriptions, DeadLetterConfig and
on-failure destinations of functions. Each writer has its shape (developer guides of SQS and of SNS,
"Dead-letter queues"; of Lambda, "Retaining records of asynchronous invocations"):

- SQS moves a message that was received too often: body and attributes are the original's;
- SNS writes the notification that it could not deliver;
- Lambda writes an event after its last retry, for DeadLetterConfig as it was, with the reason in attributes,
  for a destination as a record with `requestContext` and `requestPayload`.

What is sent again goes to whoever failed, not to others that had the same message. It is sent before its
letter is deleted: should that fail, it goes through twice.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from serverless_harness.deploy.deployment import Deployment
from serverless_harness.errors import UserError
from serverless_harness.resilience.letter_queues import LetterQueue, Source, find_queues
from serverless_harness.stack.queue_contents import messages_in
from serverless_harness.targets import LocalTarget

UNREADABLE = "UNREADABLE"
"""The reason code of a letter that nobody is known to write."""
HIDDEN_S = 30
"""How long letters that were read are hidden from other readers, unless they are put back before."""
BATCH = 10
"""SQS receives and changes no more at a time (its reference)."""
EMPTY_ANSWERS = 2
"""So many in a row mean an empty queue: on AWS, one answer may miss letters."""


@dataclass(frozen=True)
class Request:
    """A request that sends a letter through again: an operation of a boto3 client, and its parameters."""

    service: str
    operation: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class DeadLetter:
    """One letter; `function` is whose it is: a function, else the queue or topic that it was meant for."""

    letter_id: str
    """SQS's message id."""
    function: str
    writer: str
    """`sqs`, `sns` or `lambda`; `unknown` where the shape is none of theirs."""
    reason_code: str
    """For programs."""
    reason: str
    """For people."""
    sent_at: datetime
    body: str
    request_id: str | None = None
    """Of the invoke that failed, where the letter tells it."""
    attempts: int | None = None
    """How often delivery was tried; None where the letter doesn't say."""
    message: str | None = None
    """What could not be delivered; None where the letter doesn't hold it."""
    request: Request | None = None
    """What sends it through again, None where that can't be told."""

    @property
    def subject(self) -> str:
        """What it is about, for a list of letters."""
        return ""

    @property
    def details(self) -> Sequence[str]:
        """Lines about it besides those that every letter has."""
        return ()


@dataclass(frozen=True)
class ReceivedLetter:
    """A letter, its queue, and the handle by which SQS deletes it."""

    letter: DeadLetter
    queue: LetterQueue
    receipt_handle: str


def read(queue: LetterQueue, received: Mapping[str, Any]) -> DeadLetter:
    """Read a letter as SQS's ReceiveMessage gives it, with all of its attributes; it never fails."""
    return (
        _destination_record(queue, received)
        or _notification(queue, received)
        or _event(queue, received)
        or _moved_message(queue, received)
        or unreadable(queue.name, received)
    )


def letter_of(received: Mapping[str, Any], **told: Any) -> DeadLetter:  # noqa: ANN401 (fields of DeadLetter)
    """Make a letter of what SQS says of every message, and of the fields that its writer `told`."""
    return DeadLetter(
        letter_id=received["MessageId"], sent_at=sent_at(received), body=received["Body"], **told
    )


def unreadable(function: str, received: Mapping[str, Any]) -> DeadLetter:
    """Make a letter of a message that nobody is known to write."""
    reason = "the format of the letter is unknown: it is not one of SQS, SNS or Lambda"
    return letter_of(received, writer="unknown", function=function, reason_code=UNREADABLE, reason=reason)


def sent_at(received: Mapping[str, Any]) -> datetime:
    """Give when a letter was written."""
    return datetime.fromtimestamp(int(received["Attributes"]["SentTimestamp"]) / 1000, UTC)


def json_object(text: str) -> dict[str, Any] | None:
    """Read a JSON object, None where the text is something else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _destination_record(queue: LetterQueue, received: Mapping[str, Any]) -> DeadLetter | None:
    content = json_object(received["Body"]) or {}
    context = content.get("requestContext")
    if not isinstance(context, dict) or "condition" not in context:
        return None
    arn = str(context.get("functionArn", ""))
    function = arn.split(":")[6] if arn.count(":") >= 6 else queue.name
    response = content.get("responsePayload")
    error = response if isinstance(response, dict) else {}
    reason = f"{error.get('errorType', 'Error')}: {error['errorMessage']}" if "errorMessage" in error else ""
    # A record of a stream's batch tells where its records are, and doesn't hold them.
    payload = json.dumps(content["requestPayload"]) if "requestPayload" in content else None
    return letter_of(
        received,
        writer="lambda",
        function=function,
        reason_code=str(context["condition"]),
        reason=reason or "the function was not run"
        if payload
        else "the letter names a batch of a stream, and doesn't contain it",
        message=payload,
        request_id=context.get("requestId"),
        attempts=context.get("approximateInvokeCount"),
        request=_invoke(arn, payload) if payload and arn else None,
    )


def _notification(queue: LetterQueue, received: Mapping[str, Any]) -> DeadLetter | None:
    content = json_object(received["Body"]) or {}
    if content.get("Type") != "Notification" or not isinstance(content.get("Message"), str):
        return None
    topic_arn = str(content.get("TopicArn", ""))
    sources = [source for source in queue.sources if source.kind == "sns" and source.topic_arn == topic_arn]
    if not sources and any(source.kind == "sqs" for source in queue.sources):
        return None  # A notification that reached a queue, whose consumer failed.
    attributes = attributes_of(received)
    source = sources[0] if len(sources) == 1 else None
    return letter_of(
        received,
        writer="sns",
        function=source.name if source else topic_arn.rpartition(":")[2],
        reason_code=attributes.get("ErrorCode") or "NotDelivered",
        reason=attributes.get("ErrorMessage") or "SNS could not deliver the message",
        message=content["Message"],
        request_id=attributes.get("RequestID"),
        request=_deliver(source, content, received["Body"]) if source else None,
    )


def _event(queue: LetterQueue, received: Mapping[str, Any]) -> DeadLetter | None:
    attributes = attributes_of(received)
    if not {"RequestID", "ErrorCode"} <= attributes.keys():
        return None
    functions = [source for source in queue.sources if source.kind == "lambda"]
    source = functions[0] if len(functions) == 1 else None
    return letter_of(
        received,
        writer="lambda",
        function=source.name if source else queue.name,
        reason_code=attributes["ErrorCode"],
        reason=attributes.get("ErrorMessage") or "the function failed",
        message=received["Body"],
        request_id=attributes["RequestID"],
        request=_invoke(source.arn, received["Body"]) if source else None,
    )


def _moved_message(queue: LetterQueue, received: Mapping[str, Any]) -> DeadLetter | None:
    queues = [source for source in queue.sources if source.kind == "sqs"]
    named = received["Attributes"].get("DeadLetterQueueSourceArn")
    source = next((each for each in queues if each.arn == named), queues[0] if len(queues) == 1 else None)
    if source is None:
        return None
    count = int(received["Attributes"].get("ApproximateReceiveCount", 0))
    return letter_of(
        received,
        writer="sqs",
        function=source.name,
        reason_code="NotDeleted",
        reason=f"received too often without being deleted from {source.name}",
        message=received["Body"],
        attempts=count or None,
        request=_send(source.url, received),
    )


def _invoke(function_arn: str, payload: str) -> Request:
    unqualified = ":".join(function_arn.split(":")[:7])
    parameters = {"FunctionName": unqualified, "InvocationType": "Event", "Payload": payload.encode()}
    return Request("lambda", "invoke", parameters)


def _send(queue_url: str, received: Mapping[str, Any]) -> Request:
    system = received["Attributes"]
    fifo = ("MessageGroupId", "MessageDeduplicationId")
    parameters = {
        "QueueUrl": queue_url,
        "MessageBody": received["Body"],
        "MessageAttributes": {
            name: {key: value[key] for key in ("DataType", "StringValue", "BinaryValue") if key in value}
            for name, value in received.get("MessageAttributes", {}).items()
        },
        **({name: system[name] for name in fifo if name in system} if queue_url.endswith(".fifo") else {}),
    }
    return Request("sqs", "send_message", parameters)


def _deliver(source: Source, notification: Mapping[str, Any], body: str) -> Request | None:
    """Give the delivery that SNS could not make, to the one subscriber that it was for."""
    if source.protocol == "lambda":
        record = {
            "EventVersion": "1.0",
            "EventSubscriptionArn": source.subscription_arn,
            "EventSource": "aws:sns",
            "Sns": {"Subject": None, "MessageAttributes": {}} | _with_lambdas_names(notification),
        }
        return _invoke(source.arn, json.dumps({"Records": [record]}))
    if source.protocol == "sqs":
        return Request("sqs", "send_message", {"QueueUrl": source.url, "MessageBody": body})
    return None


def _with_lambdas_names(notification: Mapping[str, Any]) -> dict[str, Any]:
    names = {"SigningCertURL": "SigningCertUrl", "UnsubscribeURL": "UnsubscribeUrl"}
    return {names.get(name, name): value for name, value in notification.items()}


def attributes_of(received: Mapping[str, Any]) -> dict[str, str]:
    """Give a message's own attributes as text, by name."""
    found = received.get("MessageAttributes", {}).items()
    return {name: value.get("StringValue", "") for name, value in found}


class DeadLetterQueues:
    """The dead letters of a deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment

    def queues(self) -> list[LetterQueue]:
        """Find the queues of dead letters."""
        return find_queues(self.deployment)

    def read(self, queue: LetterQueue, received: Mapping[str, Any]) -> DeadLetter:
        """Read a letter as SQS gives it."""
        return read(queue, received)

    def letters(self, function: str | None = None) -> list[DeadLetter]:
        """Read all letters, oldest first, and leave them where they are."""
        found = list(self._receive(function))
        self._put_back(found)
        return sorted((each.letter for each in found), key=lambda letter: letter.sent_at)

    def seen(self, target: LocalTarget, most: int | None = None) -> list[tuple[LetterQueue, DeadLetter]]:
        """Look at all letters with their queues, oldest first, without receiving them: on a local stack.

        Raises UserError where a queue holds more than `most`.
        """
        found = [
            (queue, self.read(queue, message))
            for queue in self.queues()
            for message in messages_in(target, queue.url, queue.region, most)
        ]
        return sorted(found, key=lambda each: each[1].sent_at)

    def redrive(
        self, wanted: Callable[[DeadLetter], bool], function: str | None = None
    ) -> tuple[list[DeadLetter], list[DeadLetter]]:
        """Send wanted letters through again; gives those sent, and those that can't be.

        The latter, and those not wanted, stay.
        """
        sent, left, kept = [], [], []
        # All of them first: what fails again is soon in the queue again, as another letter.
        for received in list(self._receive(function)):
            letter = received.letter
            if not wanted(letter):
                kept.append(received)
            elif letter.request is None:
                kept.append(received)
                left.append(letter)
            else:
                client = self.deployment.client(letter.request.service, region=received.queue.region)
                getattr(client, letter.request.operation)(**letter.request.parameters)
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
        for queue in self._queues_of(function):
            sqs = self.deployment.client("sqs", region=queue.region)
            seen: set[str] = set()
            empty_answers = 0
            while empty_answers < EMPTY_ANSWERS:
                answer = sqs.receive_message(
                    QueueUrl=queue.url,
                    MaxNumberOfMessages=BATCH,
                    VisibilityTimeout=HIDDEN_S,
                    MessageAttributeNames=["All"],
                    AttributeNames=["All"],
                )
                fresh = [each for each in answer.get("Messages", []) if each["MessageId"] not in seen]
                empty_answers = 0 if fresh else empty_answers + 1
                for received in fresh:
                    seen.add(received["MessageId"])
                    yield ReceivedLetter(self.read(queue, received), queue, received["ReceiptHandle"])

    def _queues_of(self, function: str | None) -> list[LetterQueue]:
        queues = self.queues()
        if function is None:
            return queues
        found = [queue for queue in queues if queue.is_of(function)]
        if not found:
            known = ", ".join(sorted({name for queue in queues for name in queue.names})) or "none"
            raise UserError(f"'{function}' has no dead-letter queue; those that have one: {known}")
        return found

    def _put_back(self, letters: list[ReceivedLetter]) -> None:
        for received in letters:
            self.deployment.client("sqs", region=received.queue.region).change_message_visibility(
                QueueUrl=received.queue.url, ReceiptHandle=received.receipt_handle, VisibilityTimeout=0
            )

    def _delete(self, received: ReceivedLetter) -> None:
        self.deployment.client("sqs", region=received.queue.region).delete_message(
            QueueUrl=received.queue.url, ReceiptHandle=received.receipt_handle
        )


def dead_letters_of(deployment: Deployment) -> DeadLetterQueues:
    """Give a deployment's dead letters, as its project knows them."""
    return deployment.target.project.dead_letters(deployment) or DeadLetterQueues(deployment)
