"""Takes LocalStack for ready when its server serves, wherever it listens, and makes no certificate for it.

LocalStack probes the first port of `GATEWAY_LISTEN` on 127.0.0.1, every 0.3 s, so that a server on
`[::1]` or on another interface alone is never ready; and it generates an RSA key and a certificate for
TLS that the server `loopback` doesn't offer. Other servers start as LocalStack starts them.
"""

from collections.abc import Callable

from localstack.runtime.runtime import LocalstackRuntime

from serverless_harness.emulator.gateway.server import LoopbackRuntimeServer
from serverless_harness.emulator.patches import wrap

PATCHED = [LocalstackRuntime._init_gateway_server, LocalstackRuntime._wait_for_gateway]

START_TIMEOUT_S = 15.0


def apply() -> None:
    """Replace both steps for the server `loopback`."""
    wrap(LocalstackRuntime._init_gateway_server, _init_gateway_server)
    wrap(LocalstackRuntime._wait_for_gateway, _wait_for_gateway)


def _init_gateway_server(fn: Callable[[LocalstackRuntime], None], self: LocalstackRuntime) -> None:
    server = self.components.runtime_server
    if not isinstance(server, LoopbackRuntimeServer):
        fn(self)
        return
    server.register(self.components.gateway, self.config.GATEWAY_LISTEN)


def _wait_for_gateway(fn: Callable[[LocalstackRuntime], None], self: LocalstackRuntime) -> None:
    server = self.components.runtime_server
    if not isinstance(server, LoopbackRuntimeServer):
        fn(self)
    elif not server.wait_until_serving(START_TIMEOUT_S):
        raise TimeoutError(f"the gateway doesn't serve {START_TIMEOUT_S:.0f} s after its start")
