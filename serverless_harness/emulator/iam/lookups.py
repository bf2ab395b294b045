"""Keys, and ARNs of identities and secrets, read from the services' stores for IAM's mapping of calls.

LocalStack's modules are imported where they are used: a service that isn't called isn't loaded.
"""

import struct
from email.utils import parseaddr
from typing import Any

from serverless_harness.emulator.iam.actions.call import Call, KmsKeyFacts
from serverless_harness.emulator.iam.matching import UNTOLD


class LocalStackLookups:
    """Answers the mapping's questions (`emulator.iam.actions.Lookups`) from LocalStack's stores."""

    def kms_key(self, key_id: str, account_id: str, region: str) -> KmsKeyFacts | None:
        """Find a key by id, ARN, alias or alias ARN, in the ARN's account or the caller's."""
        from localstack.services.kms.utils import is_valid_key_arn, parse_key_arn

        if is_valid_key_arn(key_id):
            owner, region_of_arn, _ = parse_key_arn(key_id)
            if region_of_arn == region and (found := self._kms_key(key_id, owner, region)):
                return found
        return self._kms_key(key_id, account_id, region)

    def _kms_key(self, key_id: str, account_id: str, region: str) -> KmsKeyFacts | None:
        from localstack.aws.api import ServiceException
        from localstack.services.kms.provider import KmsProvider

        try:
            found = KmsProvider._get_key_id_from_any_id(account_id, region, key_id)
        except (ServiceException, ValueError):
            return None
        return self._facts(found, account_id, region)

    def kms_key_of_ciphertext(self, blob: bytes, account_id: str, region: str) -> KmsKeyFacts | None:
        """Find the key whose id LocalStack's ciphertexts begin with."""
        from localstack.services.kms.models import deserialize_ciphertext_blob

        try:
            key_id = deserialize_ciphertext_blob(blob).key_id
        except (struct.error, UnicodeDecodeError):
            return None
        return self._facts(key_id, account_id, region)

    def _facts(self, key_id: str, account_id: str, region: str) -> KmsKeyFacts | None:
        from localstack.services.kms.models import kms_stores

        store = kms_stores[account_id][region]
        key = store.keys.get(key_id)
        if key is None:
            return None
        metadata = key.metadata
        aliases = (
            name for name, alias in list(store.aliases.items()) if alias.metadata["TargetKeyId"] == key_id
        )
        return KmsKeyFacts(
            arn=str(metadata["Arn"]),
            key_id=key_id,
            key_spec=str(metadata.get("KeySpec", "SYMMETRIC_DEFAULT")),
            key_usage=str(metadata.get("KeyUsage", "ENCRYPT_DECRYPT")),
            key_origin=str(metadata.get("Origin", "AWS_KMS")),
            multi_region=bool(metadata.get("MultiRegion")),
            aliases=tuple(aliases),
        )

    def iam_arn(self, kind: str, name: str, account_id: str) -> str | None:
        """Find the ARN of a role, user, group or instance-profile by its name."""
        from moto.iam.models import iam_backends

        backend = iam_backends[account_id]["aws"]
        stores: dict[str, Any] = {
            "role": backend.roles,
            "user": backend.users,
            "group": backend.groups,
            "instance-profile": backend.instance_profiles,
        }
        entities = list(stores.get(kind, {}).values())
        return next((str(entity.arn) for entity in entities if entity.name == name), None)

    def arn_by_name(self, kind: str, name: str, call: Call) -> str | None:
        """Find the ARN of a secret, which ends with a random part, or of the identity of a sender."""
        if kind == "Secret":
            return _secret_arn(name, call)
        return _identity_arn(name, call) if (call.service, kind) == ("ses", "identity") else None


def _secret_arn(name: str, call: Call) -> str:
    from moto.secretsmanager.models import secretsmanager_backends

    secret = secretsmanager_backends[call.account_id][call.region].secrets.get(name)
    return str(secret.arn) if secret else call.arn("secretsmanager", f"secret:{name}-{UNTOLD}")


def _identity_arn(name: str, call: Call) -> str:
    """Return the ARN of the verified address, or else of its verified domain."""
    from moto.ses.models import ses_backends

    backend = ses_backends[call.account_id][call.region]
    address = parseaddr(name)[1] or name
    domain = address.rpartition("@")[2]
    is_domain = address not in backend.email_identities and domain in backend.email_identities
    return call.arn("ses", f"identity/{domain if is_domain else address}")
