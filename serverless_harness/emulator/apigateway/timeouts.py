"""How long API Gateway waits for an integration (`timeoutInMillis`, 29 seconds if none is set).

Sources: AWS pages "Amazon API Gateway quotas" (integration timeout) and "How do I troubleshoot API HTTP 504
timeout errors with API Gateway?". The function goes on after API Gateway has answered 504.
"""

import re
import threading
from concurrent.futures import Future, wait
from contextvars import copy_context
from typing import Any

from localstack.services.apigateway.next_gen.execute_api.gateway_response import IntegrationTimeoutError

from serverless_harness.emulator.apigateway import RestInvocation
from serverless_harness.emulator.debugger.registry import DEBUGGER
from serverless_harness.emulator.delivery.function_waits import FUNCTION_WAITS

DEFAULT_TIMEOUT_MS = 29_000
MESSAGE = "Endpoint request timed out"
_FUNCTION = re.compile(r":lambda:path/2015-03-31/functions/(?:.*:function:)?([^:/]+)")


class TimedIntegration:
    """One of LocalStack's integrations, whose answer is awaited no longer than its timeout."""

    def __init__(self, integration: Any) -> None:  # noqa: ANN401 (LocalStack's RestApiIntegration)
        self.integration = integration

    def invoke(self, context: RestInvocation) -> Any:  # noqa: ANN401 (LocalStack's EndpointResponse)
        """Return the integration's answer; raises IntegrationTimeoutError if there is none in time.

        It runs in a thread of its own, for which the request waits as it would for a function: a pause of the
        emulator needn't wait for either.
        """
        if _has_no_limit(context):
            return self.integration.invoke(context)
        limit_s = int(context.integration.get("timeoutInMillis") or DEFAULT_TIMEOUT_MS) / 1000
        answer: Future[Any] = Future()
        run = copy_context().run

        def answer_later() -> None:
            try:
                answer.set_result(run(self.integration.invoke, context))
            except BaseException as error:  # noqa: BLE001 (it is raised where the answer is awaited)
                answer.set_exception(error)

        with FUNCTION_WAITS.waiting():
            threading.Thread(target=answer_later, name="apigateway-integration", daemon=True).start()
            is_in_time = bool(wait([answer], limit_s).done)
        if not is_in_time:
            raise IntegrationTimeoutError(MESSAGE)
        return answer.result()


def _has_no_limit(context: RestInvocation) -> bool:
    """Return whether there is no limit: a mock answers at once, and a function that is debugged may stop."""
    if context.integration["type"] == "MOCK":
        return True
    function = _FUNCTION.search(str((context.integration_request or context.integration).get("uri") or ""))
    return function is not None and DEBUGGER.is_debugged(function[1])
