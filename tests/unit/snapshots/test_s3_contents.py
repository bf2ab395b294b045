"""The contents of S3's objects and of unfinished uploads are what they were, in another store."""

import io
from types import SimpleNamespace

import pytest
from localstack.services.s3.models import (
    S3Bucket,
    S3DeleteMarker,
    S3Multipart,
    S3Object,
    S3Part,
    VersionedKeyStore,
    s3_stores,
)
from localstack.services.s3.storage.ephemeral import EphemeralS3ObjectStore

from serverless_harness.emulator.snapshots import codec, s3_contents

ACCOUNT, REGION = "111122223333", "eu-west-1"
LARGE = b"x" * 2_000_000
"""More than is kept in memory."""


@pytest.fixture
def buckets():
    store = s3_stores[ACCOUNT][REGION]
    for name in ("full", "empty"):
        store.buckets[name] = S3Bucket(name, ACCOUNT, REGION, {"ID": ACCOUNT})
    yield store.buckets
    s3_stores.pop(ACCOUNT)


def new_provider(tmp_path, name):
    return SimpleNamespace(_storage_backend=EphemeralS3ObjectStore(str(tmp_path / name)))


def test_objects_and_parts_of_uploads_are_what_they_were(buckets, tmp_path):
    provider = new_provider(tmp_path, "first")
    storage, bucket = provider._storage_backend, buckets["full"]
    for name in buckets:
        storage.create_bucket(name)
    for key, data in (("small", b"1"), ("large", LARGE)):
        bucket.objects.set(key, s3_object := S3Object(key, etag="e", size=len(data)))
        with storage.open("full", s3_object, mode="w") as stored:
            stored.write(io.BytesIO(data))
    upload = S3Multipart("unfinished")
    bucket.multiparts[upload.id] = upload
    part = upload.parts["1"] = S3Part(1)
    with storage.get_multipart("full", upload).open(part, mode="w") as stored:
        stored.write(io.BytesIO(LARGE))
    facts = dict(part.__dict__)

    saved = codec.dumps([dict(buckets), s3_contents.collect(provider)])
    s3_contents.clear(provider)
    loaded, contents = codec.loads(saved)
    buckets.clear()
    buckets.update(loaded)
    other = new_provider(tmp_path, "other")
    s3_contents.restore(other, contents)

    storage, bucket = other._storage_backend, buckets["full"]
    for key, data in (("small", b"1"), ("large", LARGE)):
        with storage.open("full", bucket.objects.get(key), mode="r") as stored:
            assert stored.read() == data
    [upload] = bucket.multiparts.values()
    assert upload.parts["1"].__dict__ == facts
    with storage.get_multipart("full", upload).open(upload.parts["1"], mode="r") as stored:
        assert stored.read() == LARGE
    buckets["empty"].objects.set("new", new := S3Object("new"))
    with storage.open("empty", new, mode="w") as stored:
        stored.write(io.BytesIO(LARGE))


def test_older_versions_and_those_under_a_delete_marker_are_there_too(buckets, tmp_path):
    provider = new_provider(tmp_path, "first")
    storage, bucket = provider._storage_backend, buckets["full"]
    storage.create_bucket("full")
    bucket.objects = VersionedKeyStore()
    for version in ("v1", "v2"):
        bucket.objects.set("again", s3_object := S3Object("again", size=2, version_id=version))
        with storage.open("full", s3_object, mode="w") as stored:
            stored.write(io.BytesIO(version.encode()))
    bucket.objects.set("again", S3DeleteMarker("again", "v3"))

    contents = s3_contents.collect(provider)
    s3_contents.restore(other := new_provider(tmp_path, "other"), contents)

    for version in ("v1", "v2"):
        with other._storage_backend.open("full", bucket.objects.get("again", version), mode="r") as stored:
            assert stored.read() == version.encode()
