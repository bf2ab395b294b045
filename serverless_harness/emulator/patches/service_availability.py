"""What nobody provides is said in one line with our page's name, not with LocalStack's license plans.

Services and operations that the community edition lacks, and CloudFormation's resources of them. The latter
is patched with the first call of CloudFormation, which loads that code anyway: at start it would cost 0.3 s.
"""

from localstack.aws import catalog_exceptions, skeleton
from localstack.aws.handlers import service

from serverless_harness.emulator.coverage.errors import not_available
from serverless_harness.emulator.patches import replace

PATCHED: list[object] = [catalog_exceptions.get_service_availability_exception]


def apply() -> None:
    """Replace the maker of the message where it is used."""
    for module in (service, skeleton):
        replace(module, "get_service_availability_exception", not_available)


def apply_to_cloudformation() -> None:
    """Replace what CloudFormation asks for a stack's resources, and says of those that aren't here."""
    from localstack.services.cloudformation.engine.v2 import change_set_resource_support_checker as checker

    from serverless_harness.emulator.coverage import cloudformation

    replace(checker.ChangeSetResourceSupportChecker, "_resource_support_status", cloudformation.support_of)
    replace(checker, "_build_resource_failure_message", cloudformation.failure_of)
