"""What functions may connect to: the gateway, and what somebody has named.

Where nothing is named, an environment has a network of its own, where sandboxes can have one: the gateway and
the Runtime API answer there on sockets of that network, and nothing else is to be reached.

The setting `LAMBDA_PROCESS_NETWORK_PORTS` has TCP ports with commas between them, or `any`. A function's own
`AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>` name theirs. Its environments are then in the host's
network, whose ports the kernel tells apart, not its addresses (landlock(7)), so that 443 opens AWS's
endpoints too; UDP, and so DNS, stays open.
"""

import contextlib
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from localstack import config
from localstack.runtime import get_current_runtime

from serverless_harness.emulator.gateway.server import LoopbackRuntimeServer
from serverless_harness.emulator.gateway.wsgi_environ import FunctionCaller
from serverless_harness.emulator.settings import InvalidSettingError

VARIABLE = "LAMBDA_PROCESS_NETWORK_PORTS"
ANY = "any"
MAX_PORT = 65535
RUNTIME_API_PORTS = range(9001, 9010)
"""AWS's is the first; the others are for gateways on that one."""
DEFAULT_PORTS = {"http": 80, "https": 443}


def ports(variables: Mapping[str, object]) -> tuple[int, ...] | None:
    """Return the TCP ports that a function with these variables of its own may connect to; None: any.

    Raises:
        InvalidSettingError: See `named_ports`.
    """
    named = named_ports()
    if named is None:
        return None
    own = (_port_of(str(value)) for name, value in variables.items() if name.startswith("AWS_ENDPOINT_URL"))
    gateway = (listener.port for listener in config.GATEWAY_LISTEN)
    return tuple(dict.fromkeys([*gateway, *named, *(port for port in own if port)]))


@dataclass(frozen=True)
class OwnNetwork:
    """What answers in an environment's own network, all on 127.0.0.1."""

    gateway_ports: tuple[int, ...]
    runtime_api_port: int
    caller: FunctionCaller
    """Who is known to call on the gateway's ports."""
    debugger_port: int | None = None

    @classmethod
    def of(
        cls, ports: tuple[int, ...] | None, caller: FunctionCaller, debugger_port: int | None = None
    ) -> "OwnNetwork | None":
        """Return the network of a function that may connect to `ports`; None where it is the host's.

        `debugger_port` is where a debugger answers, if one does.
        """
        gateway = tuple(dict.fromkeys(listener.port for listener in config.GATEWAY_LISTEN))
        if ports is None or not set(ports) <= set(gateway) or _gateway_server() is None:
            return None
        runtime_api = next(port for port in RUNTIME_API_PORTS if port not in gateway)
        return cls(gateway, runtime_api, caller, debugger_port)

    @property
    def ports(self) -> tuple[int, ...]:
        """What to listen on: the gateway's ports, then the Runtime API's and the debugger's."""
        debugger = (self.debugger_port,) if self.debugger_port else ()
        return (*self.gateway_ports, self.runtime_api_port, *debugger)

    @property
    def runtime_api_address(self) -> str:
        """Return host and port of the Runtime API."""
        return f"127.0.0.1:{self.runtime_api_port}"

    def open_gateway(self, listeners: Sequence[socket.socket]) -> Callable[[], None]:
        """Let the gateway serve on `listeners`, which it then owns; returns what ends that (idempotent)."""
        server = _gateway_server()
        if server is None:
            raise RuntimeError("the gateway can't listen in other networks")
        for listener in listeners:
            server.add_listener(listener, self.caller)

        def leave() -> None:
            for listener in listeners:
                server.remove_listener(listener)

        return leave


def _gateway_server() -> LoopbackRuntimeServer | None:
    """Return the gateway's server, if it is the one that takes further sockets."""
    with contextlib.suppress(ValueError):  # no LocalStack runs here
        server = get_current_runtime().components.runtime_server
        return server if isinstance(server, LoopbackRuntimeServer) else None
    return None


def named_ports(environ: Mapping[str, str] = os.environ) -> tuple[int, ...] | None:
    """Return the ports that the setting names; None: any.

    Raises:
        InvalidSettingError: It holds something else.
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
