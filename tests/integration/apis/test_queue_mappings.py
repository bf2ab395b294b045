"""Event source mappings of queues: what is refused, what a function gets, and that nothing is lost."""

import json
import secrets
import time

import pytest
from apis_under_test import ON_A_STACK_OF_THEIR_OWN
from botocore.exceptions import ClientError

from serverless_harness.waiting import Wait

pytestmark = ON_A_STACK_OF_THEIR_OWN

READ = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
DEADLINE_S = 240
RECORD = """
import boto3, json, os, time
def handler(event, context):
    sqs = boto3.client("sqs")
    failed = []
    for record in event["Records"]:
        body = record["body"]
        if "raise" in body:
            raise ValueError(body)
        if "fail" in body:
            failed.append({"itemIdentifier": record["messageId"]})
            continue
        if "slow" in body:
            time.sleep(0.3)
        sqs.send_message(
            QueueUrl=os.environ["SEEN"],
            MessageBody=json.dumps({"body": body, "batch": len(event["Records"]), "record": record}),
        )
    return {"batchItemFailures": failed}
"""


class Mapping:
    """Two queues, a function between them, and what the function has seen of the first."""

    def __init__(self, functions, visibility_timeout_s=5, **settings):
        self.target = functions.target
        self.sqs = self.target.client("sqs")
        self.lambda_ = functions.client
        name = f"mapping-{secrets.token_hex(4)}"
        self.seen = self.sqs.create_queue(QueueName=f"{name}-seen")["QueueUrl"]
        self.dead = self.sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        redrive = {"deadLetterTargetArn": self.arn(self.dead), "maxReceiveCount": "2"}
        self.url = self.sqs.create_queue(
            QueueName=name,
            Attributes={
                "VisibilityTimeout": str(visibility_timeout_s),
                "RedrivePolicy": json.dumps(redrive),
            },
        )["QueueUrl"]
        role_arn = functions.role(name, "logs:*", "sqs:SendMessage", *READ)
        function = functions.arn(
            f"{RECORD}# {name}\n", for_api_gateway=False, role_arn=role_arn, timeout_s=visibility_timeout_s
        )
        self.lambda_.update_function_configuration(
            FunctionName=function, Environment={"Variables": {"SEEN": self.seen}}
        )
        self.lambda_.get_waiter("function_updated_v2").wait(
            FunctionName=function, WaiterConfig={"Delay": 0.05}
        )
        self.uuid = self.lambda_.create_event_source_mapping(
            EventSourceArn=self.arn(self.url), FunctionName=function, **settings
        )["UUID"]
        self.await_state("Enabled")
        self.records = []

    def arn(self, url):
        attributes = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return attributes["Attributes"]["QueueArn"]

    def await_state(self, state):
        def has_state():
            return self.lambda_.get_event_source_mapping(UUID=self.uuid)["State"] == state

        Wait(f"the mapping to be {state}", DEADLINE_S, interval_s=0.1).until(has_state)

    def send(self, *bodies):
        for begin in range(0, len(bodies), 10):
            entries = [
                {"Id": str(number), "MessageBody": body}
                for number, body in enumerate(bodies[begin : begin + 10])
            ]
            self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)

    def receive(self, url):
        messages = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in messages]

    def look(self):
        self.records += map(json.loads, self.receive(self.seen))
        return {record["body"] for record in self.records}

    def await_seen(self, *bodies):
        Wait("the messages to be seen", DEADLINE_S, interval_s=0.2).until(lambda: set(bodies) <= self.look())


@pytest.fixture
def make_mapping(functions):
    mappings = []

    def make_mapping(**settings):
        mappings.append(Mapping(functions, **settings))
        return mappings[-1]

    yield make_mapping
    for mapping in mappings:
        try:
            mapping.lambda_.delete_event_source_mapping(UUID=mapping.uuid)
        except ClientError:
            continue  # The test did it.


def refusal(functions, source_arn, role_arn, timeout_s=3, **settings):
    code = f"def handler(event, context): pass\n# {secrets.token_hex(4)}\n"
    function = functions.arn(code, for_api_gateway=False, role_arn=role_arn, timeout_s=timeout_s)
    began = time.monotonic()
    with pytest.raises(ClientError) as error:
        functions.client.create_event_source_mapping(
            EventSourceArn=source_arn, FunctionName=function, **settings
        )
    assert time.monotonic() - began < DEADLINE_S
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def test_what_is_refused_at_once(functions):
    name = f"refused-{secrets.token_hex(4)}"
    sqs = functions.target.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    invalid = "InvalidParameterValueException"
    for number, missing in enumerate(READ):
        role = functions.role(f"{name}-{number}", *(action for action in READ if action != missing))
        assert refusal(functions, arn, role) == (
            invalid,
            "The provided execution role does not have permissions to call "
            f"{missing.removeprefix('sqs:')} on SQS",
        )
    reader = functions.role(f"{name}-reader", *READ, "dynamodb:*")
    code, message = refusal(functions, f"{arn}-missing", reader)
    assert (code, "AWS.SimpleQueueService.NonExistentQueue" in message) == (invalid, True)
    assert refusal(functions, arn, reader, timeout_s=31) == (
        invalid,
        "Queue visibility timeout: 30 seconds is less than Function timeout: 31 seconds",
    )
    code, message = refusal(functions, arn, reader, ScalingConfig={"MaximumConcurrency": 1001})
    assert (code, "scalingConfig.maximumConcurrency" in message) == ("ValidationException", True)
    code, _ = refusal(functions, arn, reader, BatchSize=11)
    assert code == invalid
    stream = arn.replace(":sqs:", ":dynamodb:").replace(name, "table/none/stream/2026-01-01T00:00:00.000")
    code, message = refusal(functions, stream, reader, StartingPosition="LATEST")
    assert (code, message) == (invalid, f"Stream not found: {stream}")
    nobody = functions.role(f"{name}-nobody")
    code, message = refusal(functions, stream, nobody, StartingPosition="LATEST")
    assert (code, message.startswith(f"Cannot access stream {stream}. ")) == (invalid, True)


def test_bodies_arrive_as_they_were_sent(make_mapping):
    mapping = make_mapping()
    bodies = ['{"a":1,  "b":2}', '"quoted"', "5", "plain", "{broken", "[1,2]"]
    mapping.send(*bodies)
    mapping.await_seen(*bodies)
    record = mapping.records[0]["record"]
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == mapping.arn(mapping.url)
    assert {"messageId", "receiptHandle", "attributes", "messageAttributes", "md5OfBody"} <= record.keys()


def test_batches_and_filters(make_mapping):
    pattern = json.dumps({"body": {"shop": ["AMIS1"]}})
    mapping = make_mapping(
        BatchSize=20, MaximumBatchingWindowInSeconds=1, FilterCriteria={"Filters": [{"Pattern": pattern}]}
    )
    kept = [json.dumps({"shop": "AMIS1", "number": number}) for number in range(12)]
    mapping.send(*kept, '{"shop": "LINZ7"}', "plain")
    mapping.await_seen(*kept)
    assert max(record["batch"] for record in mapping.records) > 1
    assert mapping.look() == set(kept)
    assert mapping.receive(mapping.dead) == []


def test_failures_alone_come_again_and_end_as_dead_letters(make_mapping):
    mapping = make_mapping(visibility_timeout_s=2, FunctionResponseTypes=["ReportBatchItemFailures"])
    mapping.send("good 1", "fail 1", "good 2")
    mapping.await_seen("good 1", "good 2")
    mapping.send("raise 1")
    dead = set()

    def are_dead():
        dead.update(mapping.receive(mapping.dead))
        return {"fail 1", "raise 1"} <= dead

    Wait("the dead letters", DEADLINE_S, interval_s=0.2).until(are_dead)
    bodies = [record["body"] for record in mapping.records]
    assert sorted(bodies) == ["good 1", "good 2"], "what succeeded doesn't come again"


def test_nothing_is_lost_when_a_mapping_is_disabled_and_deleted_under_load(make_mapping):
    mapping = make_mapping(BatchSize=5)
    bodies = [f"slow {number}" for number in range(30)]
    mapping.send(*bodies)
    Wait("the first to be seen", DEADLINE_S, interval_s=0.1).until(mapping.look)
    mapping.lambda_.update_event_source_mapping(UUID=mapping.uuid, Enabled=False)
    mapping.await_state("Disabled")
    mapping.send("while disabled")
    mapping.lambda_.update_event_source_mapping(UUID=mapping.uuid, Enabled=True)
    mapping.await_seen(*bodies[:10])
    mapping.lambda_.delete_event_source_mapping(UUID=mapping.uuid)
    left = set()

    def are_all_there():
        left.update(mapping.receive(mapping.url))
        left.update(mapping.receive(mapping.dead))
        return {*bodies, "while disabled"} <= mapping.look() | left

    Wait("all messages to be seen or left", DEADLINE_S, interval_s=0.2).until(are_all_there)
