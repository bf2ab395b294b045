"""The console on a fake stack: AWS is moto, the emulator's own API a small server with given answers."""

import io
import json
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws
from werkzeug.test import Client

from serverless_harness.console.access import Access
from serverless_harness.console.source import Source
from serverless_harness.console.web import Console
from serverless_harness.errors import HarnessError
from serverless_harness.targets import AwsTarget, LocalTarget

REGION = "us-east-1"
HOST = "127.0.0.1:4580"
HOSTILE = "<script>alert(1)</script>\x1b]0;owned\x07\u202e"
"""What a function may print: HTML, a terminal's escape sequence, and a mark that turns text around."""
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


class FakeEmulator(ThreadingHTTPServer):
    """Answers each path with what `answers` holds for it, JSON or bytes; keeps what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), FakeHandler)
        self.answers: dict[str, Any] = {
            "/_localstack/info": {"version": "4.14.0", "uptime": 3725, "session_id": "one"},
            "/_emulator/invocations": {"invocations": []},
            "/_emulator/environments": {"environments": []},
            "/_emulator/faults": {"faults": [], "injected": {}},
            "/_emulator/iam": {"mode": "on", "decisions": [], "dropped": 0},
            "/_emulator/traces": {"traces": []},
        }
        self.sent: list[tuple[str, str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class FakeHandler(BaseHTTPRequestHandler):
    server: FakeEmulator

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.server.sent.append((self.command, self.path, body))
        found = self.server.answers.get(f"{self.command} {path}", self.server.answers.get(path))
        status = 404 if found is None else 200
        content = found if isinstance(found, bytes) else json.dumps(found or {"message": "none"}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = _answer

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class MotoTarget(LocalTarget):
    """A local target whose clients are moto's."""

    def client(self, service: str, config: object = None, region: str | None = None) -> Any:
        return boto3.client(service, region_name=region or REGION)


class Browser(Client):
    """The user's browser: it came by the link, and says so."""

    def open(self, path: Any, *args: Any, **options: Any) -> Any:
        if isinstance(path, str):
            options.setdefault("base_url", f"http://{HOST}/")
            options.setdefault("headers", {"Origin": f"http://{HOST}"})
        return super().open(path, *args, **options)

    def read(self, path: str, **options: Any) -> str:
        answer = self.get(f"{self.root}{path}", **options)
        assert answer.status_code == 200, answer.text
        return answer.text

    def act(self, path: str, **fields: Any) -> str:
        """Send a form, and give the page that it leads to."""
        answer = self.post(f"{self.root}{path}", data=fields)
        assert answer.status_code == 303, answer.text
        return self.get(answer.headers["Location"]).text

    root = ""


@pytest.fixture
def emulator() -> Iterator[FakeEmulator]:
    server = FakeEmulator()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws(config={"lambda": {"use_docker": False}}):
        yield


@pytest.fixture
def target(emulator, tmp_path) -> MotoTarget:
    (tmp_path / "control-token").write_text("token")
    project = SimpleNamespace(
        folder=tmp_path,
        settings=SimpleNamespace(events="events", region=REGION),
        event=lambda deployment, event: event,
        dead_letters=lambda deployment: None,
        command_line=lambda command: command,
    )
    return MotoTarget(emulator.url, tmp_path, project=project)  # type: ignore[arg-type]


@pytest.fixture
def access() -> Access:
    return Access()


@pytest.fixture
def source(target) -> Source:
    return Source(target)


def browser_of(source: Source, access: Access) -> Browser:
    browser = Browser(Console(source, access))
    browser.root = access.root
    assert browser.get(f"/?token={access.token}").status_code == 303
    return browser


@pytest.fixture
def browser(source, access) -> Browser:
    return browser_of(source, access)


@pytest.fixture
def on_aws(access, tmp_path, monkeypatch) -> Browser:
    """The same of an AWS account, whose packages nobody downloads."""

    def refuse(source: Source, location: str) -> bytes:
        raise HarnessError("not downloaded")

    monkeypatch.setattr("serverless_harness.console.function_code._package", refuse)
    project = SimpleNamespace(
        folder=tmp_path, settings=SimpleNamespace(events="events"), command_line=lambda command: command
    )
    source = Source(AwsOfMoto("123456789012", REGION, project=project))  # type: ignore[arg-type]
    return browser_of(source, access)


class AwsOfMoto(AwsTarget):
    @property
    def state_dir(self) -> Any:
        return Path("/nonexistent")

    def client(self, service: str, config: object = None, region: str | None = None) -> Any:
        return boto3.client(service, region_name=region or REGION)


def package(**files: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "."), text)
    return content.getvalue()


@pytest.fixture
def function(emulator) -> str:
    """A function with a role, a variable and code, whose package the emulator serves."""
    role = boto3.client("iam", region_name=REGION).create_role(
        RoleName="runner", AssumeRolePolicyDocument=TRUST
    )
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["sqs:SendMessage", "sqs:Purge*"], "Resource": "*"}],
    }
    boto3.client("iam", region_name=REGION).put_role_policy(
        RoleName="runner", PolicyName="own", PolicyDocument=json.dumps(policy)
    )
    client = boto3.client("lambda", region_name=REGION)
    code = package(main__py=f"# {HOSTILE}\ndef handler(event, context): ...\n", other__py="other = 1\n")
    client.create_function(
        FunctionName="shop-accept",
        Runtime="python3.13",
        Role=role["Role"]["Arn"],
        Handler="main.handler",
        Code={"ZipFile": code},
        MemorySize=256,
        Timeout=7,
        Environment={"Variables": {"greeting": HOSTILE}},
    )
    location = client.get_function(FunctionName="shop-accept")["Code"]["Location"]
    emulator.answers["/" + location.split("/", 3)[3].partition("?")[0]] = code
    return "shop-accept"
