"""API Gateway's calls of other services: with the role of the integration, and its whole session."""

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError
from localstack.aws import connect
from localstack.aws.api.lambda_ import InvocationType
from localstack.constants import INTERNAL_AWS_ACCESS_KEY_ID
from localstack.utils.aws.client_types import ServicePrincipal

from serverless_harness.emulator.gateway import direct_calls, internal_calls

SESSION_S = 900
"""How long a session is used: it is valid for an hour."""


@lru_cache(maxsize=64)
def session(role_arn: str, period: int) -> tuple[str, str]:
    """Return the access key and token of a role's session, one for all calls of a period of `SESSION_S`."""
    clients: Any = connect.connect_to()
    sts = clients.sts.request_metadata(service_principal=ServicePrincipal.apigateway)
    made = sts.assume_role(RoleArn=role_arn, RoleSessionName="BackplaneAssumeRoleSession")["Credentials"]
    return made["AccessKeyId"], made["SessionToken"]


def headers(service_name: str, region_name: str, source_arn: str, role_arn: str | None) -> dict[str, str]:
    """Return the headers of a request; without a role, they are those of the service itself."""
    key_id, token = (
        session(role_arn, int(time.monotonic() // SESSION_S))
        if role_arn
        else (INTERNAL_AWS_ACCESS_KEY_ID, "")
    )
    by_whom = connect.InternalRequestParameters(
        service_principal=ServicePrincipal.apigateway, source_arn=source_arn
    )
    return {
        "Authorization": "AWS4-HMAC-SHA256 "
        f"Credential={key_id}/20160623/{region_name}/{service_name}/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=1234",
        connect.INTERNAL_REQUEST_PARAMS_HEADER: internal_calls.sign(by_whom),
        **({"X-Amz-Security-Token": token} if token else {}),
    }


def call_lambda(
    by_client: Callable[..., bytes],
    *,
    function_arn: str,
    event: bytes,
    source_arn: str,
    credentials: str | None = None,
) -> bytes:
    """Invoke the function of a proxy integration; return what it answered.

    With a role, and after an attempt that may succeed when it is made again, the call is made `by_client`.
    """
    if not credentials and function_arn.startswith("arn:"):
        try:
            return direct_calls.invoke(
                function_arn,
                event,
                InvocationType.RequestResponse,
                service_principal=ServicePrincipal.apigateway,
                source_arn=source_arn,
            ).body
        except (ClientError, HTTPClientError) as error:
            if not direct_calls.is_server_side(error):
                raise
    return by_client(function_arn=function_arn, event=event, source_arn=source_arn, credentials=credentials)
