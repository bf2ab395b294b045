"""A table with a stream, a mapping, a function: filters, poison, expiry, updates of the mapping."""

import io
import json
import secrets
import time
import zipfile

import pytest
from stack_processes import OWN_STACK, TRUST

from serverless_harness.stack.embedded import EmbeddedStack, free_port
from serverless_harness.waiting import Wait

pytestmark = list(OWN_STACK)

TIMEOUT_S = 300
RECEIVER = """
import json

def handler(event, context):
    print("GOT " + json.dumps(event))
    for record in event["Records"]:
        if record["dynamodb"].get("NewImage", {}).get("poison"):
            raise ValueError("poison")
"""


def policy(arn, queue_arn):
    stream_actions = ["GetRecords", "GetShardIterator", "DescribeStream", "ListStreams"]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": [f"dynamodb:{name}" for name in stream_actions], "Resource": arn},
            {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue_arn},
            {"Effect": "Allow", "Action": "logs:*", "Resource": "*"},
        ],
    }


@pytest.fixture(scope="module")
def stack():
    settings = {"LAMBDA_ASYNC_DELAY_SCALE": "0.02", "DYNAMODB_EXPIRY_INTERVAL_S": "1"}
    stack = EmbeddedStack(free_port(), settings)
    stack.start()
    try:
        yield stack
    finally:
        stack.stop()


class Streamed:
    """A table with a stream, a function, and a queue for what it fails at."""

    def __init__(self, stack):
        self.name = f"streamed-{secrets.token_hex(4)}"
        client = stack.target.client
        self.dynamodb, self.functions, self.sqs = client("dynamodb"), client("lambda"), client("sqs")
        self.logs = client("logs")
        created = self.dynamodb.create_table(
            TableName=self.name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        self.stream_arn = created["TableDescription"]["LatestStreamArn"]
        self.queue_url = self.sqs.create_queue(QueueName=self.name)["QueueUrl"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["QueueArn"])
        self.queue_arn = attributes["Attributes"]["QueueArn"]
        self._create_function(client("iam"))

    def _create_function(self, iam):
        role = iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
        iam.put_role_policy(
            RoleName=self.name,
            PolicyName="stream",
            PolicyDocument=json.dumps(policy(self.stream_arn, self.queue_arn)),
        )
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("main.py", RECEIVER)
        self.functions.create_function(
            FunctionName=self.name,
            Runtime="python3.13",
            Role=role["Arn"],
            Handler="main.handler",
            Code={"ZipFile": code.getvalue()},
        )
        self.functions.get_waiter("function_active_v2").wait(
            FunctionName=self.name, WaiterConfig={"Delay": 1}
        )

    def map(self, **options):
        mapping = self.functions.create_event_source_mapping(
            FunctionName=self.name,
            EventSourceArn=self.stream_arn,
            **{"StartingPosition": "TRIM_HORIZON", **options},
        )
        return mapping["UUID"]

    def put(self, name, **attributes):
        self.dynamodb.put_item(TableName=self.name, Item={"pk": {"S": name}, **attributes})

    def events(self):
        """The events that the function got."""
        groups = self.logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{self.name}")["logGroups"]
        if not groups:
            return []
        pages = self.logs.get_paginator("filter_log_events").paginate(
            logGroupName=groups[0]["logGroupName"], filterPattern="GOT"
        )
        return [json.loads(each["message"][4:]) for page in pages for each in page["events"]]

    def batches(self):
        """The keys that the function got, event by event."""
        return [
            [record["dynamodb"]["Keys"]["pk"]["S"] for record in event["Records"]] for event in self.events()
        ]

    def names(self):
        return [name for batch in self.batches() for name in batch]

    def letters(self):
        answer = self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


@pytest.fixture
def streamed(stack):
    return Streamed(stack)


def test_a_function_gets_what_passes_the_filters_in_order(streamed):
    pattern = {"dynamodb": {"NewImage": {"kind": {"S": ["sale"]}}}}
    streamed.map(FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]}, BatchSize=3)
    for number in range(8):
        streamed.put(f"{number}", kind={"S": "sale" if number % 2 else "return"})
    Wait("the sales", TIMEOUT_S, describe=lambda: str(streamed.names())).until(
        lambda: streamed.names() == ["1", "3", "5", "7"]
    )
    (record, *_) = [record for event in streamed.events() for record in event["Records"]]
    assert record["eventName"] == "INSERT"
    assert record["eventSource"] == "aws:dynamodb"
    assert record["eventSourceARN"] == streamed.stream_arn
    assert record["dynamodb"]["NewImage"] == {"pk": {"S": "1"}, "kind": {"S": "sale"}}
    assert all(len(event["Records"]) <= 3 for event in streamed.events())


def test_poison_is_cut_out_and_sent_to_the_destination(streamed):
    for number in range(6):
        streamed.put(str(number), **({"poison": {"BOOL": True}} if number == 3 else {}))
    streamed.map(
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": streamed.queue_arn}},
    )
    letters = []
    Wait("the letter", TIMEOUT_S, describe=lambda: str(streamed.names())).until(
        lambda: letters.extend(streamed.letters()) or letters
    )
    (letter,) = letters
    assert letter["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert letter["responseContext"]["functionError"] == "Unhandled"
    batch = letter["DDBStreamBatchInfo"]
    assert batch["batchSize"] == 1
    assert batch["startSequenceNumber"] == batch["endSequenceNumber"]
    assert batch["streamArn"] == streamed.stream_arn
    Wait("the others", TIMEOUT_S, describe=lambda: str(streamed.batches())).until(
        lambda: (
            {name for batch in streamed.batches() if "3" not in batch for name in batch}
            == set("012345") - {"3"}
        )
    )
    assert streamed.batches().count(["3"]) == 2, "an attempt and a retry"


def test_an_expired_item_comes_with_the_identity_of_the_service(streamed):
    streamed.dynamodb.update_time_to_live(
        TableName=streamed.name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
    )
    pattern = {"userIdentity": {"type": ["Service"], "principalId": ["dynamodb.amazonaws.com"]}}
    streamed.map(FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]})
    streamed.put("kept", expires={"N": str(int(time.time()) + 3600)})
    streamed.put("gone", expires={"N": str(int(time.time()) - 60)})
    Wait("the expired item", TIMEOUT_S, describe=lambda: str(streamed.events())).until(
        lambda: streamed.names() == ["gone"]
    )
    ((record,),) = [event["Records"] for event in streamed.events()]
    assert record["eventName"] == "REMOVE"
    assert record["userIdentity"] == {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


def test_an_updated_mapping_goes_on_where_it_was(streamed):
    mapping = streamed.map()
    streamed.put("first")
    Wait("the first", TIMEOUT_S).until(lambda: streamed.names() == ["first"])
    time.sleep(1)  # the checkpoint follows the invoke
    streamed.functions.update_event_source_mapping(UUID=mapping, BatchSize=7)
    streamed.put("second")
    Wait("the second", TIMEOUT_S).until(lambda: "second" in streamed.names())
    assert streamed.names() == ["first", "second"]


def test_a_window_hands_its_state_on(streamed):
    streamed.map(TumblingWindowInSeconds=5)
    streamed.put("a")
    Wait("the window's end", TIMEOUT_S, describe=lambda: str(streamed.events())).until(
        lambda: any(event["isFinalInvokeForWindow"] for event in streamed.events())
    )
    first, *_, last = streamed.events()
    assert first["window"] == last["window"]
    assert not first["isFinalInvokeForWindow"]
    assert last["Records"] == []
    assert first["eventSourceARN"] == streamed.stream_arn
