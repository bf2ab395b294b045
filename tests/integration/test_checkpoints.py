"""An emulator that is killed loses nothing that its last checkpoint holds; `up` goes on from there."""

import io
import json
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from kept_shop import TIMEOUT_S, kept_shop
from stack_processes import OWN_STACK, TRUST, await_ends, processes_of

from serverless_harness.stack import checkpoints
from serverless_harness.stack.control import control
from serverless_harness.stack.states import SavedState
from serverless_harness.testing.eventually import eventually
from shop.audit import Books, SentOrder, audit
from shop.orders import load_orders

ORDERS = 90
CLIENTS = 6
SETTLE_TIMEOUT_S = 40
"""The audit waits as long for orders that are lost."""
GATE = "/checkpoints/slow"
"""The parameter that keeps the slow function from ending while it is there."""
HANDLER = f"""
import time

import boto3


def handler(event, context):
    print("begun")
    ssm = boto3.client("ssm")
    while ssm.get_parameters(Names=["{GATE}"])["Parameters"]:
        time.sleep(0.2)
    return "done"
"""

pytestmark = [*OWN_STACK]


@pytest.fixture(scope="module")
def kept():
    with kept_shop() as kept:
        yield kept


def kill(kept):
    """End the emulator as the system does that is out of memory."""
    processes = processes_of(kept.stack)
    processes[1].kill()
    await_ends(processes)


def make_checkpoint(kept):
    """Make one; on a busy machine, requests may be under way for longer than a pause lasts, so try again."""
    reports = []

    def is_made():
        reports.append(control(kept.deployment.target, "POST", checkpoints.PATH))
        assert reports[-1]["error"] == "" or "under way" in reports[-1]["error"]
        return reports[-1]["error"] == ""

    eventually(is_made, timeout_s=TIMEOUT_S, what="a checkpoint")
    return reports[-1]


@dataclass(frozen=True)
class Answered:
    """What became of an order, and when."""

    sent: SentOrder
    at: float


def test_orders_answered_before_the_last_checkpoint_are_booked(kept):
    register, shop_id = kept.register, kept.shop_id
    before = Books.read(kept.deployment, [shop_id])
    order = load_orders()[0]
    encrypted = [register.encrypt(order)[0] for _ in range(ORDERS)]
    answered = []

    def send(body):
        answered.append(Answered(SentOrder(shop_id, order, register.send(body, retry_for_s=1)), time.time()))

    with ThreadPoolExecutor(CLIENTS) as clients:
        sent = [clients.submit(send, body) for body in encrypted]
        eventually(lambda: len(answered) >= ORDERS // 3, timeout_s=TIMEOUT_S, what="a third of the answers")
        saved_at = make_checkpoint(kept)["saved_at"]
        eventually(lambda: len(answered) >= ORDERS // 2, timeout_s=TIMEOUT_S, what="half of the answers")
        kill(kept)
        for each in sent:
            each.result(TIMEOUT_S)

    assert "Load" in (said := kept.on_stack("up"))
    assert "the last checkpoint before the crash, made " in said
    about = SavedState.kept(kept.stack).about()
    assert about.saved_at >= saved_at
    certain = [each.sent.answer for each in answered if each.at < about.saved_at]
    accepted = [answer for answer in certain if answer.accepted]
    assert len(accepted) >= ORDERS // 3
    assert kept.register.await_bookings(accepted, lambda _: None, TIMEOUT_S) == {
        answer.order_id for answer in accepted
    }
    found = audit(kept.deployment, [each.sent for each in answered], before, SETTLE_TIMEOUT_S)
    assert not found.lost & {answer.order_id for answer in accepted}
    assert found.wrong_books == ()


def test_what_changed_is_saved_without_being_asked_for(kept):
    url = kept.deployment.client("sqs").create_queue(QueueName="checkpoints")["QueueUrl"]
    kept.deployment.client("sqs").send_message(QueueUrl=url, MessageBody="kept")
    sent_at = time.time()
    eventually(
        lambda: control(kept.deployment.target, "GET", checkpoints.PATH)["saved_at"] > sent_at,
        timeout_s=TIMEOUT_S,
        what="a checkpoint with the message in it",
    )
    kill(kept)
    kept.on_stack("up")
    received = kept.deployment.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=20)
    assert [message["Body"] for message in received["Messages"]] == ["kept"]


def test_a_checkpoint_does_not_await_functions_and_their_events_run_again(kept):
    queue_arn = make_slow_function(kept)
    invoker = kept.deployment.client("lambda")
    kept.deployment.client("ssm").put_parameter(Name=GATE, Value="closed", Type="String")
    with ThreadPoolExecutor(1) as clients:
        answer = clients.submit(invoker.invoke, FunctionName="slow")
        invoker.invoke(FunctionName="slow", InvocationType="Event")
        eventually(lambda: begun(kept) == 2, timeout_s=TIMEOUT_S, what="both invokes to have begun")
        make_checkpoint(kept)
        assert not answer.done()
        kill(kept)
        assert answer.exception(TIMEOUT_S)
    kept.on_stack("up")
    kept.deployment.client("ssm").delete_parameter(Name=GATE)
    sqs = kept.deployment.client("sqs")
    url = sqs.get_queue_url(QueueName=queue_arn.rpartition(":")[2])["QueueUrl"]
    eventually(
        lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5).get("Messages"),
        timeout_s=TIMEOUT_S,
        what="the record of the event's success",
    )


def begun(kept):
    logs = kept.deployment.client("logs")
    try:
        return len(logs.filter_log_events(logGroupName="/aws/lambda/slow", filterPattern="begun")["events"])
    except logs.exceptions.ResourceNotFoundException:
        return 0


def make_slow_function(kept):
    """Make a function whose asynchronous successes go to a queue; gives the queue's ARN."""
    sqs, iam, functions = (kept.deployment.client(name) for name in ("sqs", "iam", "lambda"))
    url = sqs.create_queue(QueueName="slow-done")["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    role = iam.create_role(RoleName="slow", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    iam.put_role_policy(RoleName="slow", PolicyName="all", PolicyDocument=json.dumps(policy))
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("main.py", HANDLER)
    functions.create_function(
        FunctionName="slow",
        Runtime="python3.13",
        Role=role["Arn"],
        Handler="main.handler",
        Timeout=900,
        Code={"ZipFile": code.getvalue()},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="slow", WaiterConfig={"Delay": 1})
    functions.put_function_event_invoke_config(
        FunctionName="slow", DestinationConfig={"OnSuccess": {"Destination": queue_arn}}
    )
    return queue_arn


def test_one_that_is_damaged_is_one_line_and_stays_until_the_user_decides(kept):
    make_checkpoint(kept)
    kill(kept)
    file = kept.stack.state_dir / checkpoints.FILE
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    for _ in range(2):
        error = kept.on_stack("up", exit_code=2)
        assert "its last checkpoint can't be used: it is damaged" in error
        assert error.count("\n") == 1
    assert file.read_bytes() == whole[: len(whole) // 2]
    file.write_bytes(whole)
    kept.on_stack("up")
    kept.book_one()
