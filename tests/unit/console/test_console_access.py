"""Who may use the console: nobody without the link, no other page, no name that leads to loopback."""

import pytest
from werkzeug.test import Client

from serverless_harness.console.access import COOKIE
from serverless_harness.console.web import Console

HOST = "127.0.0.1:4580"


@pytest.fixture
def stranger(source, access):
    return Client(Console(source, access), use_cookies=False)


def test_the_link_gives_a_cookie_for_the_hidden_path_alone(stranger, access):
    answer = stranger.get(f"/?token={access.token}", base_url=f"http://{HOST}/")
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"{access.root}/"
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}={access.session};")
    for part in ("HttpOnly", "SameSite=Strict", f"Path={access.root}"):
        assert part in cookie


@pytest.mark.parametrize("path", ["/", "/?token=", "/?token=wrong", "/?token=%FF", "/?token=t&token=t"])
def test_another_token_gives_nothing(stranger, access, path):
    answer = stranger.get(path, base_url=f"http://{HOST}/")
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers
    assert access.folder not in answer.text


@pytest.mark.parametrize("path", ["/", "/faults", "/static/console.css", "/functions/us-east-1/f/test"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_is_served_without_the_cookie(stranger, access, path, method):
    answer = stranger.open(
        f"{access.root}{path}",
        method=method,
        base_url=f"http://{HOST}/",
        headers={"Origin": f"http://{HOST}"},
    )
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:4580",
        "127.0.0.1.evil.example",
        "evil.localhost:4580",
        "10.0.0.1:4580",
        "[2001:db8::1]:80",
    ],
)
def test_a_name_that_was_made_to_lead_here_is_refused(stranger, access, host):
    for path in (f"/?token={access.token}", f"{access.root}/"):
        headers = {"Host": host, "Cookie": f"{COOKIE}={access.session}"}
        assert stranger.get(path, headers=headers).status_code == 403


@pytest.mark.parametrize("host", [HOST, "localhost:4580", "[::1]:4580"])
def test_loopback_is_answered_by_any_of_its_names(stranger, access, host):
    headers = {"Host": host, "Cookie": f"{COOKIE}={access.session}"}
    assert stranger.get(f"{access.root}/", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "origin",
    [None, "null", "http://evil.example", "http://127.0.0.1:4566", f"https://{HOST}", "http://127.0.0.1"],
)
def test_an_action_has_to_come_from_our_own_page(browser, access, emulator, origin):
    headers = {"Origin": origin} if origin else {}
    answer = browser.post(f"{access.root}/faults/clear", headers=headers)
    assert answer.status_code == 403
    assert not [sent for sent in emulator.sent if sent[0] == "DELETE"]


@pytest.mark.parametrize(
    "path",
    [
        "/faults/add",
        "/faults/clear",
        "/dead-letters/redrive",
        "/dead-letters/purge",
        "/functions/us-east-1/f/test",
        "/functions/us-east-1/f/configuration",
    ],
)
def test_nothing_is_done_by_reading(browser, access, emulator, path):
    assert browser.get(f"{access.root}{path}").status_code in (404, 405)
    assert {sent[0] for sent in emulator.sent} <= {"GET"}


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/static/console.js", "/static/../web.py", "/static/%2e%2e/web.py"]
)
def test_every_answer_forbids_what_isnt_ours(browser, access, path):
    answer = browser.get(f"{access.root}{path}")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.status_code == (200 if path in ("/", "/static/console.js") else 404)


def test_the_templates_have_nothing_inline(browser):
    html = browser.read("/")
    assert "style=" not in html
    assert "<script>" not in html
    assert " onclick" not in html


def test_the_link_and_the_secrets_are_new_each_time(access):
    other = type(access)()
    assert {other.token, other.folder, other.session}.isdisjoint(
        {access.token, access.folder, access.session}
    )
    assert access.token not in repr(access)
