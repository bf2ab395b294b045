"""Lambda keeps environment variables encrypted with a KMS key (`lambda_service.encrypted_functions`).

LocalStack keeps them as they come, drops `KMSKeyArn` (so that Terraform would set it anew in each plan), and
invokes a function whose key is disabled.
"""

from localstack.services.lambda_ import api_utils
from localstack.services.lambda_.invocation.lambda_models import VersionFunctionConfiguration
from localstack.services.lambda_.invocation.version_manager import LambdaVersionManager
from localstack.services.lambda_.provider import LambdaProvider

from serverless_harness.emulator.lambda_service import encrypted_functions
from serverless_harness.emulator.patches import wrap

PATCHED: list[object] = [
    LambdaProvider.create_function,
    LambdaProvider.update_function_configuration,
    LambdaProvider.delete_function,
    LambdaVersionManager.invoke,
    VersionFunctionConfiguration,
    api_utils.map_config_out,
]


def apply() -> None:
    """Encrypt what is stored, decrypt what is shown and run, check before invokes."""
    wrap(LambdaProvider.create_function, encrypted_functions.create_function)
    wrap(LambdaProvider.update_function_configuration, encrypted_functions.update_function_configuration)
    wrap(LambdaProvider.delete_function, encrypted_functions.delete_function)
    wrap(LambdaVersionManager.invoke, encrypted_functions.invoke)
    wrap(VersionFunctionConfiguration.__init__, encrypted_functions.init_configuration)
    wrap(api_utils.map_config_out, encrypted_functions.show_configuration)
