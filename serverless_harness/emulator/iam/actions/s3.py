"""S3: operations whose actions have other names, and the bucket or object that they are on.

Source: AWS page "Required permissions for Amazon S3 API operations".
"""

from collections.abc import Iterator
from urllib.parse import unquote

from serverless_harness.emulator.iam.actions.call import Call, Permission, UnmappedCallError
from serverless_harness.emulator.iam.service_reference import known_actions

_ACTIONS = {
    "AbortMultipartUpload": "AbortMultipartUpload",
    "CompleteMultipartUpload": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "CreateSession": "CreateSession",
    "DeleteBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
    "DeleteBucketInventoryConfiguration": "PutInventoryConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketMetricsConfiguration": "PutMetricsConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketAnalyticsConfiguration": "GetAnalyticsConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketIntelligentTieringConfiguration": "GetIntelligentTieringConfiguration",
    "GetBucketInventoryConfiguration": "GetInventoryConfiguration",
    "GetBucketLifecycle": "GetLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketMetricsConfiguration": "GetMetricsConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBucketAnalyticsConfigurations": "GetAnalyticsConfiguration",
    "ListBucketIntelligentTieringConfigurations": "GetIntelligentTieringConfiguration",
    "ListBucketInventoryConfigurations": "GetInventoryConfiguration",
    "ListBucketMetricsConfigurations": "GetMetricsConfiguration",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "PostObject": "PutObject",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "PutBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
    "PutBucketCors": "PutBucketCORS",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
    "PutBucketInventoryConfiguration": "PutInventoryConfiguration",
    "PutBucketLifecycle": "PutLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketMetricsConfiguration": "PutMetricsConfiguration",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutBucketReplication": "PutReplicationConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "SelectObjectContent": "GetObject",
    "UploadPart": "PutObject",
}
_WITH_VERSION = {
    "DeleteObject", "GetObject", "GetObjectAcl", "GetObjectAttributes", "GetObjectTagging", "PutObjectAcl",
    "PutObjectTagging", "DeleteObjectTagging",
}  # fmt: skip
_REQUEST_KEYS = {
    "Prefix": "s3:prefix",
    "Delimiter": "s3:delimiter",
    "MaxKeys": "s3:max-keys",
    "VersionId": "s3:versionid",
    "ACL": "s3:x-amz-acl",
    "StorageClass": "s3:x-amz-storage-class",
    "ServerSideEncryption": "s3:x-amz-server-side-encryption",
    "SSEKMSKeyId": "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "CopySource": "s3:x-amz-copy-source",
    "MetadataDirective": "s3:x-amz-metadata-directive",
    "ObjectOwnership": "s3:x-amz-object-ownership",
}


def permissions(call: Call) -> Iterator[Permission]:
    """Yield what a call to `s3` needs."""
    match call.operation:
        case "CopyObject" | "UploadPartCopy":
            yield from _copy(call)
        case "DeleteObjects":
            yield from _delete_objects(call)
        case operation:
            yield Permission(f"s3:{_action(call, operation)}", _resource(call), _context(call))
            if operation == "PutObject" and call.parameters.get("Tagging"):
                yield Permission("s3:PutObjectTagging", _resource(call), _context(call))


def _action(call: Call, operation: str) -> str:
    action = _ACTIONS.get(operation, operation)
    if call.parameters.get("VersionId") and action in _WITH_VERSION:
        action = action.replace("Object", "ObjectVersion", 1)
    if f"s3:{action}".lower() not in known_actions("s3"):
        raise UnmappedCallError(f"the IAM action of s3 {operation} is not known")
    return action


def _resource(call: Call) -> str:
    bucket = call.parameters.get("Bucket")
    if not bucket:
        return "*"
    return _arn(call, bucket, call.parameters.get("Key"))


def _arn(call: Call, bucket: str, key: str | None) -> str:
    if bucket.startswith("arn:"):
        return f"{bucket}/object/{key}" if key else bucket
    name = f"{bucket}/{key}" if key else bucket
    return call.arn("s3", name, regional=False, with_account=False)


def _context(call: Call) -> dict[str, tuple[str, ...]]:
    given = call.parameters
    return {key: (str(given[name]),) for name, key in _REQUEST_KEYS.items() if given.get(name) is not None}


def _copy(call: Call) -> Iterator[Permission]:
    source, _, version = str(call.parameters["CopySource"]).partition("?versionId=")
    bucket, _, key = unquote(source).removeprefix("/").partition("/")
    yield Permission(f"s3:GetObject{'Version' if version else ''}", _arn(call, bucket, key))
    yield Permission("s3:PutObject", _resource(call), _context(call))


def _delete_objects(call: Call) -> Iterator[Permission]:
    for item in (call.parameters.get("Delete") or {}).get("Objects") or ():
        action = "s3:DeleteObjectVersion" if item.get("VersionId") else "s3:DeleteObject"
        yield Permission(action, _arn(call, call.parameters["Bucket"], item["Key"]))
