"""A compose project as the engine sees it."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from docker import DockerClient
from docker.models.containers import Container

from serverless_harness.stack.compose import PROJECT_LABEL, SERVICE_LABEL, ComposeStack, provider_variable
from shop.deployment import ShopDeployment


@dataclass(frozen=True)
class ComposeProject:
    """The stack, and what the engine has of it."""

    engine: DockerClient
    stack: ComposeStack

    @property
    def label(self) -> Mapping[str, str]:
        """The filter that finds all of this project."""
        return {"label": f"{PROJECT_LABEL}={self.stack.name}"}

    def containers(self) -> dict[str, Container]:
        """Give the containers by service, ended ones as well."""
        found = self.engine.containers.list(all=True, filters=self.label)
        return {container.labels[SERVICE_LABEL]: container for container in found}

    def container(self, service: str) -> Container:
        """Give the container of a service as it is now."""
        return self.containers()[service]

    def run(self, service: str, *command: str, user: str = "") -> str:
        """Run a command in a service's container and give what it prints; fails where the command does."""
        code, output = self.container(service).exec_run(list(command), user=user)
        assert code == 0, output.decode()
        return output.decode()

    def deployment(self) -> ShopDeployment:
        """Give the shop as it is deployed on the stack now."""
        return ShopDeployment.of(self.stack.deployment())

    def compose(self, *arguments: str, **variables: str) -> None:
        """Run `docker compose` with this project's settings."""
        environ = {**os.environ, "SHOP_PORT": str(self.stack.port), **provider_variable(self.stack.folder)}
        command = ["docker", "compose", "--project-name", self.stack.name, *arguments]
        subprocess.run(command, cwd=self.stack.folder, env={**environ, **variables}, check=True)
