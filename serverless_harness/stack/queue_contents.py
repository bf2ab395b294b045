"""Looks at a queue without taking anything, by LocalStack's `/_aws/sqs/messages`, which changes nothing."""

from collections.abc import Mapping
from typing import Any

from serverless_harness.errors import UserError
from serverless_harness.stack.control import control
from serverless_harness.targets import LocalTarget


def messages_in(
    target: LocalTarget, queue_url: str, region: str | None = None, most: int | None = None
) -> list[dict[str, Any]]:
    """Give all messages of a queue, those in flight and delayed included, as ReceiveMessage gives them.

    Raises as `control` does, and UserError for more than `most`: LocalStack can't give a part of them, and
    takes seconds for 10,000.
    """
    account_id, queue_name = queue_url.split("/")[-2:]
    if most is not None and (count := _count(target, queue_url, region)) > most:
        raise UserError(
            f"{queue_name} holds {count:,} messages, and a queue is shown here only up to {most:,} messages"
        )
    path = f"/_aws/sqs/messages/{region or target.region}/{account_id}/{queue_name}"
    answer = control(target, "GET", f"{path}?ShowInvisible=true&ShowDelayed=true")
    found = (answer["ReceiveMessageResponse"]["ReceiveMessageResult"] or {}).get("Message") or []
    return [_message(each) for each in ([found] if isinstance(found, dict) else found)]


def _count(target: LocalTarget, queue_url: str, region: str | None) -> int:
    names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
    client = target.client("sqs", region=region)
    answer = client.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
    return sum(map(int, answer["Attributes"].values()))


def _message(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "MessageId": found["MessageId"],
        "Body": found.get("Body") or "",
        "Attributes": _by_name(found.get("Attributes") or found.get("Attribute")),
        "MessageAttributes": _by_name(found.get("MessageAttributes") or found.get("MessageAttribute")),
    }


def _by_name(attributes: Any) -> dict[str, Any]:  # noqa: ANN401 (JSON made of XML: a list, one of it, or none)
    if isinstance(attributes, dict) and not {"Name", "Value"} <= attributes.keys():
        return attributes
    listed = [attributes] if isinstance(attributes, dict) else attributes or []
    return {each["Name"]: each["Value"] for each in listed}
