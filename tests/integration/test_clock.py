"""The emulator's clock is set forward: what AWS does after a while happens now; nothing waits for it here."""

import io
import json
import secrets
import subprocess
import time
import zipfile
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from stack_processes import OWN_STACK, TRUST

from serverless_harness.errors import UserError
from serverless_harness.project.locate import current
from serverless_harness.stack import control
from serverless_harness.stack.clock import PATH, StackClock
from serverless_harness.stack.embedded import EmbeddedStack, free_port
from serverless_harness.stack.state_transfer import STATE_PATH
from serverless_harness.testing.eventually import eventually

pytestmark = list(OWN_STACK)

ACCOUNT_ID = "000000000000"
HOUR_S = 3600
TIMEOUT_S = 120
FAILING = """
import json, time

def handler(event, context):
    print("TRIED " + json.dumps([event["id"], time.time()]))
    raise ValueError("poison")
"""


@pytest.fixture(scope="module")
def stack():
    """A stack with AWS's own delays."""
    stack = EmbeddedStack(free_port(), {"LAMBDA_KEEPALIVE_MS": "600000"})
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


@pytest.fixture(scope="module")
def clock(stack):
    return StackClock.of(stack.target)


@pytest.fixture
def name():
    return f"clock-{secrets.token_hex(4)}"


@pytest.fixture
def queue(stack, name):
    """A queue to which everybody may send; gives its URL, its ARN and what receives one message."""
    sqs = stack.target.client("sqs")
    arn = f"arn:aws:sqs:{stack.target.region}:{ACCOUNT_ID}:{name}"
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    url = sqs.create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"]

    def receive(**options):
        messages = sqs.receive_message(QueueUrl=url, **options).get("Messages", ())
        return messages[0] if messages else None

    return url, arn, receive


def make_function(stack, name, queue_arn):
    """Make a function that fails, and may write logs and send to a queue."""
    iam, functions = stack.target.client("iam"), stack.target.client("lambda")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    allowed = [
        {"Effect": "Allow", "Action": "logs:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue_arn},
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy)
    stack.target.client("logs").create_log_group(logGroupName=f"/aws/lambda/{name}")
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("main.py", FAILING)
    functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role,
        Handler="main.handler",
        Code={"ZipFile": code.getvalue()},
        DeadLetterConfig={"TargetArn": queue_arn},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1})
    return functions


def test_it_is_shown_and_set_forward(stack, clock):
    def run(*arguments, exit_code=0):
        command = [current().folder / "scripts" / "clock", *arguments, "--port", str(stack.port)]
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
        assert result.returncode == exit_code, result.stdout + result.stderr
        return result.stdout + result.stderr

    before, ahead = datetime.now(UTC), clock.ahead()
    after = clock.advance("1h30m")
    assert after >= before + ahead + timedelta(hours=1.5)
    assert clock.ahead() == ahead + timedelta(hours=1.5)
    assert " ahead" in run("advance", "5m")
    assert clock.ahead() == ahead + timedelta(hours=1, minutes=35)
    assert " ahead" in run()
    [line] = run("advance", "yesterday", exit_code=2).splitlines()
    assert "yesterday" in line
    with pytest.raises(UserError, match="-5"):
        clock.advance(-5)
    assert clock.ahead() == ahead + timedelta(hours=1, minutes=35)


def test_it_needs_the_token(stack):
    for method in ("GET", "POST"):
        answer = httpx.request(method, f"{stack.endpoint_url}{PATH}", json={"advance": "1m"}, trust_env=False)
        assert answer.status_code == 403


def test_a_failed_event_is_tried_again_and_becomes_a_dead_letter(stack, clock, name, queue):
    _, queue_arn, receive = queue
    functions, logs = make_function(stack, name, queue_arn), stack.target.client("logs")

    def tried():
        events = logs.filter_log_events(
            logGroupName=f"/aws/lambda/{name}", filterPattern="TRIED", startTime=0
        )["events"]
        return [json.loads(event["message"].split("TRIED ")[1]) for event in events]

    began = time.time()
    functions.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps({"id": name}))
    eventually(lambda: len(tried()) == 1, timeout_s=TIMEOUT_S, what="the first attempt")
    eventually(lambda: advanced_until(clock, "1m", lambda: len(tried()) >= 2), timeout_s=TIMEOUT_S)
    eventually(lambda: advanced_until(clock, "2m", lambda: len(tried()) >= 3), timeout_s=TIMEOUT_S)
    letter = eventually(lambda: receive(WaitTimeSeconds=1), timeout_s=TIMEOUT_S, what="the dead letter")
    assert json.loads(letter["Body"]) == {"id": name}
    assert [event_id for event_id, _ in tried()] == [name] * 3
    times = [at for _, at in tried()]
    assert began <= times[0] <= times[-1] <= time.time(), "the function's own clock is true"


def advanced_until(clock, by, happened):
    """Set the clock forward unless it has happened: what was to be delayed may not have been yet."""
    if happened():
        return True
    clock.advance(by)
    return happened()


def test_an_idle_environment_ends_after_its_keep_alive(stack, clock, name, queue):
    functions, logs = make_function(stack, name, queue[1]), stack.target.client("logs")

    def streams():
        return logs.describe_log_streams(logGroupName=f"/aws/lambda/{name}")["logStreams"]

    def invoke():
        functions.invoke(FunctionName=name, Payload=json.dumps({"id": name}))

    invoke()
    invoke()
    eventually(lambda: len(streams()) == 1, timeout_s=TIMEOUT_S, what="the environment's log stream")
    clock.advance("11m")
    invoke()
    eventually(lambda: len(streams()) == 2, timeout_s=TIMEOUT_S, what="another environment")


def test_messages_are_delayed_hidden_and_kept_by_it(stack, clock, queue):
    sqs, (url, _, receive) = stack.target.client("sqs"), queue
    sqs.send_message(QueueUrl=url, MessageBody="late", DelaySeconds=900)
    assert receive() is None
    clock.advance("15m")
    message = eventually(
        lambda: receive(VisibilityTimeout=HOUR_S, AttributeNames=["All"]), timeout_s=TIMEOUT_S
    )
    attributes = message["Attributes"]
    waited_ms = int(attributes["ApproximateFirstReceiveTimestamp"]) - int(attributes["SentTimestamp"])
    assert waited_ms >= 900_000
    assert receive() is None
    clock.advance("1h")
    assert eventually(lambda: receive(VisibilityTimeout=0), timeout_s=TIMEOUT_S)["Body"] == "late"

    sqs.set_queue_attributes(QueueUrl=url, Attributes={"MessageRetentionPeriod": "86400"})
    clock.advance("1d")
    count = "ApproximateNumberOfMessages"
    eventually(
        lambda: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[count])["Attributes"][count] == "0",
        timeout_s=TIMEOUT_S,
        what="the message to be removed",
    )


def test_a_fifo_queue_forgets_what_it_had_after_five_minutes(stack, clock, name):
    sqs = stack.target.client("sqs")
    url = sqs.create_queue(QueueName=f"{name}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]

    def send():
        sent = {"MessageGroupId": "g", "MessageDeduplicationId": "same", "MessageBody": "x"}
        sqs.send_message(QueueUrl=url, **sent)
        received = sqs.receive_message(QueueUrl=url).get("Messages", [])
        for message in received:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(received)

    assert [send(), send()] == [1, 0]
    clock.advance("5m")
    assert send() == 1


def test_items_expire(stack, clock, name):
    dynamodb = stack.target.client("dynamodb")
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )
    dynamodb.update_time_to_live(
        TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"}
    )
    until = int(clock.now().timestamp()) + 30 * 24 * HOUR_S
    dynamodb.put_item(TableName=name, Item={"pk": {"S": "a"}, "until": {"N": str(until)}})
    clock.advance("29d")
    assert "Item" in dynamodb.get_item(TableName=name, Key={"pk": {"S": "a"}})
    clock.advance("1d")
    eventually(
        lambda: "Item" not in dynamodb.get_item(TableName=name, Key={"pk": {"S": "a"}}),
        timeout_s=TIMEOUT_S,
        what="the item to be removed",
    )


def test_a_schedule_runs(stack, clock, name, queue):
    events, (_, queue_arn, receive) = stack.target.client("events"), queue
    events.put_rule(Name=name, ScheduleExpression="rate(1 hour)")
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": queue_arn}])
    now = clock.advance("1h")
    message = eventually(lambda: receive(WaitTimeSeconds=1), timeout_s=TIMEOUT_S)
    events.remove_targets(Rule=name, Ids=["queue"])
    events.delete_rule(Name=name)
    body = json.loads(message["Body"])
    assert body["detail-type"] == "Scheduled Event"
    assert datetime.fromisoformat(body["time"]) >= now.replace(microsecond=0)


@pytest.mark.parametrize(
    ("state", "by", "status"),
    [
        ({"Type": "Wait", "Seconds": 2 * HOUR_S, "End": True}, "2h", "SUCCEEDED"),
        ({"Type": "Wait", "SecondsPath": "$.long", "End": True}, "2h", "SUCCEEDED"),
    ],
)
def test_an_execution_waits_by_it(stack, clock, name, state, by, status):
    workflows, execution = start_execution(stack, name, {"StartAt": "W", "States": {"W": state}})
    await_event(workflows, execution, "WaitStateEntered")
    eventually(
        lambda: advanced_until(clock, by, lambda: status_of(workflows, execution) == status),
        timeout_s=TIMEOUT_S,
    )


def test_an_execution_times_out_by_it(stack, clock, name):
    wait = {"Type": "Wait", "Seconds": 30 * 24 * HOUR_S, "End": True}
    definition = {"StartAt": "W", "States": {"W": wait}, "TimeoutSeconds": HOUR_S}
    workflows, execution = start_execution(stack, name, definition)
    await_event(workflows, execution, "WaitStateEntered")
    clock.advance("1h")
    eventually(lambda: status_of(workflows, execution) == "TIMED_OUT", timeout_s=TIMEOUT_S)


def start_execution(stack, name, definition):
    workflows = stack.target.client("stepfunctions")
    machine = workflows.create_state_machine(
        name=name, roleArn=f"arn:aws:iam::{ACCOUNT_ID}:role/{name}", definition=json.dumps(definition)
    )["stateMachineArn"]
    started = workflows.start_execution(stateMachineArn=machine, input=json.dumps({"long": 2 * HOUR_S}))
    return workflows, started["executionArn"]


def await_event(workflows, execution, kind):
    eventually(
        lambda: (
            kind in {e["type"] for e in workflows.get_execution_history(executionArn=execution)["events"]}
        ),
        timeout_s=TIMEOUT_S,
    )


def status_of(workflows, execution):
    return workflows.describe_execution(executionArn=execution)["status"]


def test_an_alarm_looks_at_the_periods_that_have_passed(stack, clock, name):
    cloudwatch = stack.target.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace=name,
        MetricName="Errors",
        Statistic="Sum",
        Period=300,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )

    def is_in(state):
        [alarm] = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return alarm["StateValue"] == state

    eventually(lambda: is_in("OK"), timeout_s=TIMEOUT_S)
    cloudwatch.put_metric_data(Namespace=name, MetricData=[{"MetricName": "Errors", "Value": 1}])
    clock.advance("5m")
    eventually(lambda: is_in("ALARM"), timeout_s=TIMEOUT_S)
    clock.advance("1h")
    eventually(lambda: is_in("OK"), timeout_s=TIMEOUT_S)
    cloudwatch.delete_alarms(AlarmNames=[name])


def test_a_state_is_loaded_with_its_clock(stack, clock):
    clock.advance("5m")
    ahead, state = clock.ahead(), control.ask(stack.target, "GET", STATE_PATH, timeout_s=TIMEOUT_S)
    clock.advance("1d")
    control.control(stack.target, "PUT", STATE_PATH, content=state.content, timeout_s=TIMEOUT_S)
    assert clock.ahead() == ahead
    clock.advance("1m")
    assert clock.ahead() == ahead + timedelta(minutes=1)
