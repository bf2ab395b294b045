"""Checks of request members against the service model: boto3 makes a few of them, other clients none."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.model import Shape
from localstack.aws.api import CommonServiceException

from serverless_harness.emulator.dynamodb.errors import ValidationError, constraint_error

RETURN_CONSUMED_CAPACITY = ("INDEXES", "TOTAL", "NONE")
RETURN_METRICS = ("SIZE", "NONE")
RETURN_VALUES = ("ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW")
RETURN_ON_FAILURE = ("ALL_OLD", "NONE")
SELECT = ("SPECIFIC_ATTRIBUTES", "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES")

_ENUMS = {
    "ReturnConsumedCapacity": RETURN_CONSUMED_CAPACITY,
    "ReturnItemCollectionMetrics": RETURN_METRICS,
    "ReturnValues": RETURN_VALUES,
    "ReturnValuesOnConditionCheckFailure": RETURN_ON_FAILURE,
    "Select": SELECT,
}


def check_enums(request: Mapping[str, Any]) -> None:
    """Raise ValidationError for a member whose value isn't one of its enumeration."""
    for member, allowed in _ENUMS.items():
        value = request.get(member)
        if value is not None and value not in allowed:
            constraint = f"Member must satisfy enum value set: [{', '.join(allowed)}]"
            raise constraint_error(value, member[0].lower() + member[1:], constraint)


def check_length(member: str, entries: Sequence[Any] | Mapping[str, Any], maximum: int | None) -> None:
    """Raise ValidationError unless a list or map has between 1 and `maximum` entries."""
    if not entries:
        raise constraint_error(None, member, "Member must have length greater than or equal to 1")
    if maximum is not None and len(entries) > maximum:
        raise constraint_error(None, member, f"Member must have length less than or equal to {maximum}")


def check_minimum(request: Mapping[str, Any], member: str, minimum: int) -> None:
    """Raise ValidationError for a number below its minimum."""
    value = request.get(member)
    if value is not None and value < minimum:
        constraint = f"Member must have value greater than or equal to {minimum}"
        raise constraint_error(str(value), member[0].lower() + member[1:], constraint)


def check_maximum(request: Mapping[str, Any], member: str, maximum: int) -> None:
    """Raise ValidationError for a number above its maximum."""
    value = request.get(member)
    if value is not None and value > maximum:
        constraint = f"Member must have value less than or equal to {maximum}"
        raise constraint_error(str(value), member[0].lower() + member[1:], constraint)


_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "blob": (bytes,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "double": (int, float),
}


def model_violation(shape: Shape, value: Any, path: str = "") -> CommonServiceException | None:  # noqa: ANN401
    """Return the error of the first member that is missing, of a wrong type or no Unicode text, or None.

    `value` is as LocalStack parses it: a required member that is missing is None.
    """
    if value is None:
        return ValidationError(
            f"1 validation error detected: Value null at '{path}' failed to satisfy constraint: "
            "Member must not be null"
        )
    if not isinstance(value, _JSON_TYPES.get(shape.type_name, object)):
        return _serialization_error(
            f"{type(value).__name__} at '{path}' can not be converted to {shape.type_name}"
        )
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        return _serialization_error(f"string at '{path}' holds half a surrogate pair")
    members = (model_violation(*member) for member in _members(shape, value, f"{path}." if path else ""))
    return next(filter(None, members), None)


def _serialization_error(message: str) -> CommonServiceException:
    return CommonServiceException("SerializationException", message, status_code=400, sender_fault=True)


def _members(shape: Any, value: Any, prefix: str) -> Iterator[tuple[Shape, Any, str]]:  # noqa: ANN401
    if shape.type_name == "structure":
        for name, member in value.items():
            yield shape.members[name], member, f"{prefix}{name[0].lower()}{name[1:]}"
    elif shape.type_name == "map":
        for name, member in value.items():
            yield shape.value, member, f"{prefix}{name}.member"
    elif shape.type_name == "list":
        for number, member in enumerate(value, start=1):
            yield shape.member, member, f"{prefix}{number}.member"
