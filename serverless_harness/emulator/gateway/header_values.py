"""Values of headers that are read for each request, and are nearly always the same, or of one form.

werkzeug reads lists in headers one character after the other.
"""

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

MAX_REMEMBERED_LENGTH = 200
_AUTHORIZATION = re.compile(
    r"Credential=(?P<Credential>[^\s,\"=%*]+), ?SignedHeaders=(?P<SignedHeaders>[^\s,\"=%*]+), ?"
    r"Signature=(?P<Signature>[^\s,\"=%*]+)"
)
"""What signature version 4 puts into its header, without anything that would have to be unquoted."""


def signature_parts(original: Callable[[str], dict[str, Any]], value: str) -> dict[str, Any]:
    """Return the parts of an Authorization header, as `werkzeug.http.parse_dict_header` does."""
    found = _AUTHORIZATION.fullmatch(value)
    return found.groupdict() if found else original(value)


def mime_type[S](original: Callable[[S, Any], str], serializer: S, headers: Mapping[str, str] | None) -> str:
    """Return the type in which a serializer answers a request with such headers."""
    accept = headers.get("Accept") if headers else None
    content_type = headers.get("Content-Type") if headers else None
    if len(accept or "") + len(content_type or "") > MAX_REMEMBERED_LENGTH:
        return original(serializer, headers)
    return _negotiated(original, serializer, accept, content_type)


@functools.lru_cache(1024)
def _negotiated(
    original: Callable[[Any, Any], str], serializer: object, accept: str | None, content_type: str | None
) -> str:
    given = {"Accept": accept, "Content-Type": content_type}
    return original(serializer, {name: value for name, value in given.items() if value is not None})
