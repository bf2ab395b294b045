"""The embedded stack's environment: LocalStack's settings, and nothing of the host's that would leak in."""

import pytest

from harness import paths
from harness.stack import EmbeddedStack

LEAKS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_CA_BUNDLE",
    "HTTPS_PROXY",
    "http_proxy",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "PYTHONPATH",
    "LD_PRELOAD",
    "LOCALSTACK_AUTH_TOKEN",
)


@pytest.fixture
def stack(monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "STACKS", tmp_path)
    return EmbeddedStack(4700, {"LAMBDA_KEEPALIVE_MS": "1000"})


@pytest.mark.parametrize("name", LEAKS)
def test_the_hosts_settings_do_not_reach_the_stack(stack, monkeypatch, name):
    monkeypatch.setenv(name, "the host's")
    assert name not in stack.environ()


def test_shared_settings_come_from_the_one_file(stack):
    environ = stack.environ()
    assert environ["LAMBDA_RUNTIME_EXECUTOR"] == "process"
    assert environ["DISABLE_EVENTS"] == "1"


def test_the_callers_localstack_settings_go_before_the_shared_and_the_stacks_before_them(stack, monkeypatch):
    monkeypatch.setenv("PROVIDER_OVERRIDE_DYNAMODB", "")
    monkeypatch.setenv("LAMBDA_KEEPALIVE_MS", "2000")
    monkeypatch.setenv("DEBUG", "1")
    environ = stack.environ()
    assert environ["PROVIDER_OVERRIDE_DYNAMODB"] == ""
    assert environ["LAMBDA_KEEPALIVE_MS"] == "1000"
    assert environ["DEBUG"] == "1"


def test_state_stays_in_the_stacks_own_folder_and_the_gateway_on_loopback(stack, monkeypatch, tmp_path):
    monkeypatch.setenv("GATEWAY_LISTEN", "0.0.0.0:4566")
    environ = stack.environ()
    assert environ["GATEWAY_LISTEN"] == "127.0.0.1:4700"
    assert {environ[name] for name in ("FILESYSTEM_ROOT", "TMPDIR", "HOME")} == {
        str(tmp_path / "4700" / name) for name in ("filesystem", "tmp", "home")
    }
