"""The shop on a target, by Terraform's outputs."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Self

from serverless_harness.deploy.deployment import Deployment
from serverless_harness.errors import UserError


class ShopDeployment(Deployment):
    """A deployment of the shop."""

    @classmethod
    def of(cls, deployment: Deployment) -> Self:
        """Give a deployment as one of the shop."""
        return cls(**{field.name: getattr(deployment, field.name) for field in fields(deployment)})

    @property
    def invoke_url(self) -> str:
        """The address that cash registers POST to."""
        return f"{self.target.api_url(self.outputs['api_id'], self.outputs['stage'])}/shop"

    @property
    def table_name(self) -> str:
        return str(self.outputs["table_name"])

    @property
    def key_alias_prefix(self) -> str:
        """What precedes a shop's id in its key's alias, `alias/` included."""
        return str(self.outputs["key_alias_prefix"])

    @property
    def function_names(self) -> Mapping[str, str]:
        """The functions' names in AWS, by their names in `handlers/`."""
        names: Mapping[str, str] = self.outputs["function_names"]
        return names

    def function_name(self, part: str) -> str:
        """Give the name in AWS of a function in `handlers/`; raises UserError where there is no such one."""
        if part not in self.function_names:
            known = ", ".join(sorted(self.function_names))
            raise UserError(f"there is no function '{part}'; the functions are {known}")
        return self.function_names[part]
