"""The console in a real browser: every page and button, hostile text, and a stack that goes and comes back.

They need a Chromium; where none is installed, they are skipped.
"""

import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from dap_client import DapClient
from stack_processes import OWN_STACK, TRUST

from serverless_harness.functions.invoke import INVOKE_CONFIG
from serverless_harness.resilience.faults import Faults
from serverless_harness.stack.embedded import EmbeddedStack, free_port
from serverless_harness.waiting import Wait

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
pytestmark = [
    *OWN_STACK,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed, which these tests look through"),
]
TIMEOUT_S = 60
SHOWN_MS = 60_000
"""How long Playwright waits for something to be shown, on a busy machine."""
HOSTILE = "<img src=x onerror=document.title='owned'>\\x1b]0;owned\\x07"
CODE = f"""
import json
def handler(event, context):
    print("{HOSTILE}")
    if event.get("fail"):
        raise ValueError("{HOSTILE}")
    return {{"asked": event, "text": "{HOSTILE}"}}
"""
FUNCTION = "orders-accept"
PAGES = {
    "Overview": FUNCTION,
    "Logs": f"/aws/lambda/{FUNCTION}",
    "Traces": "Traces",
    "Dead letters": "received too often",
    "Faults": "Set a fault",
    "Data": "items",
}


@pytest.fixture(scope="module")
def stack():
    """A stack with a function, a table, a topic, and a queue with a dead letter."""
    stack = EmbeddedStack(free_port())
    try:
        stack.start()
        fill(stack)
        yield stack
    finally:
        stack.stop()


def fill(stack):
    target = stack.target
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("main.py", CODE)
    role = target.client("iam").create_role(RoleName="runner", AssumeRolePolicyDocument=json.dumps(TRUST))
    policy = {"Effect": "Allow", "Action": ["logs:*", "sqs:SendMessage"], "Resource": "*"}
    target.client("iam").put_role_policy(
        RoleName="runner",
        PolicyName="own",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [policy]}),
    )
    client = target.client("lambda")
    client.create_function(
        FunctionName=FUNCTION,
        Runtime="python3.13",
        Role=role["Role"]["Arn"],
        Handler="main.handler",
        Code={"ZipFile": code.getvalue()},
        Environment={"Variables": {"greeting": HOSTILE}},
    )
    client.get_waiter("function_active_v2").wait(FunctionName=FUNCTION, WaiterConfig={"Delay": 1})
    client.invoke(FunctionName=FUNCTION, Payload=b"{}")
    sqs = target.client("sqs")
    dead = sqs.create_queue(QueueName="jobs-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "1"})
    jobs = sqs.create_queue(
        QueueName="jobs", Attributes={"RedrivePolicy": redrive, "VisibilityTimeout": "0"}
    )["QueueUrl"]
    sqs.send_message(QueueUrl=jobs, MessageBody=HOSTILE)
    Wait("the dead letter", TIMEOUT_S).until(lambda: _receive(sqs, jobs) or depth(stack, "jobs-dead"))
    dynamodb = target.client("dynamodb")
    dynamodb.create_table(
        TableName="items",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    dynamodb.put_item(TableName="items", Item={"id": {"S": HOSTILE}})
    target.client("sns").create_topic(Name="news")


def _receive(sqs, url):
    sqs.receive_message(QueueUrl=url)


def depth(stack, queue):
    sqs = stack.target.client("sqs")
    name = "ApproximateNumberOfMessages"
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    return int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])


@contextmanager
def console_of(stack):
    """Run the command, and give the link that it prints."""
    command = [sys.executable, "-I", "-m", "serverless_harness", "console", "--port", str(stack.port)]
    process = subprocess.Popen(
        [*command, "--console-port", str(free_port())], stdout=subprocess.PIPE, text=True
    )
    try:
        yield re.search(r"http://\S+", process.stdout.readline()).group()
    finally:
        process.terminate()
        process.wait(TIMEOUT_S)


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def link(stack):
    with console_of(stack) as link:
        yield link


@pytest.fixture
def page(browser, link):
    """A tab with the console's overview; what its console and its network complain of fails the test."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(SHOWN_MS)
    complaints = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.complaints = complaints
    page.goto(link)
    yield page
    context.close()
    assert complaints == []


def go(page, name):
    page.get_by_role("navigation", name="Pages").get_by_role("link", name=name, exact=True).click()


def to_function(page):
    go(page, "Overview")
    page.get_by_role("link", name=FUNCTION, exact=True).click()


@pytest.mark.parametrize(("name", "shown"), PAGES.items())
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_shown_in_both_colour_schemes(page, name, shown, scheme):
    page.emulate_media(color_scheme=scheme)
    go(page, name)
    page.get_by_role("main").get_by_text(shown).first.wait_for()
    assert page.get_by_role("heading", level=1).inner_text() == name
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (min(map(int, re.findall(r"\d+", background))) > 200) == (scheme == "light")
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0


def test_the_test_button_shows_what_the_function_gives(page):
    to_function(page)
    page.get_by_label("Event, as JSON").fill('{"order": 7}')
    page.get_by_label("Start").select_option("cold")
    page.get_by_role("button", name="Test").click()
    page.get_by_text("Succeeded").wait_for()
    result = page.locator(".result").inner_text()
    assert '"order": 7' in result
    assert "REPORT RequestId" in result
    assert re.search(r"Start\s+cold", result)
    page.get_by_label("Start").select_option("warm")
    page.get_by_role("button", name="Test").click()
    page.locator(".result dd", has_text="warm").wait_for()


def test_what_a_function_prints_or_raises_is_text(page):
    to_function(page)
    page.get_by_label("Event, as JSON").fill('{"fail": true}')
    page.get_by_role("button", name="Test").click()
    page.get_by_text("Failed: Unhandled").wait_for()
    page.locator(".result a").click()
    page.get_by_role("heading", name="Invocation").wait_for()
    page.locator(".log").get_by_text("<img src=x").first.wait_for()
    go(page, "Dead letters")
    page.get_by_text("Payload").first.click()
    page.locator(".letter pre").get_by_text("<img src=x").first.wait_for()
    go(page, "Data")
    page.get_by_role("link", name="items", exact=True).click()
    page.get_by_text("<img src=x").first.wait_for()
    assert page.locator("main img").count() == 0
    assert "owned" not in page.title()


def test_logs_are_followed_and_filtered(page, stack):
    go(page, "Logs")
    page.get_by_role("link", name=f"/aws/lambda/{FUNCTION}").click()
    before = page.locator(".log .start").count()
    stack.target.client("lambda").invoke(FunctionName=FUNCTION, Payload=b"{}")
    page.wait_for_function("count => document.querySelectorAll('.log .start').length > count", arg=before)
    page.get_by_label("Filter pattern").fill("REPORT")
    page.get_by_role("button", name="Show").click()
    page.locator(".log .report").first.wait_for()
    assert page.locator(".log .start").count() == 0


def test_memory_is_changed(page, stack):
    to_function(page)
    page.get_by_label("Memory").fill("320")
    page.get_by_role("button", name="Change").click()
    page.get_by_text("now has 320 MB").wait_for()
    client = stack.target.client("lambda")
    assert client.get_function_configuration(FunctionName=FUNCTION)["MemorySize"] == 320


def test_a_function_is_debugged(page, stack):
    line = CODE.splitlines().index("def handler(event, context):") + 2
    mappings = [{"localRoot": "/project", "remoteRoot": "/var/task"}]
    port = free_port()
    to_function(page)
    part = page.locator("#debugger")
    part.get_by_label("Port").fill(str(port))
    part.get_by_role("button", name="Start debugging").click()
    part.get_by_text("no debugger is attached").wait_for()
    assert json.loads(part.locator("#launch").inner_text())["connect"] == {"host": "127.0.0.1", "port": port}
    with ThreadPoolExecutor(1) as pool:
        client = stack.target.client("lambda", INVOKE_CONFIG)
        invoked = pool.submit(client.invoke, FunctionName=FUNCTION, Payload=b"{}")
        part.get_by_text("the function waits for a debugger").wait_for()
        with DapClient(port) as debugger:
            debugger.attach(mappings, {"/project/main.py": [line]})
            debugger.event("stopped")
            part.get_by_text("a debugger is attached").wait_for()
            assert not invoked.done()
            part.get_by_role("button", name="End debugging").click()
            part.get_by_role("button", name="Start debugging").wait_for()
        assert "FunctionError" not in invoked.result(TIMEOUT_S)


def test_faults_are_set_and_cleared(page, stack):
    go(page, "Faults")
    page.get_by_label("Effect").select_option("throttle")
    page.get_by_label("Service", exact=True).fill("ses")
    page.get_by_label("Ends after").fill("600")
    page.get_by_role("button", name="Set").click()
    page.get_by_text("service=ses").wait_for()
    assert [fault.effect for fault in Faults.of(stack.target).current()] == ["throttle"]
    page.get_by_role("button", name="Clear all").click()
    page.get_by_text("No fault is set").wait_for()
    assert Faults.of(stack.target).current() == []


def test_a_dead_letter_is_sent_again(page, stack):
    go(page, "Dead letters")
    page.get_by_role("checkbox").first.check()
    before = depth(stack, "jobs-dead")
    page.get_by_role("button", name="Send again").click()
    page.get_by_text("1 sent again.").wait_for()
    assert before == 1
    # Back to where it was, for the other tests of this module.
    sqs = stack.target.client("sqs")
    jobs = sqs.get_queue_url(QueueName="jobs")["QueueUrl"]
    Wait("the dead letter", TIMEOUT_S).until(lambda: _receive(sqs, jobs) or depth(stack, "jobs-dead"))


def test_the_keyboard_is_enough(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the page"
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Logs", level=1).wait_for()


def test_a_page_of_another_origin_does_nothing(browser, link, stack):
    """A function's page, at another port of the same host, in the browser that has the console open."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(SHOWN_MS)
    page.goto(link)
    root = page.evaluate("document.querySelector('.brand').href")
    Faults.of(stack.target).add("throttle", service="ses", expires_in_s=600)
    try:
        page.goto(f"{stack.target.endpoint_url}/_localstack/health")
        assert page.evaluate("document.cookie") == ""
        # The browser sends it, and keeps the answer, a refusal, from the page.
        options = "{method: 'POST', mode: 'no-cors', credentials: 'include'}"
        page.evaluate(f"url => fetch(url, {options}).catch(() => null)", f"{root}faults/clear")
    finally:
        cleared = Faults.of(stack.target).clear()
        context.close()
    assert [fault.effect for fault in cleared] == ["throttle"]


def test_the_page_tells_that_the_stack_is_gone_and_goes_on_when_it_is_back(browser):
    stack = EmbeddedStack(free_port())
    stack.start()
    try:
        fill(stack)
        with console_of(stack) as link:
            page = browser.new_page()
            page.set_default_timeout(SHOWN_MS)
            page.goto(link)
            page.get_by_role("link", name=FUNCTION, exact=True).wait_for()
            stack.stop()
            page.get_by_text("The stack has not answered since").wait_for()
            assert page.get_by_role("link", name=FUNCTION, exact=True).is_visible()
            gone = browser.new_page()
            gone.set_default_timeout(SHOWN_MS)
            gone.goto(link)
            gone.get_by_role("heading", name="The stack does not answer").wait_for()
            stack = EmbeddedStack(stack.port)
            stack.start()
            page.get_by_text("No function is deployed.").wait_for()
            page.get_by_text("The stack has not answered since").wait_for(state="hidden")
            gone.get_by_text("No function is deployed.").wait_for()
            page.close()
            gone.close()
    finally:
        stack.stop()
