"""LocalStack's view: the plugin, and the executor from prepare_version to stop."""

import dataclasses
import json

import pytest
from executor_support import CollectingSink, PlainSandbox
from function_versions import function_version
from localstack.aws.api.lambda_ import PackageType, Runtime
from localstack.services.lambda_.invocation import runtime_executor
from localstack.services.lambda_.invocation.runtime_executor import LambdaRuntimeException

from serverless_harness.emulator import settings
from serverless_harness.emulator.lambda_executor import executor as executor_module
from serverless_harness.emulator.lambda_executor.executor import ProcessRuntimeExecutor
from serverless_harness.emulator.lambda_executor.invoke import Invoke
from serverless_harness.emulator.lambda_executor.runtime_process import EnvironmentStoppedError
from serverless_harness.emulator.sandbox.interpreters import InterpreterNotFoundError

ENV_VARS = {
    "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/31/[$LATEST]abc",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "token",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
}
INVOKE = Invoke("id-1", b"{}", "arn:f", trace_id="Root=1-a-b")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Plain sandboxes, and a sink for the log; both are kept."""
    kept = {"specs": [], "sandboxes": [], "streams": [], "sink": CollectingSink()}

    def create_sandbox(spec):
        kept["specs"].append(spec)
        kept["sandboxes"].append(PlainSandbox(spec.code_dir))
        return kept["sandboxes"][-1]

    def open_log_sink(_, log_stream_name):
        kept["streams"].append(log_stream_name)
        return kept["sink"]

    monkeypatch.setattr(executor_module, "create_sandbox", create_sandbox)
    monkeypatch.setattr(executor_module, "open_log_sink", open_log_sink)
    monkeypatch.setattr(settings, "state_dir", lambda: tmp_path / "state")
    return kept


@pytest.fixture
def make(tmp_path, machine):
    made = []

    def make(code, **changes):
        (tmp_path / "function.py").write_text(code)
        version = function_version(tmp_path, **changes)
        ProcessRuntimeExecutor.prepare_version(version)
        made.append(ProcessRuntimeExecutor("abc", version))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def test_is_what_localstack_loads(monkeypatch):
    monkeypatch.setattr(runtime_executor.config, "LAMBDA_RUNTIME_EXECUTOR", "process")
    assert runtime_executor.get_runtime_executor() is ProcessRuntimeExecutor


def test_invoke_returns_payload_and_tail(make, machine):
    one = make("import os\ndef handler(event, context): return os.environ['AWS_LAMBDA_LOG_STREAM_NAME']")
    one.start(ENV_VARS)
    result = one.invoke(INVOKE)
    assert (result.request_id, result.is_error) == ("id-1", False)
    assert json.loads(result.payload) == "2026/01/31/[$LATEST]abc"
    assert result.logs.startswith("START RequestId: id-1 Version: $LATEST\n")
    assert machine["streams"] == ["2026/01/31/[$LATEST]abc"]
    assert machine["sink"].messages[0].startswith("INIT_START Runtime Version: python:3.13.v")
    assert machine["sink"].messages[0].endswith("Runtime Version ARN: arn:aws:lambda:eu-west-1::runtime:abc")


def test_sandbox_gets_the_functions_limits(make, machine, tmp_path, monkeypatch):
    monkeypatch.setenv("LAMBDA_PROCESS_CPU", "aws")
    make("def handler(event, context): pass").start(ENV_VARS)
    spec = machine["specs"][0]
    assert (spec.memory_mb, spec.ephemeral_storage_mb, spec.cpu) == (256, 512, "aws")
    assert (spec.runtime, spec.code_dir, spec.layers_dir) == ("python3.13", tmp_path, None)
    assert spec.state_dir == tmp_path / "state/environments/abc"


def test_client_context_and_identity_reach_the_function(make):
    one = make(
        "def handler(event, context):\n"
        " return [context.client_context.custom, context.identity.cognito_identity_id]"
    )
    one.start(ENV_VARS)
    context = json.dumps({"custom": {"a": "ä\n"}})
    identity = '{"cognitoIdentityId": "id", "cognitoIdentityPoolId": "pool"}'
    result = one.invoke(dataclasses.replace(INVOKE, client_context=context, cognito_identity=identity))
    assert json.loads(result.payload) == [{"a": "ä\n"}, "id"]


def test_hot_reloaded_code_takes_effect_with_the_next_invoke(make, tmp_path):
    one = make("def handler(event, context): return 'old'")
    one.start(ENV_VARS)
    assert json.loads(one.invoke(INVOKE).payload) == "old"
    (tmp_path / "function.py").write_text("def handler(event, context): return 'newer'")
    assert json.loads(one.invoke(INVOKE).payload) == "newer"


def test_json_log_format(make, machine):
    one = make(
        "def handler(event, context): pass",
        logging_config={"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"},
    )
    one.start(ENV_VARS)
    one.invoke(INVOKE)
    types = [json.loads(message)["type"] for message in machine["sink"].messages]
    assert types == ["platform.initStart", "platform.start", "platform.report"]


def test_json_log_format_at_debug_level(make, machine):
    logging_config = {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "DEBUG"}
    one = make("def handler(event, context): return 'well'", logging_config=logging_config)
    one.start(ENV_VARS)
    one.invoke(INVOKE)
    events = [json.loads(message) for message in machine["sink"].messages]
    assert [event["type"].removeprefix("platform.") for event in events] == [
        "initStart", "initRuntimeDone", "initReport", "start", "runtimeDone", "report",
    ]  # fmt: skip
    assert events[4]["record"]["metrics"]["producedBytes"] == len('"well"')


class TestStop:
    def test_ends_the_environment(self, make, machine):
        one = make("def handler(event, context): pass")
        one.start(ENV_VARS)
        one.stop()
        one.stop()
        assert machine["sandboxes"][0].calls[-1] == "close"
        with pytest.raises(EnvironmentStoppedError):
            one.invoke(INVOKE)

    def test_before_start(self, make, machine):
        one = make("def handler(event, context): pass")
        one.stop()
        with pytest.raises(EnvironmentStoppedError):
            one.start(ENV_VARS)
        assert machine["sandboxes"][0].calls == ["close"]


def test_invoke_before_start_is_refused(make):
    with pytest.raises(LambdaRuntimeException, match="was not started"):
        make("").invoke(INVOKE)


class TestPrepareVersion:
    @pytest.mark.parametrize(
        ("changes", "error", "message"),
        [
            ({"package_type": PackageType.Image}, LambdaRuntimeException, r"\.zip packages only"),
            ({"runtime": Runtime.nodejs20_x}, LambdaRuntimeException, "Python only, not nodejs20.x"),
            (
                {"runtime": Runtime.python3_9},
                InterpreterNotFoundError,
                r"python3\.9 .*available: .*python3\.13",
            ),
        ],
    )
    def test_says_what_it_cannot_run(self, tmp_path, machine, monkeypatch, changes, error, message):
        monkeypatch.delenv("LAMBDA_PROCESS_NEAREST_RUNTIME", raising=False)
        with pytest.raises(error, match=message):
            ProcessRuntimeExecutor.prepare_version(function_version(tmp_path, **changes))


class TestSettings:
    def test_cpu(self, monkeypatch):
        monkeypatch.delenv("LAMBDA_PROCESS_CPU", raising=False)
        assert settings.cpu() == "unlimited"
        monkeypatch.setenv("LAMBDA_PROCESS_CPU", "half")
        with pytest.raises(settings.InvalidSettingError, match="'half': set it to one of unlimited, aws"):
            settings.cpu()
