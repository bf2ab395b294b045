"""Whether an exception of a service comes from what the caller sent, by where and why it was raised.

LocalStack and moto take much of a request unchecked, and end in Python's own errors where it turns out to be
wrong. Only what the exception itself tells is taken for the caller's error: a token that nobody made, an
identifier, number or document that is none, a value that lacks a part, a name that nobody has, a member that
isn't there, and what a provider says itself. All else is the emulator's fault.
"""

import binascii
import contextlib
import json
import linecache
import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote
from xml.parsers.expat import ExpatError

from botocore import xform_name
from botocore.exceptions import ParamValidationError
from botocore.model import OperationModel
from botocore.utils import InvalidArnException
from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.protocol.service_router import ProtocolError

from serverless_harness.emulator.validation import errors, model

_TOKEN = re.compile(r"(next_?)?token|marker|starting_position", re.I)
_IDENTIFIER_FILES = (
    "localstack/utils/aws/arns.py",
    "localstack/services/stores.py",
    "moto/core/base_backend.py",
)
_NOT_FOUND = re.compile(r"NotFound|NoSuch|DoesNotExist|NotExist|NonExist")
_INVALID = re.compile(
    r"InvalidArn|InvalidParameter|Validation|InvalidRequest|BadRequest|InvalidInput|InvalidArgument"
)
_MALFORMED = re.compile(r"Malformed|InvalidIdentityToken|InvalidParameter|Validation|BadRequest|InvalidInput")
_NO_NUMBER = re.compile(
    r"(?:invalid literal for int\(\) with base 10|could not convert string to float): '(.*?)'?$", re.S
)
_DOCUMENT_ERRORS = (json.JSONDecodeError, UnicodeDecodeError, binascii.Error, ExpatError)
_WRONG_COUNT = re.compile(r"values to unpack|out of range")
_LACKING_ARGUMENT = re.compile(r"missing \d+ required (?:positional|keyword-only) arguments?: '(\w+)'")
_REFUSED_PARAMETER = re.compile(r"parameter (\w+)")
_INVALID_TOKEN = re.compile(r"Invalid(Next|Pagination)?Token|InvalidMarker")


@dataclass(frozen=True)
class _Failure:
    """An exception, and the request whose operation ended in it; `line` is the service's last line."""

    context: RequestContext
    operation: OperationModel
    parameters: Any
    exception: BaseException
    file: str
    line: str


def callers_error(context: RequestContext, exception: BaseException) -> CommonServiceException | None:
    """Return the error of the caller's that an exception stands for; None: the fault is the emulator's."""
    if isinstance(exception, ProtocolError):
        return errors.unknown_operation(context)
    if context.operation is None:
        return None
    frames = [
        frame for frame in traceback.extract_tb(exception.__traceback__) if _is_services(frame.filename)
    ]
    last = frames[-1] if frames else None
    failure = _Failure(
        context,
        context.operation,
        context.service_request or {},
        exception,
        last.filename if last else "",
        _statement(last) if last else "",
    )
    found = (explain(failure) for explain in _EXPLANATIONS)
    return next((error for error in found if error is not None), None)


def _violated_model(failure: _Failure) -> CommonServiceException | None:
    found = model.violations(failure.parameters, failure.operation)
    return errors.invalid(failure.context, found) if found else None


def _unknown_token(failure: _Failure) -> CommonServiceException | None:
    tokens = [name for name, _ in _texts(failure.parameters) if _TOKEN.search(name)]
    reads_token = isinstance(failure.exception, ValueError | LookupError) and _TOKEN.search(failure.line)
    if not tokens or not reads_token:
        return None
    text = f"The token in {tokens[0]} is not valid."
    return _modelled(failure.operation, _INVALID_TOKEN, text) or errors.refusal(failure.context, text)


def _no_identifier(failure: _Failure) -> CommonServiceException | None:
    if isinstance(failure.exception, InvalidArnException):
        text = str(failure.exception)
    elif failure.file.endswith(_IDENTIFIER_FILES) or _lacks_arn(failure):
        text = "An identifier in the request is not valid: it lacks an account, a region or a resource."
    else:
        return None
    return _modelled(failure.operation, _INVALID, text) or errors.refusal(failure.context, text)


def _lacks_arn(failure: _Failure) -> bool:
    """Say whether something was None, and a text that was to be an ARN is none."""
    return "'NoneType'" in str(failure.exception) and any(
        name.lower().endswith("arn") and not re.match(r"arn:[^:]+:[^:]+:", value)
        for name, value in _texts(failure.parameters)
    )


def _missing_part(failure: _Failure) -> CommonServiceException | None:
    """Return the error of a text of the caller's that was divided, and has fewer or more parts."""
    is_divided = isinstance(failure.exception, ValueError | IndexError) and "split" in failure.line
    if not is_divided or not _WRONG_COUNT.search(str(failure.exception)):
        return None
    text = "Argument format not recognized: a value in the request lacks a part, or has one too many."
    return _modelled(failure.operation, _INVALID, text) or errors.refusal(failure.context, text)


def _no_object(failure: _Failure) -> CommonServiceException | None:
    """Return the error of a JSON document of the caller's that was to be an object, and is something else."""
    if not isinstance(failure.exception, TypeError | AttributeError):
        return None
    told = str(failure.exception)
    found = re.search(r"'(int|float|bool|list|str|NoneType)' (object|is not iterable)", told)
    kinds = {type(document).__name__ for document in _documents(failure)}
    if not told.startswith("string indices") and (found is None or found[1] not in kinds):
        return None
    text = "A document in the request is not a JSON object."
    return _modelled(failure.operation, _MALFORMED, text) or errors.refusal(failure.context, text)


def _documents(failure: _Failure) -> Iterator[object]:
    """Yield what texts of the caller's, and the body, are as JSON."""
    for text in (*(value for _, value in _texts(failure.parameters)), _body(failure)):
        with contextlib.suppress(ValueError):
            yield json.loads(text)


def _body(failure: _Failure) -> str:
    return failure.context.request.get_data(as_text=True)


def _missing_key(failure: _Failure) -> CommonServiceException | None:
    """Return the error of a look-up that failed: by a name of the caller's, or of a member that lacks."""
    if not isinstance(failure.exception, KeyError) or not failure.exception.args:
        return None
    key = failure.exception.args[0]
    if key is None:
        return errors.refusal(failure.context, "The request doesn't name the resource that it is for.")
    if not isinstance(key, str):
        return None
    names = {name for name, value in _texts(failure.parameters) if value in (key, unquote(key))}
    if names:
        text = f"{min(names)} {unquote(key)} does not exist."
        return _modelled(failure.operation, _NOT_FOUND, text) or CommonServiceException(
            "ResourceNotFoundException", text, 400, sender_fault=True
        )
    if key in _member_names(failure.operation.input_shape, set()):
        return errors.missing(failure.context, [key])
    return None


def _no_number(failure: _Failure) -> CommonServiceException | None:
    """Return the error of a text of the caller's that was to be a number."""
    found = _NO_NUMBER.search(str(failure.exception)) if isinstance(failure.exception, ValueError) else None
    if found is None:
        return None
    names = {name for name, value in _texts(failure.parameters) if repr(value)[1:-1][:199] == found[1][:199]}
    return errors.refusal(failure.context, f"{min(names)} is not a number: {found[1]}") if names else None


def _no_document(failure: _Failure) -> CommonServiceException | None:
    """Return the error of a document of the caller's that isn't what it is to be."""
    if not isinstance(failure.exception, _DOCUMENT_ERRORS):
        return None
    document = getattr(failure.exception, "doc", None)
    if document not in {None, _body(failure), *(text for _, text in _texts(failure.parameters))}:
        return None
    text = "A document in the request can't be read."
    return _modelled(failure.operation, _MALFORMED, text) or errors.refusal(failure.context, text)


def _invalid_for_another(failure: _Failure) -> CommonServiceException | None:
    """Return the error of a member that the service passes on, and the SDK's check refuses."""
    if not isinstance(failure.exception, ParamValidationError):
        return None
    text = " ".join(str(failure.exception).split())
    refused = _REFUSED_PARAMETER.search(text)
    if refused is None or refused[1] not in _member_names(failure.operation.input_shape, set()):
        return None
    return _modelled(failure.operation, _INVALID, text) or errors.refusal(failure.context, text)


def _lacking_member(failure: _Failure) -> CommonServiceException | None:
    """Return the error of a member that the model has as optional, and the service can't do without."""
    if not isinstance(failure.exception, TypeError | AttributeError) or "None" not in str(failure.exception):
        return None
    shape: Any = failure.operation.input_shape
    words = set(re.findall(r"\w+", failure.line))
    for name in shape.members if shape is not None else ():
        if not failure.parameters.get(name) and words & {name, xform_name(name)}:
            return errors.missing(failure.context, [name])
    return None


def _lacking_argument(failure: _Failure) -> CommonServiceException | None:
    """Return the error of a member that a class of the service's can't be made without."""
    found = _LACKING_ARGUMENT.search(str(failure.exception))
    names = _member_names(failure.operation.input_shape, set()) if found else ()
    lacking = [name for name in names if found and xform_name(name) == found[1]]
    return errors.missing(failure.context, lacking) if lacking else None


def _said_by_provider(failure: _Failure) -> CommonServiceException | None:
    """Return the error that a provider raises in words of its own, without giving it a code."""
    is_plain = type(failure.exception) in (Exception, ValueError)
    if is_plain and failure.file.endswith("provider.py") and failure.line.startswith("raise "):
        return errors.refusal(failure.context, str(failure.exception))
    return None


_EXPLANATIONS = (
    _violated_model,
    _unknown_token,
    _no_identifier,
    _no_number,
    _no_document,
    _missing_part,
    _no_object,
    _missing_key,
    _lacking_member,
    _lacking_argument,
    _invalid_for_another,
    _said_by_provider,
)


def _statement(frame: traceback.FrameSummary) -> str:
    """Return the source of a statement, which may have several lines."""
    lines = range(frame.lineno or 0, (frame.end_lineno or frame.lineno or 0) + 1)
    return "\n".join(linecache.getline(frame.filename, number).strip() for number in lines)


def _is_services(path: str) -> bool:
    return "/localstack/" in path or "/moto/" in path or "/serverless_harness/" in path


def _modelled(
    operation: OperationModel, pattern: re.Pattern[str], text: str = ""
) -> CommonServiceException | None:
    """Return the first error of the operation's own whose name fits."""
    for shape in operation.error_shapes:
        if pattern.search(shape.name):
            error = shape.metadata.get("error", {})
            code = str(error.get("code", shape.name))
            return CommonServiceException(
                code, text, int(error.get("httpStatusCode", 400)), sender_fault=True
            )
    return None


def _texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401
    """Yield all texts of parameters with the names of their members."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, member in value.items():
            yield name, key
            yield from _texts(member, key)
    elif isinstance(value, list):
        for member in value:
            yield from _texts(member, name)


def _member_names(shape: Any, seen: set[str]) -> set[str]:  # noqa: ANN401
    if shape is None or shape.name in seen:
        return set()
    seen.add(shape.name)
    match shape.type_name:
        case "structure":
            inner = (_member_names(member, seen) for member in shape.members.values())
            return set(shape.members).union(*inner)
        case "list":
            return _member_names(shape.member, seen)
        case "map":
            return _member_names(shape.value, seen)
    return set()
