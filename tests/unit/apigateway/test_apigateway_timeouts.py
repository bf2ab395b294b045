"""How long API Gateway waits for an integration."""

import threading
from types import SimpleNamespace

import pytest
from localstack.services.apigateway.next_gen.execute_api.gateway_response import IntegrationTimeoutError

from serverless_harness.emulator.apigateway import timeouts
from serverless_harness.emulator.apigateway.timeouts import TimedIntegration
from serverless_harness.emulator.delivery.function_waits import FUNCTION_WAITS

IN_PATH = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/{}/invocations"
ARN = "arn:aws:lambda:eu-west-1:111122223333:function:own"


class Integration:
    """Answers with the thread that it ran in, and how many requests waited, once it may."""

    def __init__(self):
        self.may_answer = threading.Event()
        self.may_answer.set()

    def invoke(self, context):
        self.may_answer.wait()
        if context.fails:
            raise ValueError("the integration's own")
        return threading.current_thread(), FUNCTION_WAITS.count


def context(kind="HTTP", uri="http://127.0.0.1/", fails=False, **integration):
    return SimpleNamespace(
        integration={"type": kind, **integration}, integration_request={"uri": uri}, fails=fails
    )


def test_an_answer_in_time_is_the_integrations():
    thread, _ = TimedIntegration(Integration()).invoke(context())
    assert thread is not threading.current_thread()
    with pytest.raises(ValueError, match="the integration's own"):
        TimedIntegration(Integration()).invoke(context(fails=True))


def test_an_answer_that_takes_too_long_is_a_timeout():
    integration = Integration()
    integration.may_answer.clear()
    with pytest.raises(IntegrationTimeoutError, match="Endpoint request timed out") as raised:
        TimedIntegration(integration).invoke(context(timeoutInMillis=50))
    assert raised.value.status_code == "504"
    integration.may_answer.set()


def test_a_pause_of_the_emulator_neednt_wait_for_it():
    FUNCTION_WAITS.entered()
    try:
        _, waiting = TimedIntegration(Integration()).invoke(context("AWS_PROXY", IN_PATH.format(ARN)))
    finally:
        FUNCTION_WAITS.left()
    assert waiting == 1
    assert FUNCTION_WAITS.count == 0


@pytest.mark.parametrize("named", [ARN, f"{ARN}:live", "own", "own:live", "111122223333:function:own"])
def test_a_function_that_is_debugged_is_waited_for(monkeypatch, named):
    monkeypatch.setattr(timeouts.DEBUGGER, "is_debugged", lambda name: name == "own")
    thread, _ = TimedIntegration(Integration()).invoke(context("AWS_PROXY", IN_PATH.format(named)))
    assert thread is threading.current_thread()
    thread, _ = TimedIntegration(Integration()).invoke(context("AWS", IN_PATH.format("other")))
    assert thread is not threading.current_thread()


def test_a_mock_needs_no_thread():
    thread, _ = TimedIntegration(Integration()).invoke(context("MOCK", ""))
    assert thread is threading.current_thread()
