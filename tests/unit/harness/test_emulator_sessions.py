"""A deployment belongs to one run of an emulator; the next one starts with nothing."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from harness.session import forget_earlier_sessions, recorded_session_id, session_id
from harness.targets import LocalTarget


@pytest.fixture
def emulator():
    """Answers as LocalStack does; `emulator.session` is its run."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"version": "4.14.0", "session_id": server.session}).encode()
            self.send_response(200 if self.path == "/_localstack/info" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.session = "first"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def target(emulator, tmp_path):
    return LocalTarget(f"http://127.0.0.1:{emulator.server_port}", tmp_path / "state")


def test_first_run_is_recorded(target):
    assert recorded_session_id(target) is None
    assert forget_earlier_sessions(target) is False
    assert recorded_session_id(target) == "first"


def test_same_run_keeps_its_state(target):
    forget_earlier_sessions(target)
    (target.state_dir / "terraform.tfstate").write_text("{}")

    assert forget_earlier_sessions(target) is False

    assert (target.state_dir / "terraform.tfstate").exists()


def test_next_run_starts_with_nothing(target, emulator):
    forget_earlier_sessions(target)
    (target.state_dir / "terraform").mkdir()
    (target.state_dir / "terraform" / "terraform.tfstate").write_text("{}")
    emulator.session = "second"

    assert forget_earlier_sessions(target) is True

    assert [file.name for file in target.state_dir.iterdir()] == ["session"]
    assert recorded_session_id(target) == "second"


def test_no_emulator_changes_nothing(target, emulator):
    forget_earlier_sessions(target)
    emulator.shutdown()
    emulator.server_close()

    with pytest.raises(httpx.HTTPError):
        forget_earlier_sessions(target)

    assert recorded_session_id(target) == "first"
    with pytest.raises(httpx.HTTPError):
        session_id(target.endpoint_url)
