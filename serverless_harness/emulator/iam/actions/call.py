"""An AWS call as enforcement sees it, and what it needs to be allowed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from serverless_harness.emulator.iam.matching import ContextValues


class UnmappedCallError(Exception):
    """A service's own mapping can't tell what a call needs; AWS's reference is asked then."""


class UnsupportedCallError(Exception):
    """A call that is refused to everybody whom policies bind; the message names it."""


@dataclass(frozen=True, slots=True)
class KmsKeyFacts:
    """What the condition keys of KMS say of a key."""

    arn: str
    key_id: str
    key_spec: str
    key_usage: str
    key_origin: str
    multi_region: bool
    aliases: tuple[str, ...]


class Lookups(Protocol):
    """What the mapping asks of the stores behind the services."""

    def kms_key(self, key_id: str, account_id: str, region: str) -> KmsKeyFacts | None:
        """Find a key by id, ARN, alias or alias ARN; None where there is none."""

    def kms_key_of_ciphertext(self, blob: bytes, account_id: str, region: str) -> KmsKeyFacts | None:
        """Find the symmetric key that made a ciphertext; None where it can't be told."""

    def iam_arn(self, kind: str, name: str, account_id: str) -> str | None:
        """Find the ARN, path included, of a role, user, group or instance-profile; None if there is none."""

    def arn_by_name(self, kind: str, name: str, call: "Call") -> str | None:
        """Find an ARN that holds more than its resource's name: of a secret, or of a sender's identity."""


@dataclass(frozen=True, slots=True)
class Call:
    """A parsed request. `account_id` and `region` are those that it is made to."""

    service: str
    operation: str
    parameters: Mapping[str, Any]
    account_id: str
    region: str
    lookups: Lookups
    partition: str = "aws"
    http_method: str = "POST"
    path: str = "/"

    @property
    def name(self) -> str:
        """The call as records show it, `service:Operation`."""
        return f"{self.service}:{self.operation}"

    def arn(self, service: str, resource: str, *, regional: bool = True, with_account: bool = True) -> str:
        """Make an ARN in the call's partition, region and account."""
        region = self.region if regional else ""
        account_id = self.account_id if with_account else ""
        return f"arn:{self.partition}:{service}:{region}:{account_id}:{resource}"


@dataclass(frozen=True, slots=True)
class Permission:
    """One action on one resource, with the condition keys that the service adds, in lower case."""

    action: str
    resource: str
    context: ContextValues = field(default_factory=dict)

    @property
    def service(self) -> str:
        """The service whose action it is."""
        return self.action.partition(":")[0]
