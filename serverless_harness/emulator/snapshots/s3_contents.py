"""What is in S3's objects, and in the parts of uploads under way: files without a name.

LocalStack's state visitors aren't shown them.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Content:
    """The bytes of an object, or of a part of an upload; both are those that S3's store holds."""

    bucket: str
    upload: Any
    """None: `stored` is an object."""
    stored: Any
    data: bytes


def collect(provider: Any) -> list[Content]:  # noqa: ANN401 - LocalStack leaves the provider's type open
    """Return all contents."""
    contents = []
    for bucket, upload, stored in _all_stored():
        with _open(provider, bucket, upload, stored, "r") as opened:
            contents.append(Content(bucket, upload, stored, opened.read()))
    return contents


def clear(provider: Any) -> None:  # noqa: ANN401
    """Remove all contents."""
    provider._storage_backend.reset()
    provider._storage_backend._filesystem.clear()


def restore(provider: Any, contents: list[Content]) -> None:  # noqa: ANN401
    """Write all contents; S3's store has its buckets and objects already."""
    for bucket in _buckets():
        # An object that is large goes to a file in the bucket's folder.
        provider._storage_backend.create_bucket(bucket.name)
    for content in contents:
        stored, facts = content.stored, dict(content.stored.__dict__)
        with _open(provider, content.bucket, content.upload, stored, "w") as opened:
            opened.write(io.BytesIO(content.data))
            stored.__dict__.update(facts)  # a write gives it a new ETag, a new time, …
            opened.file.internal_last_modified = stored.internal_last_modified


def _open(provider: Any, bucket: str, upload: Any, stored: Any, mode: str) -> Any:  # noqa: ANN401
    storage = provider._storage_backend
    if upload is None:
        return storage.open(bucket, stored, mode=mode)
    return storage.get_multipart(bucket, upload).open(stored, mode=mode)


def _buckets() -> Iterator[Any]:
    from localstack.services.s3.models import s3_stores

    for _, _, store in s3_stores.iter_stores():
        yield from store.buckets.values()


def _all_stored() -> Iterator[tuple[str, Any, Any]]:
    from localstack.services.s3.models import S3DeleteMarker

    for bucket in _buckets():
        for stored in bucket.objects.values(with_versions=True):
            if not isinstance(stored, S3DeleteMarker):
                yield bucket.name, None, stored
        for upload in bucket.multiparts.values():
            yield from ((bucket.name, upload, part) for part in upload.parts.values())
