"""`down` keeps a stack's state, `up` goes on with it; `reset`; states with names: on a stack of its own."""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from kept_shop import TIMEOUT_S, kept_shop
from stack_processes import OWN_STACK

from serverless_harness.errors import UserError
from serverless_harness.project import locate
from serverless_harness.project.locate import current
from serverless_harness.resilience.faults import Faults
from serverless_harness.stack.clock import StackClock
from serverless_harness.stack.embedded import EmbeddedStack, free_port
from serverless_harness.stack.resetting import PATH as RESET_PATH
from serverless_harness.stack.resetting import forget, reset
from serverless_harness.testing.eventually import eventually
from serverless_harness.testing.under_test import ENDPOINT_VARIABLE, STATE_VARIABLE
from shop import cash_register as register_module
from shop.orders import load_orders

ORDERS = 60
CLIENTS = 6
WAIT = {"Type": "Wait", "Seconds": 15, "End": True}

pytestmark = [*OWN_STACK]


@pytest.fixture(scope="module")
def kept():
    with kept_shop() as kept:
        yield kept


def test_down_in_the_middle_of_a_burst_loses_no_order_that_was_accepted(kept, monkeypatch):
    monkeypatch.setattr(register_module, "RETRY_FOR_S", 1)
    register, before = kept.register, kept.booked()
    orders = [register.encrypt(load_orders()[0])[0] for _ in range(ORDERS)]
    some_accepted, answers = threading.Event(), []

    def send(order):
        answer = register.send(order)
        answers.append(answer)
        if sum(each.accepted for each in answers) >= ORDERS // 3:
            some_accepted.set()

    with ThreadPoolExecutor(CLIENTS) as clients:
        sent = clients.map(send, orders)
        assert some_accepted.wait(TIMEOUT_S)
        assert "Save" in kept.on_stack("down")
        list(sent)
    accepted = [answer for answer in answers if answer.accepted]
    assert len(accepted) >= ORDERS // 3

    assert "Load" in kept.on_stack("up")
    assert kept.register.await_bookings(accepted, lambda _: None, TIMEOUT_S) == {
        each.order_id for each in accepted
    }
    # The others were refused, or the register can't know: those may have been booked, too; and 'up' tries the
    # shop out with its first order, which is booked again if the shop had been reset.
    assert before + len(accepted) <= kept.booked() <= before + ORDERS + 1


def test_what_could_not_be_delivered_yet_is_delivered_after_the_next_up(kept):
    register, faults = kept.register, Faults.of(kept.deployment.target)
    faults.add(
        "server-error", service="lambda", operation="Invoke", caller="sns.amazonaws.com", expires_in_s=600
    )
    answer = register.send(register.encrypt(load_orders()[0])[0])
    assert answer.accepted
    kept.on_stack("down")
    kept.on_stack("up")
    assert kept.register.await_bookings([answer], lambda _: None, TIMEOUT_S) == {answer.order_id}


def test_queues_objects_parameters_and_logs_are_there_after_the_next_up(kept):
    def clients():
        return {name: kept.deployment.client(name) for name in ("sqs", "s3", "ssm", "secretsmanager", "logs")}

    made = clients()
    url = made["sqs"].create_queue(QueueName="kept")["QueueUrl"]
    made["sqs"].send_message(QueueUrl=url, MessageBody="visible")
    made["sqs"].send_message(QueueUrl=url, MessageBody="delayed", DelaySeconds=2)
    made["s3"].create_bucket(Bucket="kept")
    made["s3"].put_object(Bucket="kept", Key="a/b", Body=b"content")
    made["ssm"].put_parameter(Name="/kept", Value="value", Type="String")
    made["secretsmanager"].create_secret(Name="kept", SecretString="secret")
    made["logs"].create_log_group(logGroupName="/kept")

    kept.on_stack("down")
    kept.on_stack("up")

    there = clients()
    bodies = set()
    while len(bodies) < 2:
        answer = there["sqs"].receive_message(QueueUrl=url, WaitTimeSeconds=20)
        received = {message["Body"] for message in answer["Messages"]}
        assert not received & bodies
        bodies |= received
    assert bodies == {"visible", "delayed"}
    assert there["s3"].get_object(Bucket="kept", Key="a/b")["Body"].read() == b"content"
    assert there["ssm"].get_parameter(Name="/kept")["Parameter"]["Value"] == "value"
    assert there["secretsmanager"].get_secret_value(SecretId="kept")["SecretString"] == "secret"
    assert there["logs"].describe_log_groups(logGroupNamePrefix="/kept")["logGroups"]


def test_rules_schedules_and_executions_go_on_after_the_next_up(kept):
    account, region = "000000000000", kept.deployment.target.region
    sqs, events, workflows = (kept.deployment.client(name) for name in ("sqs", "events", "stepfunctions"))
    url = sqs.create_queue(QueueName="kept-events")["QueueUrl"]
    queue_arn = f"arn:aws:sqs:{region}:{account}:kept-events"
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": queue_arn}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    events.put_rule(Name="kept-pattern", EventPattern=json.dumps({"source": ["kept"]}))
    events.put_rule(Name="kept-schedule", ScheduleExpression="rate(1 minute)")
    events.put_targets(Rule="kept-pattern", Targets=[{"Id": "queue", "Arn": queue_arn}])
    scheduled = {"Id": "queue", "Arn": queue_arn, "Input": '"scheduled"'}
    events.put_targets(Rule="kept-schedule", Targets=[scheduled])
    machine = workflows.create_state_machine(
        name="kept",
        roleArn=f"arn:aws:iam::{account}:role/kept",
        definition=json.dumps({"StartAt": "W", "States": {"W": WAIT}}),
    )
    execution = workflows.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
    Faults.of(kept.deployment.target).add(
        "server-error",
        service="sqs",
        operation="SendMessage",
        caller="events.amazonaws.com",
        expires_in_s=600,
    )
    events.put_events(Entries=[{"Source": "kept", "DetailType": "x", "Detail": json.dumps({"n": 0})}])

    kept.on_stack("down")
    kept.on_stack("up")

    sqs, events, workflows = (kept.deployment.client(name) for name in ("sqs", "events", "stepfunctions"))
    events.put_events(Entries=[{"Source": "kept", "DetailType": "x", "Detail": json.dumps({"n": 1})}])
    bodies = []

    def arrived():
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5).get("Messages", ()):
            bodies.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        by_pattern = [body["detail"]["n"] for body in bodies if body != "scheduled"]
        return set(by_pattern) == {0, 1} and "scheduled" in bodies

    eventually(arrived, timeout_s=TIMEOUT_S, what="both events and one of the schedule")
    eventually(
        lambda: workflows.describe_execution(executionArn=execution)["status"] == "SUCCEEDED",
        timeout_s=TIMEOUT_S,
        what="the execution to start over and succeed",
    )


def test_a_named_state_is_what_it_was_when_it_was_saved(kept, tmp_path):
    kept.book_one()
    at_saving = kept.booked()
    kept.on_stack("state", "save", "test-kept")
    try:
        kept.book_one()
        assert kept.booked() == at_saving + 1
        assert "test-kept" in kept.run("state", "list")
        shown = kept.run("state", "show", "test-kept")
        assert "shop-accept" in shown
        assert "this version" in shown

        exported = tmp_path / "state.tar.gz"
        kept.run("state", "export", "test-kept", str(exported))
        kept.run("state", "import", "test-kept-2", str(exported))
        kept.run("state", "delete", "test-kept-2")

        kept.on_stack("state", "load", "test-kept")
        assert kept.booked() == at_saving
        kept.book_one()
        assert kept.booked() == at_saving + 1
    finally:
        kept.run("state", "delete", "test-kept")


def test_reset_leaves_the_seeded_shop_without_bookings_and_faults(kept):
    kept.book_one()
    Faults.of(kept.deployment.target).add("delay", service="kms", delay_ms=1, expires_in_s=600)
    kept.on_stack("reset")
    assert kept.booked() == 0
    assert Faults.of(kept.deployment.target).current() == []
    kept.book_one()
    assert kept.booked() == 1


def test_the_emulator_resets_itself_for_whoever_has_its_token(kept):
    target, clock = kept.deployment.target, StackClock.of(kept.deployment.target)
    for _ in range(2):
        kept.book_one()
        kept.deployment.client("sqs").create_queue(QueueName="left-behind")
        Faults.of(target).add("delay", service="kms", delay_ms=1, expires_in_s=600)
        clock.advance("1h")
        reset(target)
        assert kept.booked() == 0
        assert not kept.deployment.client("sqs").list_queues(QueueNamePrefix="left-behind").get("QueueUrls")
        assert Faults.of(target).current() == []
        assert not clock.ahead()
    answer = httpx.post(f"{kept.stack.endpoint_url}{RESET_PATH}", trust_env=False)
    assert answer.status_code == 403


def test_it_resets_to_the_fresh_deployment_after_the_next_up_too(kept):
    kept.book_one()
    kept.on_stack("down")
    kept.on_stack("up")
    assert kept.booked() >= 1
    reset(kept.deployment.target)
    assert kept.booked() == 0
    kept.book_one()


TESTS = """
import pytest

pytestmark = pytest.mark.reset_stack

def leave(stack):
    assert "QueueUrls" not in stack.client("sqs").list_queues(QueueNamePrefix="left")
    stack.client("sqs").create_queue(QueueName="left")

def test_one(stack): leave(stack)
def test_two(stack): leave(stack)
def test_three(stack, reset):
    leave(stack)
    reset()
    leave(stack)

@pytest.mark.reset_stack("session")
def test_four(stack): stack.client("sqs").create_queue(QueueName="left")
"""


def test_tests_begin_on_the_fresh_deployment(kept, tmp_path):
    (tmp_path / "test_mine.py").write_text(TESTS)
    stack = kept.stack
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "serverless_harness.pytest_plugin"],
        cwd=tmp_path,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
            "PYTHONPATH": str(current().folder),
            locate.VARIABLE: str(current().folder),
            STATE_VARIABLE: str(stack.state_dir),
            ENDPOINT_VARIABLE: stack.endpoint_url,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    assert "4 passed" in done.stdout, done.stdout + done.stderr


def test_after_another_deployment_there_is_nothing_to_reset_to(kept):
    forget(kept.deployment.target)
    with pytest.raises(UserError, match="no fresh deployment to go back to"):
        reset(kept.deployment.target)
    kept.on_stack("deploy")
    reset(kept.deployment.target)


def test_a_state_of_another_port_is_refused_in_one_line(kept):
    kept.on_stack("state", "save", "test-port")
    try:
        about = kept.stack.project.state / "states" / "test-port" / "about.json"
        assert json.loads(about.read_text())["port"] == kept.stack.port
        other = EmbeddedStack(free_port())
        error = kept.run("state", "load", "test-port", "--port", str(other.port), exit_code=2)
        assert error.count("\n") == 1
    finally:
        kept.run("state", "delete", "test-port")
