"""The policies of resources, as the services' stores hold them: of functions, topics, queues, roles, keys, ….

LocalStack's modules are imported where they are used: a service that isn't called isn't loaded.
"""

import json
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from serverless_harness.emulator.iam.api_policies import parse_resource_policy
from serverless_harness.emulator.iam.callers import bucket_name, bucket_owner, find_role
from serverless_harness.emulator.iam.policy import Policy, PolicyType, parse_policy


def resource_policies(action: str, resource: str) -> tuple[Policy, ...]:
    """Return the policies attached to a resource: of functions, topics, queues, buckets, keys, roles, APIs.

    Raises:
        PolicyError: a policy isn't supported.
    """
    read = _OF_SERVICE.get(action.partition(":")[0])
    return read(resource) if read else ()


def resource_account_id(action: str, resource: str, default: str) -> str:
    """Return the account that owns a resource; `default` where neither its ARN nor its store says."""
    fields = resource.split(":", 5)
    if len(fields) == 6 and fields[4]:
        return fields[4]
    if action.startswith("s3:"):
        return bucket_owner(resource) or default
    return default


def _parsed(document: str, name: str, policy_type: PolicyType = PolicyType.RESOURCE) -> tuple[Policy, ...]:
    return (parse_policy(document, policy_type, name),)


def _of_function(arn: str) -> tuple[Policy, ...]:
    from localstack.services.lambda_.invocation.models import lambda_stores

    fields = arn.split(":")
    if len(fields) < 7 or fields[5] != "function":
        return ()
    region, account_id, name = fields[3], fields[4], fields[6]
    qualifier = fields[7] if len(fields) > 7 else "$LATEST"
    function = lambda_stores[account_id][region].functions.get(name)
    permission = function.permissions.get(qualifier) if function else None
    if permission is None:
        return ()
    document = {"Version": permission.policy.Version, "Statement": permission.policy.Statement}
    return _parsed(json.dumps(document), f"resource policy of {arn}") if permission.policy.Statement else ()


def _of_log_group(arn: str) -> tuple[Policy, ...]:
    from moto.logs.models import logs_backends

    fields = arn.split(":")
    if len(fields) < 6:
        return ()
    policies = logs_backends[fields[4]][fields[3]].resource_policies
    return tuple(
        parse_policy(policy.policy_document, PolicyType.RESOURCE, f"Logs policy {name}")
        for name, policy in list(policies.items())
    )


def _of_topic(arn: str) -> tuple[Policy, ...]:
    from localstack.services.sns.models import sns_stores

    fields = arn.split(":")
    if len(fields) < 6:
        return ()
    topic = sns_stores[fields[4]][fields[3]].topics.get(arn)
    document = topic["attributes"].get("Policy") if topic else None
    return _parsed(document, f"policy of {arn}") if document else ()


def _of_queue(arn: str) -> tuple[Policy, ...]:
    from localstack.services.sqs.models import sqs_stores

    fields = arn.split(":")
    if len(fields) < 6:
        return ()
    queue = sqs_stores[fields[4]][fields[3]].queues.get(fields[5])
    attributes: Any = queue.attributes if queue else {}
    document = attributes.get("Policy")
    return _parsed(document, f"policy of {arn}") if document else ()


def _of_bucket(arn: str) -> tuple[Policy, ...]:
    from localstack.services.s3.models import s3_stores

    owner = bucket_owner(arn)
    name = bucket_name(arn)
    if owner is None:
        return ()
    bucket = s3_stores[owner]["us-east-1"].buckets.get(name)
    document = bucket.policy if bucket else None
    return _parsed(document, f"policy of bucket {name}") if document else ()


def _of_api(arn: str) -> tuple[Policy, ...]:
    """Return the resource policy that an API's stage was deployed with; `arn` is a method's."""
    from localstack.services.apigateway.models import apigateway_stores

    api_arn, stage = arn.split("/")[:2]
    api_id = api_arn.rpartition(":")[2]
    store = apigateway_stores["000000000000"]["us-east-1"]  # Their attributes are shared by all accounts.
    deployment_id = store.active_deployments.get(api_id, {}).get(stage)
    deployment = store.internal_deployments.get(api_id, {}).get(deployment_id or "")
    text = deployment.rest_api.rest_api.get("policy") if deployment else None
    return parse_resource_policy(text, api_arn)


def _of_role(arn: str) -> tuple[Policy, ...]:
    role = find_role(arn) if arn.count(":") >= 5 else None
    document = role.assume_role_policy_document if role else None
    return _parsed(document, f"trust policy of {arn}", PolicyType.TRUST) if document else ()


def _of_key(arn: str) -> tuple[Policy, ...]:
    from localstack.services.kms.models import kms_stores

    fields = arn.split(":")
    if len(fields) < 6 or not fields[5].startswith("key/"):
        return ()
    store = kms_stores[fields[4]][fields[3]]
    key = store.keys.get(fields[5].removeprefix("key/"))
    if key is None:
        return ()
    grants = [grant for grant in list(store.grants.values()) if grant.metadata["KeyArn"] == arn]
    return (*_parsed(key.policy, f"policy of {arn}"), *map(_of_grant, grants))


_OF_SERVICE: dict[str, Callable[[str], tuple[Policy, ...]]] = {
    "execute-api": _of_api,
    "kms": _of_key,
    "lambda": _of_function,
    "logs": _of_log_group,
    "s3": _of_bucket,
    "sns": _of_topic,
    "sqs": _of_queue,
    "sts": _of_role,
}

_grant_policies: WeakKeyDictionary[Any, Policy] = WeakKeyDictionary()
"""What each grant amounts to; a grant never changes."""


def _of_grant(grant: Any) -> Policy:  # noqa: ANN401 (LocalStack's KmsGrant is untyped)
    policy = _grant_policies.get(grant)
    if policy is None:
        policy = _grant_policies[grant] = grant_policy(grant.metadata)
    return policy


def grant_policy(grant: dict[str, Any]) -> Policy:
    """Write a grant as the key policy that it amounts to (AWS page "Grants in AWS KMS")."""
    grantee = grant["GranteePrincipal"]
    kind = "Service" if grantee.endswith(".amazonaws.com") else "AWS"
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {kind: grantee},
        "Action": [f"kms:{operation}" for operation in grant.get("Operations") or ()],
        "Resource": "*",
    }
    condition = _constraint_condition(grant.get("Constraints") or {})
    if condition:
        statement["Condition"] = condition
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return parse_policy(json.dumps(document), PolicyType.RESOURCE, f"grant {grant['GrantId']}")


def _constraint_condition(constraints: dict[str, Any]) -> dict[str, Any]:
    subset = constraints.get("EncryptionContextSubset") or {}
    equals = constraints.get("EncryptionContextEquals") or {}
    pairs = {f"kms:EncryptionContext:{name}": value for name, value in {**subset, **equals}.items()}
    condition: dict[str, Any] = {"StringEquals": pairs} if pairs else {}
    if equals:
        condition["ForAllValues:StringEquals"] = {"kms:EncryptionContextKeys": sorted(equals)}
    return condition
