"""Pages in a real browser, where one is installed, that want services to run something."""

import shutil
import socket
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from localstack.aws.api import RequestContext
from rolo.gateway import Gateway

from serverless_harness.emulator.gateway.allowed_hosts import HostGuard
from serverless_harness.emulator.gateway.allowed_origins import OriginGuard
from serverless_harness.emulator.gateway.application import GatewayApplication
from serverless_harness.emulator.gateway.http_server import HttpServer

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
NAMES = ("evil.example", "localhost.localstack.cloud")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=10000",
    f"--host-resolver-rules={', '.join(f'MAP {name} 127.0.0.1' for name in NAMES)}",
    "--dump-dom",
]
TIMEOUT_S = 120
ATTACK = """
<!doctype html><meta charset="utf-8"><meta name="referrer" content="{policy}"><title>page</title>
<iframe name="hidden"></iframe>
{images}{forms}
<script>
  for (const form of document.forms) form.submit();
  const calls = [{urls}].flatMap((url) => [
    fetch(url + "?Action=fetch-get", {{mode: "no-cors"}}),
    fetch(url + "?Action=fetch-post", {{method: "POST", mode: "no-cors", body: "Action=CreateUser"}}),
    fetch(url + "?Action=fetch-put", {{method: "PUT", body: "x", headers: {{"X-Amz-Target": "x"}}}}),
  ]);
  navigator.sendBeacon([{urls}][0] + "?Action=beacon", "x");
  Promise.allSettled(calls).then(() => document.title = "done");
</script>
"""


class Stack:
    """A gateway with our guards before a service that notes what it ran."""

    def __init__(self):
        self.arrived, self.ran = [], []
        handlers = [self._note(self.arrived), HostGuard(), OriginGuard(), self._note(self.ran)]
        gateway = Gateway(request_handlers=handlers, context_class=RequestContext)
        self.server = HttpServer(GatewayApplication(gateway), 100)
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self.server.add_listener(listener)

    def _note(self, notes):
        def handle(chain, context, response):
            request = context.request
            if request.path != "/favicon.ico":
                notes.append(f"{request.method} {request.host} {request.args.get('Action', '')}")
            response.set_response(b"ran")

        return handle


@pytest.fixture
def stack():
    stack = Stack()
    thread = threading.Thread(target=stack.server.run)
    thread.start()
    yield stack
    stack.server.shutdown()
    thread.join()


@pytest.fixture(scope="module")
def browse(tmp_path_factory):
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")

    def browse(url):
        profile = f"--user-data-dir={tmp_path_factory.mktemp('profile')}"
        command = [found, *FLAGS, profile, url]
        return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True).stdout

    return browse


@contextmanager
def site(page):
    """Serve one page, on a port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def attack(port, policy):
    urls = [f"http://{name}:{port}/" for name in ("127.0.0.1", "localhost", "localhost.localstack.cloud")]
    return ATTACK.format(
        policy=policy,
        images="".join(f'<img src="{url}?Action=image">' for url in urls),
        forms="".join(
            f'<form method="post" target="hidden" action="{url}?Action=form"></form>' for url in urls
        ),
        urls=", ".join(f'"{url}"' for url in urls),
    )


@pytest.mark.parametrize("policy", ["unsafe-url", "no-referrer"])
def test_a_strangers_page_has_nothing_run(browse, stack, policy):
    with site(attack(stack.port, policy)) as port:
        browse(f"http://evil.example:{port}/")
    arrived = {call.rpartition(" ")[2] for call in stack.arrived}
    assert arrived >= {"image", "fetch-get", "fetch-post"}, stack.arrived
    assert stack.ran == []


def test_a_page_of_a_name_that_resolves_to_loopback_is_not_served(browse, stack):
    """After DNS rebinding the name is the stack's own address, of the same origin as the page."""
    shown = browse(f"http://evil.example:{stack.port}/?Action=CreateFunction")
    assert "does not answer to the host" in shown
    assert len(stack.arrived) == 1
    assert stack.ran == []


def test_this_machines_own_pages_may_call(browse, stack):
    with site(attack(stack.port, "no-referrer")) as port:
        browse(f"http://localhost:{port}/")
    assert f"POST 127.0.0.1:{stack.port} fetch-post" in stack.ran


def test_what_is_typed_in_is_served(browse, stack):
    assert "ran" in browse(f"http://127.0.0.1:{stack.port}/?Action=typed")
