"""Requests as LocalStack's gateway hands them to a handler, and roles and sessions to make them with."""

import json
from dataclasses import dataclass
from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.spec import load_service
from localstack.http import Request
from localstack.services.iam.iam_patches import apply_iam_patches
from moto.iam.models import Role, iam_backends
from moto.sts.models import AssumedRole, sts_backends

ACCOUNT = "000000000000"
REGION = "us-east-1"
FUNCTION_NAME = "accept"

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}

apply_iam_patches()


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


@dataclass
class Session:
    """A role in moto's store and a session of it, as Lambda gets one for a function."""

    role: Role
    assumed: AssumedRole

    def allow(self, *statements: dict[str, Any], name: str = "policy") -> None:
        document = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", **statement} for statement in statements],
        }
        self.role.policies[name] = json.dumps(document)

    @property
    def headers(self) -> dict[str, str]:
        """What a request signed with the session's credentials carries."""
        return {
            "Authorization": authorization(self.assumed.access_key_id),
            "X-Amz-Security-Token": self.assumed.session_token,
        }


def new_session(role_name: str = "accept-role", policy: str | None = None) -> Session:
    """Make a role with no policy, and a session of it."""
    iam = iam_backends[ACCOUNT]["aws"]
    role = iam.create_role(role_name, json.dumps(TRUST), "/", None, "", [], "3600")
    assumed = sts_backends[ACCOUNT]["aws"].assume_role(REGION, FUNCTION_NAME, role.arn, policy, 3600, None)
    return Session(role, assumed)


def reset_stores() -> None:
    """Empty moto's IAM, but for AWS's own policies, which take long to load; and STS."""
    iam = iam_backends[ACCOUNT]["aws"]
    for store in (iam.roles, iam.users, iam.groups, iam.access_keys):
        store.clear()
    for arn_of_own in [key for key in iam.managed_policies if ACCOUNT in key]:
        del iam.managed_policies[arn_of_own]
    sts_backends.reset()


def authorization(access_key_id: str, service: str = "sns") -> str:
    return (
        f"AWS4-HMAC-SHA256 Credential={access_key_id}/20260101/{REGION}/{service}/aws4_request, "
        "SignedHeaders=host, Signature=0"
    )


def request_context(
    service: str, operation: str, parameters: dict[str, Any], headers: dict[str, str], path: str = "/"
) -> RequestContext:
    """Make the context of a parsed request."""
    context = RequestContext(Request(method="POST", path=path, headers=headers, remote_addr="127.0.0.1"))
    context.service = load_service(service)
    context.operation = context.service.operation_model(operation)
    context.service_request = parameters
    context.account_id = ACCOUNT
    context.region = REGION
    return context
