"""The condition keys that a request has, and those that can't be told here.

Source: AWS page "AWS global condition context keys"; service-specific keys are listed by `definition`.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from ipaddress import ip_address

from localstack.aws.api import RequestContext

from serverless_harness.emulator.clock import clock
from serverless_harness.emulator.iam.service_reference import condition_keys

GLOBAL_KEYS = frozenset(
    {
        "aws:currenttime",
        "aws:epochtime",
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalisawsservice",
        "aws:principalservicename",
        "aws:principalservicenameslist",
        "aws:principaltype",
        "aws:referer",
        "aws:requestedregion",
        "aws:resourceaccount",
        "aws:securetransport",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceowner",
        "aws:userid",
        "aws:useragent",
        "aws:username",
        "aws:viaawsservice",
    }
)
"""Global keys whose values are told here; a request without one of them doesn't have it in AWS either."""

_ABSENT_HERE = frozenset(
    {
        "aws:assumedroot",
        "aws:calledvia",
        "aws:calledviafirst",
        "aws:calledvialast",
        "aws:chatbotsourcearn",
        "aws:ec2instancesourceprivateipv4",
        "aws:ec2instancesourcevpc",
        "aws:federatedprovider",
        "aws:multifactorauthage",
        "aws:multifactorauthpresent",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:resourceorgid",
        "aws:resourceorgpaths",
        "aws:sourceidentity",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:sourcevpc",
        "aws:sourcevpcarn",
        "aws:sourcevpce",
        "aws:vpcsourceip",
        "ec2:roledelivery",
        "ec2:sourceinstancearn",
        "kms:viaservice",
    }
)
"""Keys that no request here has: no organization, network, MFA or chained service is emulated."""

_UNTOLD = frozenset({"aws:tokenissuetime", "lambda:sourcefunctionarn"})
"""Keys that AWS sets on calls of functions, whose value isn't known here."""

_OF_CALLING_SERVICE = frozenset(
    {
        "aws:principalisawsservice",
        "aws:principalservicename",
        "aws:principalservicenameslist",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceowner",
    }
)
"""Global keys that a service brings along, which are the same in all that it does for one resource.

Other callers have none of them, but for `aws:PrincipalIsAWSService`, which is false of them all.
"""

SERVICE_KEYS = frozenset(
    {
        "cloudwatch:namespace",
        "dynamodb:enclosingoperation",
        "dynamodb:returnconsumedcapacity",
        "dynamodb:returnvalues",
        "dynamodb:select",
        "iam:awsservicename",
        "iam:passedtoservice",
        "iam:permissionsboundary",
        "iam:policyarn",
        "kms:calleraccount",
        "kms:datakeypairspec",
        "kms:encryptionalgorithm",
        "kms:encryptioncontextkeys",
        "kms:granteeprincipal",
        "kms:grantoperations",
        "kms:keyagreementalgorithm",
        "kms:keyorigin",
        "kms:keyspec",
        "kms:keyusage",
        "kms:macalgorithm",
        "kms:messagetype",
        "kms:multiregion",
        "kms:requestalias",
        "kms:resourcealiases",
        "kms:retiringprincipal",
        "kms:signingalgorithm",
        "kms:wrappingalgorithm",
        "kms:wrappingkeyspec",
        "lambda:functionarn",
        "lambda:functionurlauthtype",
        "lambda:invokedviafunctionurl",
        "lambda:layer",
        "lambda:principal",
        "s3:delimiter",
        "s3:max-keys",
        "s3:prefix",
        "s3:versionid",
        "s3:x-amz-acl",
        "s3:x-amz-copy-source",
        "s3:x-amz-metadata-directive",
        "s3:x-amz-object-ownership",
        "s3:x-amz-server-side-encryption",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
        "s3:x-amz-storage-class",
        "sns:endpoint",
        "sns:protocol",
        "sts:durationseconds",
        "sts:externalid",
        "sts:rolesessionname",
        "sts:sourceidentity",
        "sts:transitivetagkeys",
    }
)
"""Service-specific keys that the mapping of calls sets whenever a request has them."""

_SERVICE_KEY_PREFIXES = ("kms:encryptioncontext:",)


class ContextKeys(Mapping[str, tuple[str, ...]]):
    """The condition keys of one request: those of the call, and global ones, found when first asked for."""

    def __init__(
        self, values: Mapping[str, tuple[str, ...]], find_rest: Callable[[], Mapping[str, tuple[str, ...]]]
    ) -> None:
        """Take the keys that are known already, and what finds the rest."""
        self._values = values
        self._find_rest = find_rest

    @cached_property
    def _rest(self) -> Mapping[str, tuple[str, ...]]:
        return self._find_rest()

    def __getitem__(self, key: str) -> tuple[str, ...]:
        """Return a key's values; KeyError where the request has none."""
        found = self._values.get(key)
        if found is not None:
            return found
        if not key.startswith("aws:") or key in _ABSENT_HERE:
            raise KeyError(key)
        return self._rest[key]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the keys that the request has."""
        return iter({**self._rest, **self._values})

    def __len__(self) -> int:
        """Count the keys that the request has."""
        return len({**self._rest, **self._values})


class KnownKeys:
    """The keys of which it is known, for one action, whether the request has them and with what values.

    Not known are a global key that isn't listed here, and a key that AWS documents for the action and that
    the mapping doesn't set. A service key that AWS doesn't document for the action is known: it is absent.
    """

    def __init__(self, action: str) -> None:
        """Take the action, in AWS's spelling."""
        self._action = action

    def __contains__(self, key: object) -> bool:
        """Return whether a key, in lower case, is known."""
        if not isinstance(key, str) or key in _UNTOLD:
            return False
        if key in GLOBAL_KEYS or key in _ABSENT_HERE or key in SERVICE_KEYS:
            return True
        if key.startswith("aws:"):
            return self._knows_tag_key(key)
        if key.startswith(_SERVICE_KEY_PREFIXES):
            return True
        return not any(pattern.fullmatch(key) for pattern in condition_keys(self._action))

    def _knows_tag_key(self, key: str) -> bool:
        """S3 carries tags in a header that isn't read here; other mapped services have them as parameters."""
        if key.startswith("aws:principaltag/"):
            return True
        request_tag = key.startswith("aws:requesttag/") or key == "aws:tagkeys"
        return request_tag and not self._action.startswith("s3:")


def is_of_request(key: str) -> bool:
    """Return whether a key, in lower case, may differ between two equal calls of the same caller."""
    return key.startswith("aws:") and key not in _ABSENT_HERE and key not in _OF_CALLING_SERVICE


def _is_secure(context: RequestContext) -> bool:
    """Return whether a request counts as one by TLS; plain HTTP does on loopback, where AWS has TLS."""
    request = context.request
    return request.scheme == "https" or ip_address(request.remote_addr or "0.0.0.0").is_loopback


def of_request(context: RequestContext, resource_owner: str) -> dict[str, tuple[str, ...]]:
    """Return the global condition keys that a request has whoever makes it."""
    now = datetime.fromtimestamp(clock.now(), UTC)
    request = context.request
    values = {
        "aws:currenttime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:epochtime": str(int(now.timestamp())),
        "aws:referer": request.headers.get("Referer"),
        "aws:requestedregion": context.region,
        "aws:resourceaccount": resource_owner,
        "aws:securetransport": str(_is_secure(context)).lower(),
        "aws:sourceip": request.remote_addr,
        "aws:useragent": request.headers.get("User-Agent"),
        "aws:viaawsservice": "false",
    }
    return {key: (value,) for key, value in values.items() if value}
