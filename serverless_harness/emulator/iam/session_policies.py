"""Remembers the managed session policies that AssumeRole is given: moto doesn't."""

from collections.abc import Mapping
from typing import Any

from localstack.aws.api import RequestContext

from serverless_harness.emulator.iam import callers


class KeepSessionPolicies:
    """A response handler that keeps them with the new session."""

    def __call__(self, chain: object, context: RequestContext, response: object) -> None:
        """Keep them, if this was an AssumeRole that succeeded."""
        if context.operation is None or context.operation.name != "AssumeRole" or context.service_exception:
            return
        parameters: Mapping[str, Any] = context.service_request or {}
        arns = tuple(entry["arn"] for entry in parameters.get("PolicyArns") or ())
        credentials = (context.service_response or {}).get("Credentials")
        if not arns or not credentials:
            return
        session = callers.find_session(credentials["AccessKeyId"], context.partition)
        if session is not None:
            callers.session_policy_arns[session] = arns
