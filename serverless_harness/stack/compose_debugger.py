"""The debugger of functions in containers: where debugpy is in the image, and how its port gets to the host.

A container's ports are published when it is made. So each port of a debugger gets a container of its own,
which forwards connections from the host's loopback to the emulator. It listens only on its outer network,
where no functions are.
"""

import subprocess
from collections.abc import Callable, Collection
from dataclasses import dataclass

from serverless_harness.errors import HarnessError
from serverless_harness.stack.embedded import refuse_taken_port

FOLDER = "/opt/debugger"
"""Where docker/Dockerfile installs debugpy, for each runtime of the image."""


@dataclass(frozen=True)
class InContainers:
    """The place of the debugger in the compose project `name`; `compose` runs `docker compose` on it."""

    name: str
    compose: Callable[..., None]
    host: str = "0.0.0.0"

    def packages(self, runtime: str) -> str:
        """Give debugpy's folder in the image; the emulator refuses a runtime that the image lacks."""
        return f"{FOLDER}/{runtime}/lib/{runtime}/site-packages"

    def publish(self, ports: Collection[int]) -> None:
        """Have a forwarder for each of these ports, and no others.

        Raises UserError where a port is taken on this machine.
        """
        there = self._forwarders()
        for port in there - set(ports):
            self._remove(port)
        for port in sorted(set(ports) - there):
            refuse_taken_port(port, "choose another port for the debugger")
            self._forward(port)

    def _forwarders(self) -> set[int]:
        prefix = self._container("")
        command = ("docker", "ps", "--all", "--filter", f"name=^{prefix}", "--format", "{{.Names}}")
        names = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
        ports = [name.removeprefix(prefix) for name in names]
        return {int(port) for port in ports if port.isdecimal()}

    def _forward(self, port: int) -> None:
        try:
            self.compose(
                *("run", "--detach", "--rm", "--no-deps", "--name", self._container(port)),
                *("--publish", f"127.0.0.1:{port}:{port}", "gateway"),
                *("forward", "--from-outside", "--port", str(port), "--to", f"localstack:{port}"),
            )
        except HarnessError:
            self._remove(port)
            raise

    def _remove(self, port: int) -> None:
        subprocess.run(("docker", "rm", "--force", self._container(port)), capture_output=True, check=False)

    def _container(self, port: int | str) -> str:
        return f"{self.name}-debugger-{port}"
