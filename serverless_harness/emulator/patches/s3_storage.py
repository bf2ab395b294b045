"""S3 keeps its objects in the stack's own folder for temporary files.

LocalStack's S3 keeps them below `/tmp/localstack-s3-storage`, one folder for all stacks and users of a
machine: whoever made it first can read and exchange the others' objects, functions' code among them, and the
stacks of other users can't write there.
"""

import tempfile
from pathlib import Path

from localstack.services.s3 import provider

from serverless_harness.emulator.patches import replace

PATCHED: list[object] = [provider.S3Provider.__init__]


def apply() -> None:
    """Name the folder: it is below TMPDIR, which is the stack's own."""
    replace(provider, "DEFAULT_S3_TMP_DIR", str(Path(tempfile.gettempdir()) / "s3-storage"))
