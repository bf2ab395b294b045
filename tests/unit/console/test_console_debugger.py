"""A function is debugged from its page: what the emulator is asked, what the page says, where it can't."""

import json
from types import SimpleNamespace

import boto3
import pytest

from serverless_harness.console.access import COOKIE
from serverless_harness.console.source import Source
from serverless_harness.functions import debugging
from serverless_harness.stack.existing_endpoint import ExistingEndpoint

PATH = "/_emulator/debugger"
REGION = "us-east-1"
HOSTILE = "<script>alert(1)<script>\x1b]0;owned\x07"


@pytest.fixture
def source(target, monkeypatch):
    """Of a stack that keeps debugpy in /packages, and whose functions' sources are known."""
    place = SimpleNamespace(host="127.0.0.1", packages="/packages/{}".format, publish=lambda ports: None)
    sources = target.project.folder / "handlers"
    sources.mkdir()
    monkeypatch.setattr(debugging, "code_of", lambda deployment, name: ([sources], "/var/task"))
    return Source(target, SimpleNamespace(target=target, debugger=place))


@pytest.fixture
def page(browser, function, emulator):
    """Call it with the sessions that there are for the function's page."""

    def page(*sessions):
        emulator.answers[PATH] = {"sessions": list(sessions)}
        return browser.read(f"/functions/{REGION}/{function}")

    return page


def session(function, has_client=False, waiting=None):
    return {"function": function, "port": 5679, "has_client": has_client, "waiting": waiting}


def sent(emulator, method):
    return [(path, body) for sent_method, path, body in emulator.sent if sent_method == method]


def test_debugging_is_started_as_by_the_command(browser, function, emulator):
    emulator.answers |= {
        f"PUT {PATH}/{function}": session(function),
        PATH: {"sessions": [session(function)]},
    }
    html = browser.act(f"/functions/{REGION}/{function}/debug", port="5679")
    [(path, body)] = sent(emulator, "PUT")
    assert path == f"{PATH}/{function}"
    assert json.loads(body) == {"port": 5679, "packages": "/packages/python3.13", "host": "127.0.0.1"}
    assert "its next invoke waits for a debugger on 127.0.0.1:5679" in html


def test_debugging_is_ended(browser, function, emulator):
    emulator.answers |= {f"DELETE {PATH}/{function}": {"sessions": []}, PATH: {"sessions": []}}
    html = browser.act(f"/functions/{REGION}/{function}/end-debugging")
    assert sent(emulator, "DELETE") == [(f"{PATH}/{function}", "")]
    assert "is no longer debugged" in html


@pytest.mark.parametrize(
    ("has_client", "waiting", "said"),
    [
        (True, None, "a debugger is attached"),
        (False, "function", "the function waits for a debugger"),
        (False, "client", "a debugger waits for the next invoke"),
        (False, None, "no debugger is attached"),
    ],
)
def test_the_page_says_who_waits_and_how_to_attach(page, function, target, has_client, waiting, said):
    html = page(session("another"), session(function, has_client, waiting))
    assert said in html
    assert "End debugging" in html
    assert "Start debugging" not in html
    for part in (
        "&#34;port&#34;: 5679",
        "${workspaceFolder}/handlers",
        "remote address: 127.0.0.1:5679",
        f"local project path: {target.project.folder}/handlers",
        "remote project path: /var/task",
    ):
        assert part in html, part


def test_the_page_of_a_function_that_is_not_debugged_offers_it(page):
    html = page(session("another"))
    assert "Start debugging" in html
    assert "launch.json" not in html


def test_a_port_that_is_none_asks_the_emulator_nothing(browser, function, emulator):
    emulator.answers[PATH] = {"sessions": []}
    assert "The port has to be a whole number" in browser.act(
        f"/functions/{REGION}/{function}/debug", port="many"
    )
    assert not sent(emulator, "PUT")


def test_what_the_emulator_refuses_is_said(browser, function, emulator):
    emulator.answers[PATH] = {"sessions": []}
    html = browser.act(f"/functions/{REGION}/{function}/debug", port="5679")
    assert 'class="said failed"' in html


@pytest.mark.parametrize("action", ["debug", "end-debugging"])
def test_neither_a_get_nor_another_origin_changes_anything(browser, function, emulator, action):
    path = f"{browser.root}/functions/{REGION}/{function}/{action}"
    assert browser.get(path).status_code == 405
    assert browser.post(path, headers={"Origin": "http://127.0.0.1:4566"}).status_code == 403
    browser.delete_cookie(COOKIE, domain="127.0.0.1", path=browser.root)
    assert browser.post(path).status_code == 403
    assert not sent(emulator, "PUT")
    assert not sent(emulator, "DELETE")


def test_a_function_of_another_language_cannot_be_debugged(page, function):
    boto3.client("lambda", region_name=REGION).update_function_configuration(
        FunctionName=function, Runtime="nodejs22.x"
    )
    assert f"{function} runs on nodejs22.x: only functions in Python can be debugged" in page()


def test_on_aws_the_page_says_that_it_cannot(on_aws, function):
    html = on_aws.read(f"/functions/{REGION}/{function}")
    assert "functions on AWS can&#39;t be debugged" in html
    assert "Start debugging" not in html
    assert "changes nothing on AWS" in on_aws.act(f"/functions/{REGION}/{function}/debug", port="5678")


def test_elsewhere_the_page_says_that_it_cannot(browser, source, function, emulator):
    source.stack = ExistingEndpoint(emulator.url, source.project)
    assert "given by --endpoint can&#39;t be debugged" in browser.read(f"/functions/{REGION}/{function}")
    assert "given by --endpoint can&#39;t be debugged" in browser.act(
        f"/functions/{REGION}/{function}/debug", port="5678"
    )
    assert not sent(emulator, "PUT")


def test_a_folder_of_the_project_is_text(page, function, target, monkeypatch):
    hostile = target.project.folder / HOSTILE
    monkeypatch.setattr(debugging, "code_of", lambda deployment, name: ([hostile], "/var/task"))
    html = page(session(function))
    assert "<script>alert" not in html
    assert "\x1b" not in html
