"""Each service's own errors for what a fault makes it say.

Sources: the services' API references, pages "Common errors" and the operations' own, and the codes that
botocore's retry modes look for (`botocore.retries.standard`).
"""

from dataclasses import dataclass

from localstack.aws.api import CommonServiceException

from serverless_harness.emulator.faults.model import FaultEffect
from serverless_harness.emulator.iam import errors
from serverless_harness.emulator.iam.actions import Permission
from serverless_harness.emulator.iam.evaluation import Decision, Reason
from serverless_harness.emulator.iam.policy import PolicyType
from serverless_harness.emulator.iam.principals import Principal, PrincipalKind


@dataclass(frozen=True, slots=True)
class ErrorForm:
    """An error as a service writes it."""

    code: str
    status_code: int
    message: str


_THROTTLING = {
    "apigateway": ErrorForm("TooManyRequestsException", 429, "Too Many Requests"),
    "cloudwatch": ErrorForm("Throttling", 400, "Rate exceeded"),
    "dynamodb": ErrorForm(
        "ProvisionedThroughputExceededException",
        400,
        "The level of configured provisioned throughput for the table was exceeded. Consider increasing your "
        "provisioning level with the UpdateTable API.",
    ),
    "iam": ErrorForm("Throttling", 400, "Rate exceeded"),
    "lambda": ErrorForm("TooManyRequestsException", 429, "Rate Exceeded."),
    "s3": ErrorForm("SlowDown", 503, "Please reduce your request rate."),
    "sns": ErrorForm("Throttling", 400, "Rate exceeded"),
    "sqs": ErrorForm("RequestThrottled", 403, "Request is throttled."),
    "sts": ErrorForm("Throttling", 400, "Rate exceeded"),
}
_OTHER_THROTTLING = ErrorForm("ThrottlingException", 400, "Rate exceeded")

_SERVER_ERRORS = {
    "dynamodb": ErrorForm("InternalServerError", 500, "Internal server error"),
    "kms": ErrorForm("KMSInternalException", 500, "An internal error occurred."),
    "lambda": ErrorForm("ServiceException", 500, "An error occurred and the request cannot be processed."),
    "logs": ErrorForm("ServiceUnavailableException", 500, "The service cannot complete the request."),
    "s3": ErrorForm("InternalError", 500, "We encountered an internal error. Please try again."),
    "sns": ErrorForm("InternalError", 500, "We encountered an internal error. Please try again."),
}
_OTHER_SERVER_ERROR = ErrorForm(
    "InternalFailure", 500, "The request processing has failed because of an unknown error."
)

_DEPLOYER = Principal(PrincipalKind.ROOT, "arn:aws:iam::000000000000:root", "000000000000")
_NOT_ALLOWED = Decision(False, Reason.IMPLICIT_DENY, PolicyType.IDENTITY, ())


def error_of(effect: FaultEffect, service: str) -> CommonServiceException:
    """Return the error that `service` answers with when it throttles or fails."""
    if effect is FaultEffect.THROTTLE:
        form = _THROTTLING.get(service, _OTHER_THROTTLING)
    else:
        form = _SERVER_ERRORS.get(service, _OTHER_SERVER_ERROR)
    return CommonServiceException(
        form.code, form.message, form.status_code, sender_fault=form.status_code < 500
    )


def denial(service: str, permission: Permission, principal: Principal | None) -> CommonServiceException:
    """Return the error that `service` answers with where no policy of the caller's allows an action."""
    return errors.denied(
        service, principal or _DEPLOYER, permission.action, permission.resource, _NOT_ALLOWED
    )
