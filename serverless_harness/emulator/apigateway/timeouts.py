"""How long API Gateway waits for an integration (`timeoutInMillis`, 29 seconds if none is set).

Sources: AWS pages "Amazon API Gateway quotas" (integration timeout) and "How do I troubleshoot API HTTP 504
timeout errors with API Gateway?". The function goes on after API Gateway has answered 504.
"""

import threading
from concurrent.futures import Future, wait
from contextvars import copy_context
from typing import Any

from localstack.services.apigateway.next_gen.execute_api.gateway_response import IntegrationTimeoutError
from localstack.services.lambda_.invocation.models import lambda_stores

from serverless_harness.emulator.apigateway import RestInvocation
from serverless_harness.emulator.debugger.registry import DEBUGGER

DEFAULT_TIMEOUT_MS = 29_000
INIT_S = 10
"""A cold start comes before the time that a function has."""
LAMBDA = ":lambda:path/2015-03-31/functions/"
MESSAGE = "Endpoint request timed out"


class TimedIntegration:
    """One of LocalStack's integrations, which is answered for when it takes too long."""

    def __init__(self, integration: Any) -> None:  # noqa: ANN401 (LocalStack's RestApiIntegration)
        self.integration = integration

    def invoke(self, context: RestInvocation) -> Any:  # noqa: ANN401 (LocalStack's EndpointResponse)
        """Return the integration's answer; raises IntegrationTimeoutError if there is none in time.

        What can't take longer runs in the request's own thread.
        """
        limit_s = int(context.integration.get("timeoutInMillis") or DEFAULT_TIMEOUT_MS) / 1000
        if not may_take_longer(context, limit_s):
            return self.integration.invoke(context)
        answer: Future[Any] = Future()
        run = copy_context().run

        def answer_later() -> None:
            try:
                answer.set_result(run(self.integration.invoke, context))
            except BaseException as error:  # noqa: BLE001 (it is raised where the answer is awaited)
                answer.set_exception(error)

        threading.Thread(target=answer_later, name="apigateway-integration", daemon=True).start()
        if not wait([answer], limit_s).done:
            raise IntegrationTimeoutError(MESSAGE)
        return answer.result()


def may_take_longer(context: RestInvocation, limit_s: float) -> bool:
    """Return whether an integration may take longer than so many seconds.

    A function has its own timeout, none while it is debugged; LocalStack's other services answer at once.
    """
    if context.integration["type"].startswith("HTTP"):
        return True
    uri = str((context.integration_request or context.integration).get("uri") or "")
    if LAMBDA not in uri:
        return False
    _, _, _, region, account_id, _, name, *_ = uri.split(LAMBDA)[1].removesuffix("/invocations").split(":")
    function = lambda_stores[account_id][region].functions.get(name)
    if function is None or DEBUGGER.is_debugged(name):
        return False
    return bool(limit_s < INIT_S + max(each.config.timeout for each in list(function.versions.values())))
