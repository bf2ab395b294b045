"""The WSGI environment (PEP 3333) of a request, and what rolo reads beside it: `RAW_URI`, `rolo.headers`."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from serverless_harness.emulator.gateway.answer_waits import AnswerWaits

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

type Address = tuple[str, int]
type RawHeaders = list[tuple[bytes, bytes]]

CALLER = "emulator.caller"
"""The variable of a request's environment that has who is known to send it, from the socket it came on."""


@dataclass(frozen=True)
class FunctionCaller:
    """A function's environment, whose network the request came from."""

    function_name: str
    role_arn: str
    waits: AnswerWaits = field(default_factory=AnswerWaits, compare=False, repr=False)
    environment_id: str = ""


UNPREFIXED = ("CONTENT_TYPE", "CONTENT_LENGTH")


def wsgi_environ(
    *,
    method: str,
    target: str,
    path: str,
    query: str,
    version: str,
    headers: Mapping[str, str],
    raw_headers: RawHeaders,
    body: IO[bytes],
    server: Address,
    client: Address,
    caller: object = None,
) -> "WSGIEnvironment":
    """Return the environment of one request.

    `target` is the request target as it was sent, `path` the decoded path in PEP 3333's latin-1 form;
    `headers` have upper-case names with underscores, duplicates joined; `raw_headers` are as they were
    sent; `body` ends where the request's body does.
    """
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path or "/",
        "QUERY_STRING": query,
        "RAW_URI": target,
        "REQUEST_URI": target,
        "SERVER_PROTOCOL": f"HTTP/{version}",
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": body,
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "rolo.headers": raw_headers,
        CALLER: caller,
    }
    for name, value in headers.items():
        environ[name if name in UNPREFIXED else f"HTTP_{name}"] = value
    return environ
