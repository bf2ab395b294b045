"""What the pages show: of a function, of its logs, of what is denied, and of what isn't known."""

import json
import time
from collections import Counter

import boto3
import pytest
from werkzeug.test import Client

from serverless_harness.console import data_pages
from serverless_harness.console.access import COOKIE
from serverless_harness.console.web import Console

REGION = "us-east-1"
HOSTILE = "<script>alert(1)</script>\x1b]0;owned\x07\u202e"
SHOWN = "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b]0;owned\\x07\\u202e"
GROUP = "/aws/lambda/shop-accept"
REQUEST_ID = "3f1c0a52-9d5e-4a8b-8c11-2f6f6f6f6f6f"
QUOTED_GROUP = "name=%2Faws%2Flambda%2Fshop-accept&region=us-east-1"


def write_log(*messages, stream="2026/01/01/[$LATEST]one"):
    logs = boto3.client("logs", region_name=REGION)
    if not logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]:
        logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
    now_ms = int(time.time() * 1000) - 5000
    events = [{"timestamp": now_ms + index, "message": text} for index, text in enumerate(messages)]
    logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)


def invocation(request_id=REQUEST_ID, text="hello"):
    return (
        f"START RequestId: {request_id} Version: $LATEST\n",
        f"{text}\n",
        f"END RequestId: {request_id}\n",
        f"REPORT RequestId: {request_id}\tDuration: 12.34 ms\tBilled Duration: 13 ms\tMemory Size: 256 MB\t"
        "Max Memory Used: 61 MB\tInit Duration: 98.76 ms\t\n",
    )


def decision(**fields):
    return {
        "principal": "arn:aws:sts::123456789012:assumed-role/runner/shop-accept",
        "role_arn": "arn:aws:iam::123456789012:role/runner",
        "action": "sqs:SendMessage",
        "resource": "arn:aws:sqs:us-east-1:123456789012:jobs",
        "call": "sqs:SendMessage",
        "allowed": True,
        "enforced": True,
        "reason": "allowed",
        "policy_type": None,
        "matched": [],
        "refusal": None,
        "untold": False,
        "count": 3,
        "first_at_s": time.time(),
        "last_at_s": time.time(),
        **fields,
    }


def invoked(duration_ms, init_ms=None, request_id=REQUEST_ID, ago_s=1.0):
    return {
        "function_name": "shop-accept",
        "request_id": request_id,
        "ended_ms": int((time.time() - ago_s) * 1000),
        "duration_ms": duration_ms,
        "waited_for_cpu_ms": 0.0,
        "init_duration_ms": init_ms,
        "init_waited_for_cpu_ms": 0.0,
    }


def test_the_overview_tells_what_functions_did(browser, emulator, function):
    emulator.answers["/_emulator/invocations"] = {
        "invocations": [
            invoked(10.0, 150.0, "one"),
            invoked(20.0, None, "two"),
            invoked(3000.0, None, "three"),
        ]
    }
    emulator.answers["/_emulator/environments"] = {
        "environments": [{"function_name": "shop-accept", "region": REGION}] * 2
    }
    html = browser.read("/")
    row = html[html.index(f">{function}</a>") : html.index("</tr>", html.index(f">{function}</a>"))]
    cells = [cell.partition("</td>")[0] for cell in row.split('<td class="n">')[1:]]
    assert [cells[1], cells[4], cells[5], cells[6], cells[7].strip()] == ["3", "1", "20 ms", "3.00 s", "2"]
    assert "1 h 2 min" in html


def test_only_new_invocations_are_asked_for_and_an_earlier_stacks_are_forgotten(source, emulator):
    from serverless_harness.console.function_activity import LatestInvokes

    latest = LatestInvokes(source)
    emulator.answers["/_emulator/invocations"] = {"invocations": [invoked(1.0, request_id="one", ago_s=60)]}
    now_s = time.time()
    assert len(latest.read({}, "first", now_s)) == 1
    emulator.answers["/_emulator/invocations"] = {"invocations": [invoked(1.0, request_id="two")]}
    assert len(latest.read({}, "first", now_s)) == 2
    since = [int(path.partition("since_ms=")[2]) for _, path, _ in emulator.sent]
    assert since[1] > since[0] + 600_000
    assert len(latest.read({}, "second", now_s)) == 1
    assert latest.read({}, "second", now_s + 3600) == []


def test_metrics_are_read_by_the_emulators_clock(source, emulator):
    assert abs(source.now_s() - time.time()) < 60  # a stack that has none
    emulator.answers["/_emulator/clock"] = {"now": "2030-01-01T00:00:00+00:00", "ahead_s": 86400.0}
    assert abs(source.now_s() - time.time() - 86400) < 60


def test_without_the_emulators_own_record_the_log_tells_of_invocations(browser, emulator, function):
    del emulator.answers["/_emulator/invocations"]
    write_log(*invocation())
    html = browser.read(f"/functions/{REGION}/{function}")
    assert REQUEST_ID[:8] in html
    assert "12 ms" in html
    assert "99 ms" in html


def test_a_part_that_cant_be_read_says_why_and_the_others_are_shown(browser, emulator, function):
    emulator.answers["/_emulator/iam"] = {"mode": "off", "decisions": [], "dropped": 0}
    del emulator.answers["/_emulator/environments"]
    html = browser.read("/")
    assert "does not enforce IAM policies" in html
    assert function in html
    html = browser.read(f"/functions/{REGION}/{function}")
    assert "It isn't known which permissions were used" in html
    assert "sqs:SendMessage" in html


def test_denials_are_shown(browser, emulator):
    denied = decision(allowed=False, reason="no statement allows it", resource=HOSTILE, count=1234)
    emulator.answers["/_emulator/iam"]["decisions"] = [denied]
    html = browser.read("/")
    assert "no statement allows it" in html
    assert "1\N{NARROW NO-BREAK SPACE}234" in html


def test_a_functions_page_shows_its_code_configuration_and_role(browser, emulator, function):
    matched = [{"policy_type": "identity-based policy", "policy_name": "own", "index": 0}]
    emulator.answers["/_emulator/iam"]["decisions"] = [decision(matched=matched)]
    emulator.answers["/_emulator/environments"] = {
        "environments": [
            {
                "environment_id": "0123456789abcdef",
                "function_name": function,
                "region": REGION,
                "version": "$LATEST",
                "state": "idle",
                "provisioned": False,
                "age_s": 61.0,
                "idle_s": 3.0,
            }
        ]
    }
    html = browser.read(f"/functions/{REGION}/{function}")
    for part in (
        "main.py",
        "other.py",
        "def handler",
        'value="256"',
        'value="7"',
        "main.handler",
        "1 min 1 s",
    ):
        assert part in html, part
    assert html.count('class="tag used"') == 1
    assert html.count('class="tag unused"') == 1
    assert "other = 1" in browser.read(f"/functions/{REGION}/{function}?file=other.py")


def test_a_refresh_leaves_out_what_doesnt_change_by_itself(browser, emulator, function):
    html = browser.read(f"/functions/{REGION}/{function}", headers={"X-Refresh": "1"})
    assert "def handler" not in html
    assert "sqs:SendMessage" in html
    assert not [path for _, path, _ in emulator.sent if "awslambda" in path]


def test_a_hot_reloaded_function_tells_its_folder(browser, function, monkeypatch):
    client = boto3.client("lambda", region_name=REGION)
    real = client.get_function(FunctionName=function)
    real["Code"]["Location"] = "file:///home/me/handlers"
    fake = type("Fake", (), {"__getattr__": lambda _, name: getattr(client, name)})()
    fake.get_function = lambda **_: real
    monkeypatch.setattr(
        "serverless_harness.console.source.Source.client",
        lambda _, service, region=None: (
            fake if service == "lambda" else boto3.client(service, region_name=REGION)
        ),
    )
    assert "/home/me/handlers" in browser.read(f"/functions/{REGION}/{function}")


def test_what_functions_print_is_only_ever_text(browser, emulator, function):
    write_log(*invocation(text=HOSTILE))
    queue = boto3.client("sqs", region_name=REGION).create_queue(QueueName="jobs")["QueueUrl"]
    account_id = queue.split("/")[-2]
    message = {
        "MessageId": "m-1",
        "Body": HOSTILE,
        "Attribute": [{"Name": "SentTimestamp", "Value": "1700000000000"}],
        "MessageAttribute": {"Name": HOSTILE, "Value": {"StringValue": HOSTILE, "DataType": "String"}},
    }
    emulator.answers[f"/_aws/sqs/messages/{REGION}/{account_id}/jobs"] = {
        "ReceiveMessageResponse": {"ReceiveMessageResult": {"Message": message}}
    }
    dynamodb = boto3.client("dynamodb", region_name=REGION)
    dynamodb.create_table(
        TableName="items",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    dynamodb.put_item(TableName="items", Item={"id": {"S": HOSTILE}, "more": {"M": {"x": {"S": HOSTILE}}}})
    hostile_span = {
        "span_id": "1",
        "parent_id": None,
        "kind": HOSTILE,
        "service": HOSTILE,
        "name": HOSTILE,
        "resource": HOSTILE,
        "started_s": time.time(),
        "duration_ms": 5,
        "wait_ms": 0,
        "own_ms": None,
        "status": HOSTILE,
        "error": HOSTILE,
        "cold": True,
        "attempt": 2,
        "request_id": HOSTILE,
    }
    emulator.answers["/_emulator/traces/1-a"] = {
        "trace_id": "1-a",
        "is_complete": True,
        "left_out": 0,
        "spans": [hostile_span],
    }
    emulator.answers["/_emulator/traces"] = {
        "traces": [
            {
                "trace_id": "1-a",
                "started_s": time.time(),
                "duration_ms": 5,
                "entry": HOSTILE,
                "status": HOSTILE,
                "errors": 1,
                "cold_starts": 0,
                "retries": 0,
                "faults": 0,
                "functions": [HOSTILE],
                "spans": 1,
            }
        ]
    }
    pages = {
        f"/functions/{REGION}/{function}": 2,
        f"/logs/group?{QUOTED_GROUP}": 1,
        f"/logs/group?{QUOTED_GROUP}&pattern=script": 1,
        f"/logs/invocation?{QUOTED_GROUP}&request_id={REQUEST_ID}": 1,
        f"/data/queue?region={REGION}&url={queue}": 3,
        f"/data/table/{REGION}/items": 1,
        "/traces": 2,
        "/traces/1-a": 4,
        f"/logs/group?region={REGION}&name=%3Cscript%3Ealert(1)%3C/script%3E": 0,
    }
    for path, least in pages.items():
        html = browser.read(path)
        assert html.count(SHOWN) >= least, path
        assert "<script>" not in html, path
        assert not {"\x1b", "\x07", "\u202e"} & set(html), path


def test_the_lines_of_one_invocation_are_together(browser, function):
    other = "4f1c0a52-9d5e-4a8b-8c11-2f6f6f6f6f6f"
    write_log(*invocation(text="mine"), *invocation(other, "others"))
    html = browser.read(f"/logs/invocation?{QUOTED_GROUP}&request_id={REQUEST_ID}")
    assert "mine" in html
    assert "others" not in html
    assert "12 ms" in html
    listed = browser.read(f"/logs/group?{QUOTED_GROUP}")
    assert Counter(part[:8] for part in listed.split('">') if part[8:12] == "</a>")[REQUEST_ID[:8]] == 4


def test_logs_are_those_of_the_window_and_the_pattern(browser, function):
    write_log(*invocation(text="[ERROR] no stock"))
    assert "no stock" in browser.read(f"/logs/group?{QUOTED_GROUP}&window=1")
    assert 'class="error"' in browser.read(f"/logs/group?{QUOTED_GROUP}&window=all")
    html = browser.read(f"/logs/group?{QUOTED_GROUP}&pattern=REPORT&window=nonsense")
    assert "no stock" not in html
    assert "REPORT" in html
    assert GROUP in browser.read("/logs")


def test_traces_are_asked_for_by_the_filters(browser, emulator):
    browser.read("/traces?function=accept&error=1&min_ms=500&text=AMIS")
    path = next(path for _, path, _ in emulator.sent if path.startswith("/_emulator/traces"))
    assert path == "/_emulator/traces?limit=100&function=accept&error=1&min_ms=500&text=AMIS"


def test_a_stack_without_traces_says_so(browser, emulator):
    del emulator.answers["/_emulator/traces"]
    assert "Not shown" in browser.read("/traces")


@pytest.mark.parametrize(
    "path", ["/nothing", "/functions/us-east-1/none", "/traces/none", "/data/table/us-east-1/none"]
)
def test_what_there_isnt_is_a_page_too(browser, path):
    answer = browser.get(f"{browser.root}{path}")
    assert answer.status_code == 404
    assert "There is no such page" in answer.text


@pytest.mark.parametrize("path", ["/", "/logs", "/traces", "/dead-letters", "/faults", "/data"])
def test_pages_of_an_empty_stack_say_that_there_is_nothing(browser, path):
    assert 'class="empty"' in browser.read(path)


@pytest.mark.parametrize("path", ["/", "/logs", "/traces", "/dead-letters", "/faults", "/data"])
def test_a_stack_that_went_away_is_told_as_that(source, access, emulator, path):
    browser = Client(Console(source, access))
    browser.set_cookie(COOKIE, access.session, path=access.root, domain="127.0.0.1")
    emulator.shutdown()
    emulator.server_close()
    answer = browser.get(f"{access.root}{path}", base_url="http://127.0.0.1:4580/")
    assert answer.status_code == 503
    assert "The stack does not answer" in answer.text


@pytest.mark.parametrize("path", ["/", "/logs", "/traces", "/dead-letters", "/faults", "/data"])
def test_aws_is_shown_and_not_changed(on_aws, function, path):
    html = on_aws.read(path)
    assert "read-only" in html
    page = on_aws.read(f"/functions/{REGION}/{function}")
    assert json.dumps(page.count("<button")) == json.dumps(page.count(" disabled") + 1)
    said = on_aws.act(f"/functions/{REGION}/{function}/configuration", memory_mb="512", timeout_s="9")
    assert "the console changes nothing on AWS" in said
    configuration = boto3.client("lambda", region_name=REGION).get_function_configuration(
        FunctionName=function
    )
    assert configuration["MemorySize"] == 256


def test_a_queue_with_very_many_messages_is_not_read(browser, emulator, monkeypatch):
    monkeypatch.setattr(data_pages, "MAX_READ", 1)
    sqs = boto3.client("sqs", region_name=REGION)
    queue = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    for body in ("one", "two"):
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    html = browser.read(f"/data/queue?region={REGION}&url={queue}")
    assert "jobs holds 2 messages, and a queue is shown here only up to 1" in html
    assert not [path for _, path, _ in emulator.sent if path.startswith("/_aws/sqs")]


def test_what_a_projects_own_code_raises_is_shown(browser, target, monkeypatch):
    monkeypatch.setattr(target.project, "dead_letters", lambda deployment: {}["outputs"])
    assert browser.get(f"{browser.root}/dead-letters").status_code == 200
    record = {"functions": {}, "outputs": {}, "regions": [REGION], "region": REGION}
    (target.state_dir / "deployment.json").write_text(json.dumps(record))
    answer = browser.get(f"{browser.root}/dead-letters")
    assert answer.status_code == 500
    assert "KeyError" in answer.text
