import threading
from types import SimpleNamespace

import pytest
from localstack import config
from localstack.services.lambda_.invocation.logs import LogHandler
from localstack.services.lambda_.invocation.version_manager import LambdaVersionManager

from serverless_harness.emulator.patches import lambda_logs


@pytest.fixture
def process_executor(monkeypatch):
    monkeypatch.setattr(config, "LAMBDA_RUNTIME_EXECUTOR", "process")


def test_no_version_has_a_log_thread_and_no_result_is_logged_again(process_executor, applied, version):
    applied("lambda_logs")
    handler = LogHandler(version.config.role, version.id.region)
    before = threading.active_count()
    handler.start_subscriber()
    assert threading.active_count() == before
    manager = SimpleNamespace(log_handler=handler)
    LambdaVersionManager.store_logs(manager, SimpleNamespace(logs="START\n"), None)
    assert handler.log_queue.empty()
    handler.stop()


def test_the_last_lines_are_delivered_after_the_environments_have_stopped(monkeypatch):
    events = []
    writer = SimpleNamespace(flush=lambda timeout_s: events.append(f"flush within {timeout_s} s"))
    monkeypatch.setattr(lambda_logs, "shared_writer", lambda: writer)
    lambda_logs._stop(lambda _service: events.append("stop"), None)
    assert events == ["stop", "flush within 5 s"]
