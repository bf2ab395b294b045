"""What functions may connect to: the gateway, and what somebody has named.

The setting `LAMBDA_PROCESS_NETWORK_PORTS` has TCP ports with commas between them, or `any`. A function's own
`AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>` name theirs. The kernel tells ports apart, not addresses
(landlock(7)), so that 443 opens AWS's endpoints too; UDP, and so DNS, stays open.
"""

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from localstack import config

from serverless_harness.emulator.settings import InvalidSettingError

VARIABLE = "LAMBDA_PROCESS_NETWORK_PORTS"
ANY = "any"
MAX_PORT = 65535
DEFAULT_PORTS = {"http": 80, "https": 443}


def ports(variables: Mapping[str, object]) -> tuple[int, ...] | None:
    """Return the TCP ports that a function with these variables of its own may connect to; None: any.

    Raises
    ------
    InvalidSettingError
        See `named_ports`.
    """
    named = named_ports()
    if named is None:
        return None
    own = (_port_of(str(value)) for name, value in variables.items() if name.startswith("AWS_ENDPOINT_URL"))
    gateway = (listener.port for listener in config.GATEWAY_LISTEN)
    return tuple(dict.fromkeys([*gateway, *named, *(port for port in own if port)]))


def named_ports(environ: Mapping[str, str] = os.environ) -> tuple[int, ...] | None:
    """Return the ports that the setting names; None: any.

    Raises
    ------
    InvalidSettingError
        It holds something else.
    """
    text = environ.get(VARIABLE, "").strip()
    if text == ANY:
        return None
    named = [part.strip() for part in text.split(",")] if text else []
    if not all(part.isdecimal() and 0 < int(part) <= MAX_PORT for part in named):
        raise InvalidSettingError(
            f"{VARIABLE} is {text!r}: set it to ports with commas between them, such as 5432,6379, or {ANY}"
        )
    return tuple(map(int, named))


def _port_of(url: str) -> int | None:
    try:
        split = urlsplit(url)
        return split.port or DEFAULT_PORTS.get(split.scheme)
    except ValueError:
        return None
