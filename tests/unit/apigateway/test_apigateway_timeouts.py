"""How long API Gateway waits for an integration."""

import threading
from types import SimpleNamespace

import pytest
from localstack.services.apigateway.next_gen.execute_api.gateway_response import IntegrationTimeoutError
from localstack.services.lambda_.invocation.models import lambda_stores

from serverless_harness.emulator.apigateway import timeouts
from serverless_harness.emulator.apigateway.timeouts import TimedIntegration, may_take_longer

ACCOUNT, REGION = "111122223333", "eu-west-1"


class Integration:
    """Answers with the thread that it ran in, once it may."""

    def __init__(self):
        self.may_answer = threading.Event()
        self.may_answer.set()

    def invoke(self, context):
        self.may_answer.wait()
        if context.fails:
            raise ValueError("the integration's own")
        return threading.current_thread()


@pytest.fixture
def function():
    """A function whose timeout can be set; gives its ARN."""
    functions = lambda_stores[ACCOUNT][REGION].functions
    config = SimpleNamespace(timeout=3)
    functions["own"] = SimpleNamespace(versions={"$LATEST": SimpleNamespace(config=config)})
    yield SimpleNamespace(config=config, arn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:own")
    del functions["own"]


def context(kind="HTTP", uri="http://127.0.0.1/", fails=False, **integration):
    return SimpleNamespace(
        integration={"type": kind, **integration}, integration_request={"uri": uri}, fails=fails
    )


def of_function(arn, **integration):
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn}/invocations"
    return context("AWS_PROXY", uri, **integration)


def test_an_answer_in_time_is_the_integrations():
    assert TimedIntegration(Integration()).invoke(context()) is not threading.current_thread()
    with pytest.raises(ValueError, match="the integration's own"):
        TimedIntegration(Integration()).invoke(context(fails=True))


def test_an_answer_that_takes_too_long_is_a_timeout():
    integration = Integration()
    integration.may_answer.clear()
    with pytest.raises(IntegrationTimeoutError, match="Endpoint request timed out") as raised:
        TimedIntegration(integration).invoke(context(timeoutInMillis=50))
    assert raised.value.status_code == "504"
    integration.may_answer.set()


def test_what_answers_in_time_anyway_gets_no_thread_of_its_own(function):
    timed = TimedIntegration(Integration())
    assert timed.invoke(of_function(function.arn)) is threading.current_thread()
    assert timed.invoke(context("MOCK", "")) is threading.current_thread()
    assert (
        timed.invoke(context("AWS", f"arn:aws:apigateway:{REGION}:sqs:path/1/q"))
        is threading.current_thread()
    )


@pytest.mark.parametrize(
    ("timeout_s", "limit_s", "expected"), [(3, 29, False), (3, 5, True), (19, 29, False), (20, 29, True)]
)
def test_a_function_may_take_its_timeout_and_an_init(function, timeout_s, limit_s, expected):
    function.config.timeout = timeout_s
    assert may_take_longer(of_function(function.arn), limit_s) is expected
    assert may_take_longer(of_function(f"{function.arn}:live"), limit_s) is expected


def test_a_function_that_is_debugged_or_isnt_there_is_waited_for(function, monkeypatch):
    assert not may_take_longer(of_function(function.arn.replace("own", "other")), 1)
    monkeypatch.setattr(timeouts.DEBUGGER, "is_debugged", lambda name: name == "own")
    assert not may_take_longer(of_function(function.arn), 1)
