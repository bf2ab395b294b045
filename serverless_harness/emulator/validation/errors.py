"""The errors of requests that can't be read, by service and protocol.

Sources: the pages "Common Errors" of the services' API references, Amazon S3's list of error codes, and the
answers of the services themselves.
"""

from localstack.aws.api import CommonServiceException, RequestContext

from serverless_harness.emulator.validation import model

_XML = "The XML you provided was not well-formed or did not validate against our published schema"
_INTERNAL = "The request processing has failed because of an unknown error, exception or failure."


def _refusal(code: str, message: str, status_code: int = 400) -> CommonServiceException:
    return CommonServiceException(code, message, status_code, sender_fault=True)


def _service(context: RequestContext) -> str:
    return context.service.service_name if context.service else ""


def _speaks_query(context: RequestContext) -> bool:
    return context.protocol in ("query", "ec2")


def unreadable(context: RequestContext, detail: str = "") -> CommonServiceException:
    """Return the error of a request whose body or parameters aren't of its protocol."""
    service = _service(context)
    if service in ("s3", "s3control"):
        if detail and not context.request.data:
            return _refusal("InvalidArgument", detail)
        return _refusal("MalformedXML", _XML)
    if service == "route53":
        return _refusal("InvalidInput", detail or _XML)
    if service in ("sqs", "ec2") and _speaks_query(context):
        return _refusal("InvalidParameterValue", detail or "A parameter has a value of another type.")
    if _speaks_query(context):
        return _refusal("MalformedInput", detail or "Unexpected list element termination")
    return _refusal("SerializationException", detail)


def unknown_operation(context: RequestContext) -> CommonServiceException:
    """Return the error of a request that names no operation of its service."""
    service = _service(context)
    if _speaks_query(context):
        action = context.request.values.get("Action")
        if not action:
            return _refusal("MissingAction", "The request must contain the parameter Action.")
        if service == "sqs":
            return _refusal("InvalidAction", f"The action {action} is not valid for this endpoint.")
        if service == "ec2":
            return _refusal("InvalidAction", f"The action {action} is not valid for this web service.")
        version = context.request.values.get("Version") or context.service.api_version  # type: ignore[union-attr]
        return _refusal("InvalidAction", f"Could not find operation {action} for version {version}")
    if service in ("s3", "s3control"):
        message = "The specified method is not allowed against this resource."
        return _refusal("MethodNotAllowed", message, 405)
    rests = (context.protocol or "").startswith("rest")
    return _refusal("UnknownOperationException", "", 404 if rests else 400)


def invalid(context: RequestContext, found: list[str]) -> CommonServiceException:
    """Return the error of parameters that violate constraints of the model, each in AWS's words."""
    return refusal(context, model.validation_message(found))


def refusal(context: RequestContext, text: str) -> CommonServiceException:
    """Return the error of a value that the service refuses, in the service's general code for it."""
    service = _service(context)
    if service in ("s3", "s3control"):
        return _refusal("InvalidArgument", text)
    if service == "apigateway":
        return _refusal("BadRequestException", text)
    if _speaks_query(context):
        return _refusal("InvalidParameterValue" if service in ("ec2", "sqs") else "ValidationError", text)
    codes = {"route53": "InvalidInput", "logs": "InvalidParameterException"}
    return _refusal(codes.get(service, "ValidationException"), text)


def missing(context: RequestContext, paths: list[str]) -> CommonServiceException:
    """Return the error of parameters that lack members which the model requires."""
    service = _service(context)
    name = f"{paths[0][:1].upper()}{paths[0][1:]}"
    if service == "sqs":
        return _refusal("MissingParameter", f"The request must contain the parameter {name}.")
    if service == "ec2":
        return _refusal("MissingParameter", f"The request must contain the parameter {name}")
    if service in ("s3", "s3control"):
        return _refusal("MalformedXML", _XML)
    if service == "apigateway":
        return _refusal("BadRequestException", "Invalid request input")
    return invalid(
        context,
        [f"Value null at '{path}' failed to satisfy constraint: Member must not be null" for path in paths],
    )


def internal(context: RequestContext) -> CommonServiceException:
    """Return the error of a fault of the emulator's own, which its log tells of."""
    code = "InternalError" if _service(context) in ("s3", "s3control", "ec2") else "InternalFailure"
    return CommonServiceException(code, _INTERNAL, 500)
