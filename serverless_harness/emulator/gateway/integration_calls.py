"""API Gateway's calls of other services: with the role of the integration, and its whole session."""

import time
from functools import lru_cache
from typing import Any

from localstack.aws import connect
from localstack.constants import INTERNAL_AWS_ACCESS_KEY_ID
from localstack.utils.aws.client_types import ServicePrincipal

from serverless_harness.emulator.gateway import internal_calls

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
