"""Which names the gateway answers to: a page of a name that was made to resolve to loopback is not served.

Such a page (DNS rebinding) is of the same origin as the stack to its browser, which tells the name in `Host`
alone. Ours are loopback addresses and names, LocalStack's name for them, AWS's endpoints, the address that
the request came to, and what `GATEWAY_ALLOWED_HOSTS` adds: names with commas between them, `*.` before those
whose subdomains are meant.
"""

import functools
import ipaddress
import json
import os
import re
from typing import Any

from localstack import config
from localstack.aws.api import RequestContext
from rolo.gateway import HandlerChain

VARIABLE = "GATEWAY_ALLOWED_HOSTS"

_LOOPBACK_NAMES = re.compile(r"([a-z0-9_.-]+\.)?(localhost(\.localstack\.cloud)?|127\.0\.0\.1)")
"""What ends with an address is no name that a browser looks up: API Gateway calls SQS by such a one."""
_AWS_NAMES = re.compile(r"[a-z0-9_.-]+\.(amazonaws\.com(\.cn)?|api\.aws|on\.aws)")
_NOT_ENDPOINTS = re.compile(r".*\.(compute(-1)?|elb)\.amazonaws\.com(\.cn)?")
"""Names of AWS's that are machines of its customers."""


class HostGuard:
    """A request handler that refuses requests for names that aren't the stack's."""

    def __call__(self, chain: HandlerChain[Any], context: RequestContext, response: object) -> None:
        """Let a request pass, or answer it with status 403."""
        environ = context.request.environ
        host = environ.get("HTTP_HOST", "")
        if not host or is_ours(host, environ.get("SERVER_NAME", "")):
            return
        message = f"the stack does not answer to the host '{host[:100]}': add it to {VARIABLE} to allow it"
        chain.respond(403, json.dumps({"message": message}), {"Content-Type": "application/json"})


@functools.lru_cache(1024)
def is_ours(host: str, local_address: str) -> bool:
    """Return whether `host`, as it stands in the header, is the stack's; it came in at `local_address`."""
    name = hostname(host)
    if is_loopback(name) or name == local_address or _LOOPBACK_NAMES.fullmatch(name):
        return True
    if _AWS_NAMES.fullmatch(name) and not _NOT_ENDPOINTS.fullmatch(name):
        return True
    return any(_matches(name, allowed) for allowed in _allowed())


def hostname(host: str) -> str:
    """Return a host without port, brackets and a final dot, in lower case."""
    match = re.fullmatch(r"(\[[0-9a-f:.]+\]|[^:\[\]]+?)\.?(:\d{1,5})?", host.lower())
    return match.group(1).strip("[]") if match else ""


def is_loopback(name: str) -> bool:
    """Return whether `name` is `localhost` or a loopback address."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@functools.cache
def _allowed() -> tuple[str, ...]:
    """Return further names: those of LocalStack's settings that say where it is, and our own setting's."""
    named = [*os.environ.get(VARIABLE, "").split(","), config.LOCALSTACK_HOST.host]
    listening = [listener.host for listener in config.GATEWAY_LISTEN]
    return tuple(name.strip().lower() for name in (*named, *listening) if name.strip())


def _matches(name: str, allowed: str) -> bool:
    return name == allowed or (allowed.startswith("*.") and name.endswith(allowed[1:]))
