"""An update lets the invokes that the old version has accepted finish (`lambda_service.updates`).

LocalStack kills the old version's environments in the middle of their invokes, deletes its code at once, and
refuses an invoke that reaches the old version a moment too late.
"""

from localstack.services.lambda_.invocation.lambda_models import S3Code
from localstack.services.lambda_.invocation.lambda_service import LambdaService
from localstack.services.lambda_.invocation.version_manager import LambdaVersionManager

from serverless_harness.emulator.lambda_service import updates
from serverless_harness.emulator.patches import replace, wrap

PATCHED: list[object] = [
    LambdaVersionManager.invoke,
    LambdaVersionManager.stop,
    LambdaService.update_version_state,
    S3Code.destroy,
]


def apply() -> None:
    """Retire versions instead of stopping them, and send latecomers to their successors."""
    wrap(LambdaService.update_version_state, updates.update_version_state)
    wrap(LambdaVersionManager.invoke, updates.invoke)
    replace(LambdaVersionManager, "stop", updates.stop)
    wrap(S3Code.destroy, updates.destroy_code)
