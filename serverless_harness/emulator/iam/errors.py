"""Denials, shaped as each service shapes its own.

Sources: AWS page "Troubleshoot access denied error messages", the services' pages "Common errors", and
denials that AWS's users have published; where a service departs from the common form, its entry says how.
"""

from collections.abc import Callable
from dataclasses import dataclass

from localstack.aws.api import CommonServiceException

from serverless_harness.emulator.iam.evaluation import Decision
from serverless_harness.emulator.iam.matching import UNTOLD, shown
from serverless_harness.emulator.iam.principals import Principal


def _as_written(text: str) -> str:
    return text


def _sns_action(action: str) -> str:
    return action.replace("sns:", "SNS:", 1)


def _quoted(resource: str) -> str:
    return f'"{resource}"'


def _iam_entity(resource: str) -> str:
    """Write `arn:aws:iam::111122223333:role/app/reader` as `role app/reader`."""
    kind, separator, name = resource.rpartition(":")[2].partition("/")
    return f"{kind} {name}" if separator else resource


def _masked_account(resource: str) -> str:
    """Hide all of the account id but its end, as API Gateway does towards clients of an API."""
    fields = resource.split(":")
    return ":".join((*fields[:4], f"********{fields[4][-4:]}", *fields[5:]))


@dataclass(frozen=True, slots=True)
class DenialForm:
    """How a service writes a denial."""

    code: str
    status_code: int
    action: Callable[[str], str] = _as_written
    resource: Callable[[str], str] = _as_written
    explains: bool = True


_FORMS = {
    "apigateway": DenialForm("AccessDeniedException", 403),
    "cloudwatch": DenialForm("AccessDenied", 403),
    "dynamodb": DenialForm("AccessDeniedException", 400),
    "execute-api": DenialForm("AccessDeniedException", 403, resource=_masked_account),
    "iam": DenialForm("AccessDenied", 403, resource=_iam_entity),
    "kms": DenialForm("AccessDeniedException", 400),
    "lambda": DenialForm("AccessDeniedException", 403),
    "logs": DenialForm("AccessDeniedException", 400),
    "s3": DenialForm("AccessDenied", 403, resource=_quoted),
    "sns": DenialForm("AuthorizationError", 403, action=_sns_action),
    "sqs": DenialForm("AccessDenied", 403, action=str.lower),
    "sts": DenialForm("AccessDenied", 403, explains=False),
}
_OTHER_SERVICE = DenialForm("AccessDeniedException", 400)

_QUERY_ERRORS = frozenset({"cloudwatch", "iam", "sns", "sqs", "sts"})
"""Services whose error codes are those of the query protocol."""


def denied(
    service: str, principal: Principal, action: str, resource: str, decision: Decision
) -> CommonServiceException:
    """Return a service's error for a denied action."""
    form = _FORMS.get(service, _OTHER_SERVICE)
    named = form.action(shown(action))
    on = form.resource(shown(resource))
    message = f"User: {principal.arn} is not authorized to perform: {named} on resource: {on}"
    if form.explains:
        message += f" {decision.explanation(named)}"
    if UNTOLD in action or UNTOLD in resource:
        message += " (the emulator can't tell what * stands for: it fails closed)"
    if decision.unsupported_keys:
        keys = ", ".join(decision.unsupported_keys)
        message += f" (a statement asks for {keys}, which the emulator can't tell: it fails closed)"
    return CommonServiceException(form.code, message, form.status_code, sender_fault=True)


def refused(service: str, reason: str) -> CommonServiceException:
    """Return a service's error for what isn't supported here: neither AWS nor the emulator would say yes."""
    form = _FORMS.get(service, _OTHER_SERVICE)
    message = f"The emulator's IAM enforcement refuses the call: {reason}"
    return CommonServiceException(form.code, message, form.status_code, sender_fault=True)


def invalid_token(service: str) -> CommonServiceException:
    """Return a service's error for credentials that don't exist (page "Common errors" of each service)."""
    if service == "s3":
        return CommonServiceException(
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
            403,
            True,
        )
    message = "The security token included in the request is invalid."
    if service in _QUERY_ERRORS:
        return CommonServiceException("InvalidClientTokenId", message, 403, True)
    status_code = 400 if service in {"dynamodb", "kms", "logs"} else 403
    return CommonServiceException("UnrecognizedClientException", message, status_code, True)


def missing_token(service: str) -> CommonServiceException:
    """Return a service's error for a request without credentials."""
    if service == "s3":
        return CommonServiceException("AccessDenied", "Access Denied", 403, True)
    if service in _QUERY_ERRORS:
        return CommonServiceException(
            "MissingAuthenticationToken", "Request is missing Authentication Token", 403, True
        )
    code = "MissingAuthenticationTokenException"
    status_code = 400 if service in {"dynamodb", "kms", "logs"} else 403
    return CommonServiceException(code, "Missing Authentication Token", status_code, True)
