"""Rotation functions have to permit Secrets Manager (user guide, "Lambda rotation function")."""

from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.api import CommonServiceException
from localstack.aws.connect import connect_to

DENIED = "AccessDeniedException"


def require_permission(function_arn: str | None, region: str) -> None:
    """Raise AccessDeniedException where whoever acts may not invoke the function."""
    if not function_arn:
        return
    clients: Any = connect_to(region_name=region)
    try:
        clients.lambda_.invoke(FunctionName=function_arn, InvocationType="DryRun")
    except ClientError as error:
        if error.response["Error"]["Code"] == DENIED:
            message = (
                "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function "
                "policy grants access to the principal secretsmanager.amazonaws.com."
            )
            raise CommonServiceException(DENIED, message, 400, sender_fault=True) from error
