"""A deployment belongs to one run of an emulator; the next one starts with nothing."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import httpx
import pytest

from serverless_harness.deploy.deployment import Deployment
from serverless_harness.deploy.emulator_session import (
    forget_earlier_sessions,
    recorded_session_id,
    session_id,
)
from serverless_harness.deploy.terraform import UNFINISHED
from serverless_harness.errors import HarnessError
from serverless_harness.project.project import Project
from serverless_harness.project.settings import Settings
from serverless_harness.stack import container_roles
from serverless_harness.targets import LocalTarget
from serverless_harness.waiting import Wait


@pytest.fixture
def emulator():
    """Answers as LocalStack does; `emulator.session` is its run."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"version": "4.14.0", "session_id": server.session}).encode()
            known = self.path in ("/_localstack/info", "/_localstack/health")
            self.send_response(200 if known else 404)
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


@pytest.mark.parametrize("recorded", ["first", "first.checkpoint"])
def test_a_run_that_continues_keeps_its_state(target, emulator, recorded):
    emulator.session = recorded
    forget_earlier_sessions(target)
    (target.state_dir / "terraform.tfstate").write_text("{}")
    emulator.session = "first.second"

    assert forget_earlier_sessions(target) is False

    assert (target.state_dir / "terraform.tfstate").exists()
    assert recorded_session_id(target) == "first.second"


def test_no_emulator_changes_nothing(target, emulator):
    forget_earlier_sessions(target)
    emulator.shutdown()
    emulator.server_close()

    with pytest.raises(httpx.HTTPError):
        forget_earlier_sessions(target)

    assert recorded_session_id(target) == "first"
    with pytest.raises(httpx.HTTPError):
        session_id(target.endpoint_url)


class TestCompose:
    """What the role `app` does until its emulator ends."""

    @pytest.fixture
    def looks(self):
        return []

    @pytest.fixture
    def up_to_date(self, target, looks, tmp_path, monkeypatch):
        """The service at its work, as the future of its end."""
        monkeypatch.setattr(container_roles, "ANSWERS", tmp_path / "answers")
        monkeypatch.setattr(container_roles, "_deploy_lock", lambda: tmp_path / "lock")
        monkeypatch.setattr(container_roles, "LOOK_INTERVAL_S", 0.01)
        forget_earlier_sessions(target)

        class Watch:
            def look(self):
                looks.append(1)

        with ThreadPoolExecutor(1) as pool:
            yield pool.submit(container_roles.keep_up_to_date, Watch(), target, target.endpoint_url, "first")

    def test_a_next_run_that_was_never_seen_to_be_away_ends_it(self, up_to_date, target, emulator, looks):
        Wait("a look", 10).until(lambda: looks)
        emulator.session = "second"
        forget_earlier_sessions(target)

        assert up_to_date.result(timeout=10) is None

    def test_an_emulator_that_has_ended_ends_it(self, up_to_date, emulator, looks):
        Wait("a look", 10).until(lambda: looks)
        emulator.shutdown()
        emulator.server_close()

        assert up_to_date.result(timeout=10) is None

    @pytest.mark.parametrize("cut_off", [False, True])
    def test_after_a_deployment_that_was_cut_off_the_way_to_start_over_is_said(
        self, target, tmp_path, monkeypatch, cut_off
    ):
        def fail(*_):
            raise HarnessError("terraform apply failed: a.b")

        monkeypatch.setattr(container_roles, "_deploy_lock", lambda: tmp_path / "lock")
        monkeypatch.setattr(container_roles, "deploy_and_seed", fail)
        forget_earlier_sessions(target)
        if cut_off:
            (target.state_dir / "terraform").mkdir()
            (target.state_dir / "terraform" / UNFINISHED).touch()

        with pytest.raises(HarnessError) as failure:
            container_roles.deploy(target)

        assert ("docker compose down -v" in str(failure.value)) is cut_off

    def test_hints_are_asked_for_through_the_door_and_shown_with_the_hosts_address(
        self, target, tmp_path, monkeypatch, capsys
    ):
        class Asking(Project):
            def hints(self, deployment, options):
                session = session_id(deployment.target.endpoint_url)
                return [f"curl {deployment.target.api_url('api', 'dev')}/{session}"]

        inside = LocalTarget("http://localstack:1", tmp_path, project=Asking(tmp_path, Settings()))
        monkeypatch.setattr(container_roles, "parse_endpoint", lambda _: SimpleNamespace(target=inside))
        monkeypatch.setattr(container_roles, "_session_or_none", lambda _: "first")
        monkeypatch.setattr(container_roles, "deploy", lambda target: Deployment(target, {}))
        monkeypatch.setattr(container_roles, "keep_up_to_date", lambda *_: None)

        with pytest.raises(HarnessError):
            container_roles.run_app("http://localstack:1", target.endpoint_url, "http://outside:2")

        assert "curl http://outside:2/_aws/execute-api/api/dev/first\n" in capsys.readouterr().out
