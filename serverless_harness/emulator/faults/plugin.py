"""Adds the faults to LocalStack's gateway."""

from serverless_harness.emulator.faults.api import PATH, FaultsResource
from serverless_harness.emulator.faults.gateway import CallFaults
from serverless_harness.emulator.faults.registry import REGISTRY


def register() -> None:
    """Serve the faults' interface and strike with what it sets. Called once, when LocalStack starts."""
    from localstack.aws import handlers
    from localstack.http import Resource
    from localstack.services.edge import ROUTER

    faults = CallFaults(REGISTRY)
    handlers.serve_custom_service_request_handlers.handlers.insert(0, faults.strike)
    handlers.run_custom_finalizers.append(faults.drop_answer)
    resource = FaultsResource(REGISTRY)
    ROUTER.add(Resource(PATH, resource))
    ROUTER.add(Resource(f"{PATH}/<fault_id>", resource))
