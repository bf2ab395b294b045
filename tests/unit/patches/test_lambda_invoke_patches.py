"""Log streams, client context, request checks, runtimes: what an invoke and its environment are given."""

import base64
import json
import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from localstack import config
from localstack.aws.api.lambda_ import (
    InvalidParameterValueException,
    InvalidRequestContentException,
    InvocationType,
)
from localstack.services.lambda_.invocation.execution_environment import (
    ExecutionEnvironment,
    InvalidStatusException,
    RuntimeStatus,
)
from localstack.services.lambda_.invocation.lambda_models import (
    InitializationType,
    Invocation,
    RequestEntityTooLargeException,
)
from localstack.services.lambda_.provider import LambdaProvider

from serverless_harness.emulator.lambda_executor import log_streams
from serverless_harness.emulator.lambda_service import invoke_request
from serverless_harness.emulator.sandbox import interpreters


def environment(version, **fields):
    """An execution environment, without the executor that LocalStack makes for it."""
    made = ExecutionEnvironment.__new__(ExecutionEnvironment)
    vars(made).update(
        id="0123456789abcdef0123456789abcdef",
        function_version=version,
        status_lock=threading.RLock(),
        status=RuntimeStatus.INVOKING,
        initialization_type=InitializationType.on_demand,
        **fields,
    )
    return made


class Clock(datetime):
    now_utc = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)

    @classmethod
    def now(cls, tz=None):
        return cls.now_utc.astimezone(tz)


def test_the_log_stream_keeps_its_name_over_midnight(applied, version, monkeypatch):
    applied("lambda_log_streams")
    monkeypatch.setattr(log_streams, "datetime", Clock)
    early = environment(version)
    name = early.get_log_stream_name()
    assert name == "2026/03/01/[$LATEST]0123456789abcdef0123456789abcdef"
    monkeypatch.setattr(Clock, "now_utc", Clock.now_utc + timedelta(seconds=2))
    assert early.get_log_stream_name() == name
    assert environment(version).get_log_stream_name().startswith("2026/03/02/")


def test_the_log_group_is_the_configured_one(applied, version):
    applied("lambda_log_streams")
    assert environment(version).get_log_group_name() == "/aws/lambda/accept"
    version.config.logging_config = {"LogFormat": "Text", "LogGroup": "/shop/accept"}
    assert environment(version).get_log_group_name() == "/shop/accept"


def test_a_released_environment_is_ready_and_has_no_timer(applied, version):
    applied("lambda_assignment")
    released = environment(version)
    threads = threading.active_count()
    released.release()
    assert released.status is RuntimeStatus.READY
    assert threading.active_count() == threads
    with pytest.raises(InvalidStatusException):
        released.release()


def test_an_init_with_provisioned_concurrency_may_last_longer_than_the_startup_timeout(applied, version):
    applied("lambda_assignment")
    provisioned = environment(version)
    assert provisioned._get_startup_timeout_seconds() == config.LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT
    provisioned.initialization_type = InitializationType.provisioned_concurrency
    assert provisioned._get_startup_timeout_seconds() > 130
    version.config.timeout = 900
    assert provisioned._get_startup_timeout_seconds() > 900


def invocation(**fields):
    return Invocation(
        **{
            "payload": b"{}",
            "invoked_arn": "arn:aws:lambda:eu-central-1:000000000000:function:accept",
            "client_context": None,
            "invocation_type": InvocationType.RequestResponse,
            "invoke_time": datetime.now(),
            "request_id": "request",
            "trace_context": {},
            **fields,
        }
    )


def invoked(version, request):
    invokes = []
    executor = SimpleNamespace(invoke=invokes.append)
    environment(version, runtime_executor=executor).invoke(request)
    return invokes[0]


def test_client_context_and_cognito_identity_reach_the_executor(applied, version):
    applied("lambda_client_context")
    request = invocation(
        client_context="e30=", trace_context={"cognito_identity": '{"cognitoIdentityId": "i"}'}
    )
    one = invoked(version, request)
    assert one.client_context == "{}"
    assert one.cognito_identity == '{"cognitoIdentityId": "i"}'
    assert one.request_id == "request"
    assert one.trace_id.startswith("Root=1-")


def test_an_invoke_without_them_carries_neither_key(applied, version):
    applied("lambda_client_context")
    one = invoked(version, invocation())
    assert (one.client_context, one.cognito_identity) == (None, None)


def test_a_client_context_is_one_line(applied, version):
    applied("lambda_client_context")
    context = base64.b64encode(json.dumps({"custom": {"a": "b\n"}}, indent=1).encode()).decode()
    assert invoked(version, invocation(client_context=context)).client_context == '{"custom":{"a":"b\\n"}}'


def test_an_asynchronous_invoke_carries_no_client_context(applied, version):
    applied("lambda_client_context")
    request = invocation(client_context="e30=", invocation_type=InvocationType.Event)
    assert invoked(version, request).client_context is None


def test_the_cognito_identity_is_taken_from_the_request(applied):
    received = []

    def provider_invoke(_self, context, function_name):
        received.append((context.trace_context, function_name))

    module = applied("lambda_client_context")
    for headers, expected in (({}, {}), ({"X-Amz-Cognito-Identity": "{}"}, {"cognito_identity": "{}"})):
        context = SimpleNamespace(request=SimpleNamespace(headers=headers), trace_context={})
        module._provider_invoke(provider_invoke, None, context, function_name="accept")
        assert received.pop() == (expected, "accept")


def encoded(value):
    return base64.b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    "payload", [None, b"", b"{}", b'"text"', b"null", b"[1, 2]", "\u00e4".join('""').encode()]
)
@pytest.mark.parametrize("client_context", [None, encoded({"custom": {}})])
def test_valid_requests_pass(payload, client_context):
    invoke_request.check(payload, client_context, InvocationType.Event)


@pytest.mark.parametrize("payload", [b"{", b"'text'", b"\xff", b"[" * 100_000])
def test_a_payload_that_is_no_json_is_refused(payload):
    with pytest.raises(InvalidRequestContentException, match="Could not parse request body into json"):
        invoke_request.check(payload, None, InvocationType.RequestResponse)


@pytest.mark.parametrize(
    ("invocation_type", "limit_bytes"),
    [(InvocationType.RequestResponse, 6_291_456), (InvocationType.Event, 1_048_576)],
)
def test_a_payload_above_the_limit_is_refused(invocation_type, limit_bytes):
    payload = b'"' + b"x" * (limit_bytes - 2) + b'"'
    invoke_request.check(payload, None, invocation_type)
    with pytest.raises(
        RequestEntityTooLargeException, match=rf"{limit_bytes + 1} byte payload .*{limit_bytes} bytes"
    ):
        invoke_request.check(payload + b" ", None, invocation_type)


@pytest.mark.parametrize("client_context", ["not base64!", encoded([1]), base64.b64encode(b"{").decode()])
def test_a_client_context_that_is_no_object_is_refused(client_context):
    with pytest.raises(InvalidRequestContentException, match="valid Base64-encoded JSON object"):
        invoke_request.check(b"{}", client_context, InvocationType.RequestResponse)


@pytest.fixture
def provider(applied, monkeypatch, tmp_path):
    """LocalStack's provider on a machine that has python3.13 only."""
    (tmp_path / "python3.13" / "bin").mkdir(parents=True)
    (tmp_path / "python3.13" / "bin" / "python").touch()
    monkeypatch.setenv("LAMBDA_PROCESS_RUNTIMES", str(tmp_path))
    monkeypatch.setattr(config, "LAMBDA_RUNTIME_EXECUTOR", "process")
    applied("lambda_runtimes")
    return LambdaProvider.__new__(LambdaProvider)


def test_a_runtime_that_is_installed_is_accepted(provider):
    assert interpreters.find("python3.13").runtime == "python3.13"
    provider._validate_runtime("Zip", "python3.13")


@pytest.mark.parametrize("runtime", ["python3.12", "nodejs22.x"])
def test_a_runtime_that_is_not_installed_is_refused_with_those_that_are(provider, runtime):
    with pytest.raises(
        InvalidParameterValueException, match=rf"{runtime} is not on this machine.*python3\.13"
    ):
        provider._validate_runtime("Zip", runtime)
    with pytest.raises(InvalidParameterValueException, match=rf"{runtime} is not on this machine"):
        provider.update_function_configuration(None, {"FunctionName": "accept", "Runtime": runtime})


def test_localstacks_own_check_comes_first(provider):
    with pytest.raises(InvalidParameterValueException, match="enum value set"):
        provider._validate_runtime("Zip", "python9")


def test_a_container_image_is_refused(provider):
    with pytest.raises(InvalidParameterValueException, match="without containers"):
        provider._validate_runtime("Image", None)
