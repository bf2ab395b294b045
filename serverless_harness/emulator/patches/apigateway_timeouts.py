"""API Gateway answers 504 when an integration takes longer than its timeout.

LocalStack keeps `timeoutInMillis`, and waits for as long as it takes.
"""

from localstack.services.apigateway.next_gen.execute_api.handlers import integration
from localstack.services.apigateway.next_gen.execute_api.handlers.integration import IntegrationHandler
from localstack.services.apigateway.next_gen.execute_api.integrations import REST_API_INTEGRATIONS

from serverless_harness.emulator.apigateway.timeouts import TimedIntegration
from serverless_harness.emulator.patches import replace

PATCHED: list[object] = [IntegrationHandler]


def apply() -> None:
    """Put a time limit around each integration."""
    timed = {name: TimedIntegration(each) for name, each in REST_API_INTEGRATIONS.items()}
    replace(integration, "REST_API_INTEGRATIONS", timed)
