"""Nothing is lost: what can't be indexed comes again, and ends in the dead-letter queue."""

import json


def test_a_throttled_write_is_tried_again(api, fault, eventually, table, title):
    throttled = fault(
        "throttle", service="dynamodb", operation="UpdateItem", containing=title.lower()[5:], first_calls=2
    )

    note_id = api.post("notes", json={"title": title, "text": "one two three"}).json()["id"]

    eventually(lambda: table(note_id).get("words") == {"N": "3"}, what="the words, in spite of the fault")
    assert throttled.now().injected == 2


def test_of_a_batch_only_what_failed_is_named(invoke, aws_event):
    event = aws_event.sqs({"id": "never-written", "text": "x"}, "no JSON", queue="notes-written")

    answer = invoke("index", event).json

    assert answer == {
        "batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in event["Records"]]
    }


def test_what_can_never_be_indexed_ends_in_the_dead_letter_queue(stack, outputs, messages, title):
    dead = messages(outputs["dead_letter_queue_url"])
    body = json.dumps({"id": title, "text": "a note that is in no table"})

    stack.client("sqs").send_message(QueueUrl=outputs["queue_url"], MessageBody=body)

    assert dead.wait_for(lambda message: title in message.body, timeout_s=180).body == body


def test_no_function_is_denied_anything(api, iam_denials, eventually, table, title):
    note_id = api.post("notes", json={"title": title, "text": "x"}).json()["id"]
    eventually(lambda: "words" in table(note_id))

    assert iam_denials("notes") == []
