"""What all of our KMS operations stand on: the key that a request names, in a state that allows its use."""

from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.api.kms import DryRunOperationException, NotFoundException
from localstack.services.kms.models import KmsKey
from localstack.services.kms.provider import KmsProvider

from serverless_harness.emulator.kms.algorithms import check_length

Request = dict[str, Any]
Response = dict[str, Any]

MAX_MESSAGE_BYTES = 4096
MAX_CIPHERTEXT_BYTES = 6144

# LocalStack's methods take the request's parameters one by one, ours the request: to mypy it is just a class.
_Provider: Any = KmsProvider


class KmsOperations(_Provider):  # type: ignore[misc]
    """LocalStack's provider, with keys found by whatever names them."""

    @staticmethod
    def _get_kms_key(account_id: str, region_name: str, any_type_of_key_id: str, **allowed: bool) -> KmsKey:
        if any_type_of_key_id is None:
            check_length("keyId", None, 2048)
        if any_type_of_key_id.startswith("arn:") and not _names_a_key(any_type_of_key_id):
            raise NotFoundException(f"Invalid arn {any_type_of_key_id}")
        return KmsProvider._get_kms_key(account_id, region_name, any_type_of_key_id, **allowed)

    def _usable_key(self, context: RequestContext, key_id: str | None) -> KmsKey:
        """Return an enabled key by whatever names it, with its material in place."""
        account_id, region, name = self._parse_key_id(key_id or "", context)
        key = self._get_kms_key(account_id, region, name)
        self._validate_key_state_not_pending_import(key)
        return key


def _names_a_key(arn: str) -> bool:
    fields = arn.split(":", 5)
    return len(fields) == 6 and fields[2] == "kms" and fields[5].startswith(("key/", "alias/"))


def end_dry_run(request: Request) -> None:
    """End a request that was to show only whether it would succeed."""
    if request.get("DryRun"):
        raise DryRunOperationException("The request would have succeeded, but the DryRun option is set.")
