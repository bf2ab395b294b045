"""What the emulator answers to who debugs: sessions, and requests that make none."""

import json
import socket

import pytest
from localstack.http import Request

from serverless_harness.emulator.debugger.registry import DebuggerRegistry
from serverless_harness.emulator.debugger.routes import DebuggerResource
from serverless_harness.stack.embedded import free_port


@pytest.fixture
def resource():
    resource = DebuggerResource(DebuggerRegistry())
    yield resource
    resource.on_delete(Request())


@pytest.fixture
def packages(tmp_path):
    (tmp_path / "debugpy").mkdir()
    return tmp_path


def put(resource, body):
    content = body if isinstance(body, bytes) else json.dumps(body)
    answer = resource.on_put(Request("PUT", body=content), "accept")
    return answer.status_code, answer.get_json()


def test_sessions_are_started_listed_and_ended(resource, packages):
    port = free_port()
    session = {"function": "accept", "port": port, "has_client": False, "waiting": None}
    for _ in range(2):
        assert put(resource, {"port": port, "packages": str(packages)}) == (200, session)
    assert resource.on_get(Request()).get_json() == {"sessions": [session]}
    assert resource.on_delete(Request(), "decrypt").status_code == 404
    assert resource.on_delete(Request(), "accept").get_json() == {"sessions": [session]}
    assert resource.on_delete(Request()).get_json() == {"sessions": []}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", {"port": 5678}, {"port": "x", "packages": "/"}, {"port": 1, "packages": 2}]
)
def test_what_makes_no_session_is_refused(resource, body):
    status, answer = put(resource, body)
    assert (status, answer["message"][:8]) == (400, "give the")


def test_a_wrong_port_a_taken_one_and_a_folder_without_debugpy_are_refused(resource, packages, tmp_path):
    assert put(resource, {"port": 70_000, "packages": str(packages)})[0] == 400
    assert put(resource, {"port": free_port(), "packages": str(tmp_path / "none")})[0] == 400
    for host in ("192.0.2.1", "", None, []):
        assert put(resource, {"port": free_port(), "packages": str(packages), "host": host})[0] == 400
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, answer = put(resource, {"port": port, "packages": str(packages)})
    assert status == 400
    assert f"nothing can listen on port {port}" in answer["message"]
