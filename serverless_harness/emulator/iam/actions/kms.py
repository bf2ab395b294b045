"""KMS: the resource is the key, by whatever name the request calls it.

Sources: AWS pages "Actions, resources, and condition keys for AWS Key Management Service" and "Condition keys
for AWS KMS".
"""

from collections.abc import Iterator

from serverless_harness.emulator.iam.actions.call import Call, KmsKeyFacts, Permission

_WITHOUT_KEY = {
    "ListKeys", "ListAliases", "GenerateRandom", "ListRetirableGrants", "DescribeCustomKeyStores",
    "CreateCustomKeyStore", "DeleteCustomKeyStore", "UpdateCustomKeyStore", "ConnectCustomKeyStore",
    "DisconnectCustomKeyStore",
}  # fmt: skip
_REQUEST_KEYS = {
    "EncryptionAlgorithm": "kms:encryptionalgorithm",
    "SigningAlgorithm": "kms:signingalgorithm",
    "MessageType": "kms:messagetype",
    "MacAlgorithm": "kms:macalgorithm",
    "KeyPairSpec": "kms:datakeypairspec",
    "WrappingAlgorithm": "kms:wrappingalgorithm",
    "WrappingKeySpec": "kms:wrappingkeyspec",
    "KeyAgreementAlgorithm": "kms:keyagreementalgorithm",
    "GranteePrincipal": "kms:granteeprincipal",
    "RetiringPrincipal": "kms:retiringprincipal",
}
_DEFAULT_ALGORITHM = {"Encrypt": "SYMMETRIC_DEFAULT", "Decrypt": "SYMMETRIC_DEFAULT"}


def permissions(call: Call) -> Iterator[Permission]:
    """Yield what a call to `kms` needs; nothing where the key doesn't exist, for KMS then says so itself."""
    match call.operation:
        case "CreateKey":
            yield Permission("kms:CreateKey", "*", _creation_context(call))
        case "CreateAlias" | "DeleteAlias" | "UpdateAlias":
            yield from _alias(call)
        case "ReEncrypt":
            yield from _reencrypt(call)
        case "RetireGrant" if "KeyId" not in call.parameters:
            yield Permission("kms:RetireGrant", call.arn("kms", "key/*"))
        case operation if operation in _WITHOUT_KEY:
            yield Permission(f"kms:{operation}", "*")
        case operation:
            yield from _on_key(call, f"kms:{operation}", "KeyId", "CiphertextBlob", "EncryptionContext")


def _on_key(
    call: Call, action: str, id_name: str, blob_name: str, encryption_context_name: str
) -> Iterator[Permission]:
    requested = call.parameters.get(id_name)
    key = _find(call, requested, blob_name)
    if key is None:
        return
    context = _request_context(call, encryption_context_name) | _key_context(call, key)
    if alias := _alias_name(requested):
        context["kms:requestalias"] = (alias,)
    yield Permission(action, key.arn, context)


def _find(call: Call, requested: str | None, blob_name: str) -> KmsKeyFacts | None:
    if requested:
        return call.lookups.kms_key(requested, call.account_id, call.region)
    blob = call.parameters.get(blob_name) or b""
    return call.lookups.kms_key_of_ciphertext(blob, call.account_id, call.region)


def _alias_name(key_id: str | None) -> str | None:
    """Return the alias of `alias/x` or of its ARN; None for what names the key itself."""
    if not key_id:
        return None
    name = key_id.rpartition(":")[2]
    return name if name.startswith("alias/") else None


def _request_context(call: Call, encryption_context_name: str) -> dict[str, tuple[str, ...]]:
    parameters = call.parameters
    context: dict[str, tuple[str, ...]] = {
        key: (str(parameters[name]),) for name, key in _REQUEST_KEYS.items() if parameters.get(name)
    }
    if call.operation in _DEFAULT_ALGORITHM:
        context.setdefault("kms:encryptionalgorithm", (_DEFAULT_ALGORITHM[call.operation],))
    if pairs := parameters.get(encryption_context_name):
        context["kms:encryptioncontextkeys"] = tuple(pairs)
        context |= {f"kms:encryptioncontext:{name.lower()}": (value,) for name, value in pairs.items()}
    if operations := parameters.get("Operations"):
        context["kms:grantoperations"] = tuple(operations)
    return context


def _key_context(call: Call, key: KmsKeyFacts) -> dict[str, tuple[str, ...]]:
    context: dict[str, tuple[str, ...]] = {
        "kms:calleraccount": (call.account_id,),
        "kms:keyspec": (key.key_spec,),
        "kms:keyusage": (key.key_usage,),
        "kms:keyorigin": (key.key_origin,),
        "kms:multiregion": (str(key.multi_region).lower(),),
    }
    if key.aliases:
        context["kms:resourcealiases"] = key.aliases
    return context


def _creation_context(call: Call) -> dict[str, tuple[str, ...]]:
    parameters = call.parameters
    return {
        "kms:keyspec": (parameters.get("KeySpec", "SYMMETRIC_DEFAULT"),),
        "kms:keyusage": (parameters.get("KeyUsage", "ENCRYPT_DECRYPT"),),
        "kms:keyorigin": (parameters.get("Origin", "AWS_KMS"),),
        "kms:multiregion": (str(bool(parameters.get("MultiRegion"))).lower(),),
    }


def _alias(call: Call) -> Iterator[Permission]:
    """An alias needs the action on itself and on the key, or keys, that it is taken from and given to."""
    name = call.parameters["AliasName"]
    action = f"kms:{call.operation}"
    yield Permission(action, call.arn("kms", name))
    targets = [name] if call.operation in {"DeleteAlias", "UpdateAlias"} else []
    if target := call.parameters.get("TargetKeyId"):
        targets.append(target)
    for target in targets:
        if key := call.lookups.kms_key(target, call.account_id, call.region):
            yield Permission(action, key.arn, _key_context(call, key))


def _reencrypt(call: Call) -> Iterator[Permission]:
    yield from _on_key(call, "kms:ReEncryptFrom", "SourceKeyId", "CiphertextBlob", "SourceEncryptionContext")
    yield from _on_key(call, "kms:ReEncryptTo", "DestinationKeyId", "", "DestinationEncryptionContext")
