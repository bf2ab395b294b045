"""S3's objects are in the stack's own folder, where no other user and no other stack has anything."""

import tempfile
from pathlib import Path

from localstack.services.s3 import provider

from serverless_harness.emulator.patches import s3_storage


def test_objects_are_below_the_folder_for_temporary_files(monkeypatch, tmp_path):
    monkeypatch.setattr(provider, "DEFAULT_S3_TMP_DIR", provider.DEFAULT_S3_TMP_DIR)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    s3_storage.apply()
    assert Path(provider.S3Provider()._storage_backend.root_directory) == tmp_path / "s3-storage"
