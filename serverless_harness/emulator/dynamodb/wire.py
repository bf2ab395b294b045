"""Request bodies as DynamoDB's JSON protocol reads them: what a value's JSON type must be, member by member.

A body that doesn't fit the service model is refused with a SerializationException before anything else
is looked at; members that the model doesn't know are ignored, and null is as good as absent. Wording: what
the service answers. Readers are made once for each shape of the model.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NoReturn

from botocore.model import OperationModel, Shape
from localstack.aws.api import CommonServiceException

Reader = Callable[[Any], Any]

_MODEL = "com.amazonaws.dynamodb.v20120810."
_JAVA_NAMES = {
    "string": "java.lang.String",
    "integer": "java.lang.Integer",
    "long": "java.lang.Long",
    "double": "java.lang.Double",
    "boolean": "java.lang.Boolean",
    "blob": "java.nio.ByteBuffer",
    "timestamp": "java.util.Date",
}
_NO_MAP = "Start of structure or map found where not expected"
_CAST = (
    "class sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl cannot be cast to class "
    "java.lang.Class (sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl and java.lang.Class "
    "are in module java.base of loader 'bootstrap')"
)
_NOT_BASE64 = re.compile(r"[^a-zA-Z0-9+/=]|=(?=[^=])")


class SerializationError(CommonServiceException):
    """A `SerializationException` (HTTP 400): the body can't be read as the operation's input."""

    def __init__(self, message: str = "") -> None:
        super().__init__("SerializationException", message, status_code=400, sender_fault=True)


def read(operation: OperationModel, body: bytes) -> dict[str, Any]:
    """Return the operation's input, blobs as bytes; raise SerializationError if the body isn't one."""
    try:
        body = body or b"{}"
        document = _DECODER.decode(body.decode(json.detect_encoding(body), "surrogatepass"))
    except (ValueError, RecursionError):
        raise SerializationError from None
    if not isinstance(document, dict):
        raise SerializationError
    shape = operation.input_shape
    if shape is None:
        return {}
    try:
        read_request: dict[str, Any] = _reader(shape)(document)
    except RecursionError:
        raise SerializationError from None
    return read_request


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
"""Made once: `json.loads` would make one for each body."""


def _java_name(shape: Any) -> str:  # noqa: ANN401 - a shape of any type
    match shape.type_name:
        case "structure":
            return f"{_MODEL}{shape.name}"
        case "list":
            return f"java.util.List<{_java_name(shape.member)}>"
        case "map":
            return f"java.util.Map<java.lang.String, {_java_name(shape.value)}>"
    return _JAVA_NAMES[shape.type_name]


_readers: dict[tuple[str, bool], Reader] = {}
"""Readers by shape name, and by whether the value stands in a list or map: refusals are worded by that."""


def _reader(shape: Shape, *, in_collection: bool = False) -> Reader:
    key = (shape.name, in_collection)
    reader = _readers.get(key)
    if reader is None:
        reader = _readers[key] = _make_reader(shape, in_collection)
    return reader


def _make_reader(shape: Any, in_collection: bool) -> Reader:  # noqa: ANN401 - a shape of any type
    if shape.name == "AttributeValue":
        return _read_attribute_value_in_collection if in_collection else _read_attribute_value
    match shape.type_name:
        case "structure":
            return _structure_reader(shape, in_collection)
        case "list":
            return _list_reader(shape, in_collection)
        case "map":
            return _map_reader(shape, in_collection)
    return _SCALARS[shape.type_name]


def _null(shape: Shape) -> Any:  # noqa: ANN401
    """Return what a null is in a list or map: of attribute values, one without a type."""
    return {} if shape.name == "AttributeValue" else None


def _structure_reader(shape: Any, in_collection: bool) -> Reader:  # noqa: ANN401
    members = shape.members
    readers: dict[str, Reader] = {}  # filled at first use: structures contain themselves

    def read_structure(value: Any) -> Any:  # noqa: ANN401
        if not isinstance(value, dict):
            _refuse_structure(value, f"{_MODEL}{shape.name}", in_collection=in_collection)
        found = {}
        for name, member in value.items():
            if member is None or name not in members:
                continue
            reader = readers.get(name)
            if reader is None:
                reader = readers[name] = _reader(members[name])
            found[name] = reader(member)
        return found

    return read_structure


def _refuse_structure(value: Any, java_name: str, *, in_collection: bool) -> NoReturn:  # noqa: ANN401
    if isinstance(value, list):
        raise SerializationError(f"Unrecognized collection type class {java_name}")
    raise SerializationError("Unexpected value type in payload" if in_collection else "Unexpected field type")


def _list_reader(shape: Any, in_collection: bool) -> Reader:  # noqa: ANN401
    read_member = _reader(shape.member, in_collection=True)

    def read_list(value: Any) -> Any:  # noqa: ANN401
        if not isinstance(value, list):
            if isinstance(value, dict):
                raise SerializationError(_NO_MAP)
            raise SerializationError(_CAST if in_collection else "Unexpected field type")
        return [_null(shape.member) if member is None else read_member(member) for member in value]

    return read_list


def _map_reader(shape: Any, in_collection: bool) -> Reader:  # noqa: ANN401
    read_value = _reader(shape.value, in_collection=True)
    java_name = _java_name(shape)

    def read_map(value: Any) -> Any:  # noqa: ANN401
        if not isinstance(value, dict):
            if isinstance(value, list):
                raise SerializationError(f"Unrecognized collection type {java_name}")
            raise SerializationError(_CAST if in_collection else "Unexpected field type")
        return {
            name if name.isascii() else _read_string(name): (
                _null(shape.value) if member is None else read_value(member)
            )
            for name, member in value.items()
        }

    return read_map


# Scalars


def _refuse_scalar(value: Any, type_name: str, *, refuse_strings: bool = True) -> NoReturn:  # noqa: ANN401
    if isinstance(value, list):
        java_name = _JAVA_NAMES["blob"] if type_name == "Blob" else f"java.lang.{type_name}"
        raise SerializationError(f"Unrecognized collection type class {java_name}")
    if isinstance(value, dict):
        raise SerializationError(_NO_MAP)
    if type_name == "Blob":
        raise SerializationError("only base-64-encoded strings are convertible to bytes")
    if isinstance(value, str) and not refuse_strings:
        raise SerializationError("Unexpected token received from parser")
    raise SerializationError(f"{_token(value)} cannot be converted to {type_name}")


def _token(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    if isinstance(value, str):
        return "STRING_VALUE"
    return "NUMBER_VALUE" if isinstance(value, int) else "DECIMAL_VALUE"


def _read_string(value: Any) -> str:  # noqa: ANN401
    if type(value) is not str:
        _refuse_scalar(value, "String")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise SerializationError("Invalid UTF-8: a string holds half a surrogate pair") from None
    return value


def _read_boolean(value: Any) -> bool:  # noqa: ANN401
    if type(value) is not bool:
        _refuse_scalar(value, "Boolean", refuse_strings=False)
    return value


def _number_reader(type_name: str) -> Reader:
    def read_number(value: Any) -> Any:  # noqa: ANN401
        if type(value) not in (int, float):
            _refuse_scalar(value, type_name)
        return value if type_name == "Double" else int(value)

    return read_number


def _read_timestamp(value: Any) -> datetime:  # noqa: ANN401
    try:
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, TypeError, OverflowError):
        raise SerializationError(f"{value!r} can not be converted to a Timestamp") from None


def _read_blob(value: Any) -> bytes:  # noqa: ANN401
    if type(value) is not str:
        _refuse_scalar(value, "Blob")
    try:
        decoded = base64.b64decode(value, validate=True)
        if len(value) % 4 == 0 and base64.b64encode(decoded) == value.encode():
            return decoded
    except (binascii.Error, ValueError):
        pass
    raise SerializationError(f"'{value}' can not be converted to a Blob: {_base64_fault(value)}")


def _base64_fault(text: str) -> str:
    if len(text) % 4:
        return f"Base64 encoded length is expected a multiple of 4 bytes but found: {len(text)}"
    if wrong := _NOT_BASE64.search(text):
        return f"Invalid Base64 character: '{wrong.group()}'"
    # The spelling is the service's own.
    return "Invalid last non-pad Base64 character dectected"


def read_item(value: Any) -> Any:  # noqa: ANN401
    """Return an item of DynamoDB's JSON, blobs as bytes; raise SerializationError if it isn't one."""
    return _read_value_map(value)


_SCALARS: dict[str, Reader] = {
    "string": _read_string,
    "boolean": _read_boolean,
    "integer": _number_reader("Integer"),
    "long": _number_reader("Long"),
    "double": _number_reader("Double"),
    "timestamp": _read_timestamp,
    "blob": _read_blob,
}


# Attribute values: most of a request, so read without the detour over shapes.


def _read_attribute_value(value: Any) -> Any:  # noqa: ANN401
    if type(value) is not dict:
        _refuse_structure(value, f"{_MODEL}AttributeValue", in_collection=False)
    return _attribute_value(value)


def _read_attribute_value_in_collection(value: Any) -> Any:  # noqa: ANN401
    if type(value) is not dict:
        _refuse_structure(value, f"{_MODEL}AttributeValue", in_collection=True)
    return _attribute_value(value)


def _attribute_value(value: dict[str, Any]) -> dict[str, Any]:
    if len(value) == 1:
        ((kind, content),) = value.items()
        if kind in ("S", "N") and type(content) is str and content.isascii():
            return value
    return {
        kind: _MEMBERS[kind](content)
        for kind, content in value.items()
        if content is not None and kind in _MEMBERS
    }


def _read_values(value: Any) -> Any:  # noqa: ANN401
    if type(value) is not list:
        raise SerializationError(_NO_MAP if isinstance(value, dict) else "Unexpected field type")
    return [{} if member is None else _read_attribute_value_in_collection(member) for member in value]


def _read_value_map(value: Any) -> Any:  # noqa: ANN401
    if type(value) is not dict:
        if isinstance(value, list):
            raise SerializationError(
                f"Unrecognized collection type java.util.Map<java.lang.String, {_MODEL}AttributeValue>"
            )
        raise SerializationError("Unexpected field type")
    return {
        name if name.isascii() else _read_string(name): (
            {} if member is None else _read_attribute_value_in_collection(member)
        )
        for name, member in value.items()
    }


def _set_reader(read_member: Reader) -> Reader:
    def read_set(value: Any) -> Any:  # noqa: ANN401
        if type(value) is not list:
            raise SerializationError(_NO_MAP if isinstance(value, dict) else "Unexpected field type")
        return [read_member("" if member is None else member) for member in value]

    return read_set


_MEMBERS: dict[str, Reader] = {
    "S": _read_string,
    "N": _read_string,
    "B": _read_blob,
    "BOOL": _read_boolean,
    "NULL": _read_boolean,
    "SS": _set_reader(_read_string),
    "NS": _set_reader(_read_string),
    "BS": _set_reader(_read_blob),
    "L": _read_values,
    "M": _read_value_map,
}
