"""Which resources CloudFormation can make here: those that LocalStack has a provider for.

LocalStack asks a catalog that it fetches from the network, which knows nothing without one.
"""

from localstack.services.cloudformation.resource_provider import plugin_manager
from localstack.utils.catalog.common import CloudFormationResourcesSupportAtRuntime

from serverless_harness.emulator.coverage import PAGE


def support_of(checker: object, resource_type: str) -> CloudFormationResourcesSupportAtRuntime:
    """Return whether a type of resource can be made."""
    if resource_type in plugin_manager.list_names():
        return CloudFormationResourcesSupportAtRuntime.AVAILABLE
    return CloudFormationResourcesSupportAtRuntime.NOT_IMPLEMENTED


def failure_of(resource_type: str, status: object) -> str:
    """Return why a stack with such a resource fails."""
    return f"{resource_type} is not emulated ({PAGE})"
