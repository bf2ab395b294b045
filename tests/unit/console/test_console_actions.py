"""What is done from the console: test events, configuration, faults, dead letters."""

import json

import boto3
import pytest
from markupsafe import escape

from serverless_harness.functions.invoke import InvokeOutcome
from serverless_harness.timing.coldness import configure

REGION = "us-east-1"
HOSTILE = "<img src=x onerror=alert(1)>\x1b[2J"
COLD = "Init Duration: 98.76 ms\t"


def report(extra=""):
    return (
        "START RequestId: r-1 Version: $LATEST\n"
        "REPORT RequestId: r-1\tDuration: 12.34 ms\tBilled Duration: 13 ms\tMemory Size: 256 MB\t"
        f"Max Memory Used: 61 MB\t{extra}\n"
    )


@pytest.fixture
def invokes(monkeypatch):
    """The events of invokes, and the outcomes that they get, one after the other."""
    seen, outcomes = [], []

    def invoke(deployment, name, event):
        seen.append((name, event))
        return outcomes.pop(0)

    monkeypatch.setattr("serverless_harness.console.function_pages.invoke", invoke)
    return seen, outcomes


def configuration(function):
    return boto3.client("lambda", region_name=REGION).get_function_configuration(FunctionName=function)


def test_the_test_button_shows_result_report_and_log_tail(browser, function, invokes):
    seen, outcomes = invokes
    outcomes.append(InvokeOutcome('{"ok": true}', None, report()))
    html = browser.act(f"/functions/{REGION}/{function}/test", event='{"order": 1.5}', warmth="any")
    assert seen == [(function, {"order": 1.5})]
    for part in ("Succeeded", "&#34;ok&#34;: true", "12 ms", "61 of 256 MB", "START RequestId: r-1", "1.5"):
        assert part in html, part


def test_a_function_that_failed_is_shown_as_that_and_as_text(browser, function, invokes):
    invokes[1].append(InvokeOutcome(json.dumps({"errorMessage": HOSTILE}), "Unhandled", HOSTILE + report()))
    html = browser.act(f"/functions/{REGION}/{function}/test", event="{}", warmth="any")
    assert "Failed: Unhandled" in html
    assert "<img" not in html
    assert "\x1b" not in html
    assert html.count("&lt;img src=x onerror=alert(1)&gt;") == 2


def test_cold_at_will_leaves_the_configuration_as_it_was(browser, function, invokes, monkeypatch):
    invokes[1].append(InvokeOutcome("null", None, report(COLD)))
    updates = []

    def noted(client, name, delay_s, **settings):
        updates.append(settings)
        configure(client, name, delay_s, **settings)

    monkeypatch.setattr("serverless_harness.console.function_pages.configure", noted)
    html = browser.act(f"/functions/{REGION}/{function}/test", event="{}", warmth="cold")
    assert ">cold</dd>" in html
    assert updates == [{}]
    assert configuration(function)["Timeout"] == 7


@pytest.mark.parametrize(("first", "runs"), [(COLD, 2), ("", 1)])
def test_warm_at_will_invokes_again_only_after_a_cold_start(browser, function, invokes, first, runs):
    seen, outcomes = invokes
    outcomes += [InvokeOutcome("null", None, report(first)), InvokeOutcome("null", None, report())]
    html = browser.act(f"/functions/{REGION}/{function}/test", event="{}", warmth="warm")
    assert len(seen) == runs
    assert ">warm</dd>" in html


@pytest.mark.parametrize("event", ["", "{", "NaN", "[" * 100_000, '{"a": 1, "a": 2}', "1e999"])
def test_an_event_that_is_no_json_is_said_in_one_line(browser, function, invokes, event):
    html = browser.act(f"/functions/{REGION}/{function}/test", event=event, warmth="any")
    assert "the event is n" in html
    assert f">{escape(event)}</textarea>" in html, "what was written is not lost"
    assert invokes[0] == []


def test_what_nobody_expected_is_said_on_the_page_too(browser, function, monkeypatch):
    def fail(*_):
        raise KeyError(HOSTILE)

    monkeypatch.setattr("serverless_harness.console.function_pages.invoke", fail)
    html = browser.act(f"/functions/{REGION}/{function}/test", event="{}", warmth="any")
    assert "KeyError: " in html
    assert "<img" not in html


def test_the_events_of_the_project_are_offered(browser, function, target):
    folder = target.project.folder / "events" / "accept"
    folder.mkdir(parents=True)
    (folder / "order.json").write_text('{"body": "milk"}')
    html = browser.read(f"/functions/{REGION}/{function}?event=order")
    assert "&#34;milk&#34;" in html
    assert "order</a>" in html


def test_memory_and_timeout_are_changed(browser, function):
    html = browser.act(f"/functions/{REGION}/{function}/configuration", memory_mb="512", timeout_s="9")
    assert "now has 512 MB and a timeout of 9 s" in html
    assert (configuration(function)["MemorySize"], configuration(function)["Timeout"]) == (512, 9)


@pytest.mark.parametrize(("memory_mb", "timeout_s"), [("much", "3"), ("", ""), ("512", "3.5")])
def test_what_is_no_number_changes_nothing(browser, function, memory_mb, timeout_s):
    html = browser.act(
        f"/functions/{REGION}/{function}/configuration", memory_mb=memory_mb, timeout_s=timeout_s
    )
    assert "has to be a whole number" in html
    assert configuration(function)["MemorySize"] == 256


def fault(**fields):
    return {
        "id": "f-1",
        "effect": "throttle",
        "expires_at": "2030-01-01T00:00:00Z",
        "matched": 4,
        "injected": 2,
        **fields,
    }


def test_a_fault_is_set_with_what_the_form_says(browser, emulator):
    emulator.answers["POST /_emulator/faults"] = fault(service="kms")
    html = browser.act(
        "/faults/add", effect="throttle", service=" kms ", first_calls="2", share="0.5", phase=""
    )
    assert "The fault f-1 is set." in html
    [(_, path, body)] = [sent for sent in emulator.sent if sent[0] == "POST"]
    assert path == "/_emulator/faults"
    assert json.loads(body) == {"effect": "throttle", "service": "kms", "first_calls": 2, "share": 0.5}


def test_a_fault_that_is_none_says_what_is_wrong(browser, emulator):
    assert "delay_ms has to be a number" in browser.act("/faults/add", effect="delay", delay_ms="long")
    assert not [sent for sent in emulator.sent if sent[0] == "POST"]


def test_faults_are_shown_and_cleared(browser, emulator):
    emulator.answers["/_emulator/faults"] = {"faults": [fault(service="kms")], "injected": {"throttle": 7}}
    html = browser.read("/faults")
    assert "service=kms" in html
    assert "throttle 7\N{MULTIPLICATION SIGN}" in html
    emulator.answers["/_emulator/faults/f-1"] = {"faults": [fault()]}
    assert "1 cleared." in browser.act("/faults/clear", id="f-1")
    assert ("DELETE", "/_emulator/faults/f-1", "") in emulator.sent


@pytest.fixture
def letters(emulator):
    """Two letters in the dead-letter queue of a queue, and where the emulator tells of them."""
    sqs = boto3.client("sqs", region_name=REGION)
    dead = sqs.create_queue(QueueName="jobs-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "3"})
    jobs = sqs.create_queue(QueueName="jobs", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    ids = [sqs.send_message(QueueUrl=dead, MessageBody=body)["MessageId"] for body in ("first", HOSTILE)]
    told = [
        {
            "MessageId": each,
            "Body": body,
            "Attribute": [
                {"Name": "SentTimestamp", "Value": str(1_700_000_000_000 + index)},
                {"Name": "ApproximateReceiveCount", "Value": "3"},
            ],
        }
        for index, (each, body) in enumerate(zip(ids, ("first", HOSTILE), strict=True))
    ]
    path = f"/_aws/sqs/messages/{REGION}/{dead.split('/')[-2]}/jobs-dead"
    emulator.answers[path] = {"ReceiveMessageResponse": {"ReceiveMessageResult": {"Message": told}}}
    return ids, dead, jobs


def depth(url):
    attributes = boto3.client("sqs", region_name=REGION).get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    )["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"]), int(
        attributes["ApproximateNumberOfMessagesNotVisible"]
    )


def test_dead_letters_are_looked_at_without_being_taken(browser, letters):
    ids, dead, _ = letters
    html = browser.read("/dead-letters")
    for letter_id in ids:
        assert letter_id in html
    assert "received too often" in html
    assert "<img" not in html
    assert depth(dead) == (2, 0)


def test_chosen_dead_letters_are_sent_again(browser, letters):
    ids, dead, jobs = letters
    assert "1 sent again." in browser.act("/dead-letters/redrive", letter=[ids[1]])
    assert depth(jobs) == (1, 0)
    assert depth(dead) == (1, 0)


def test_chosen_dead_letters_are_deleted(browser, letters):
    ids, dead, jobs = letters
    assert "1 deleted." in browser.act("/dead-letters/purge", letter=[ids[0]])
    assert (depth(dead), depth(jobs)) == ((1, 0), (0, 0))


@pytest.mark.parametrize("action", ["redrive", "purge"])
def test_nothing_chosen_is_nothing_done(browser, letters, action):
    assert "choose at least one" in browser.act(f"/dead-letters/{action}")
    assert depth(letters[1]) == (2, 0)
