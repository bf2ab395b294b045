"""The index by which a request is assigned to an AWS service, built once for an environment.

`localstack.aws.spec` builds it from all 400 service models of botocore, at the first request to a stack
with empty state: 2 s, and 350 MB that are never given back. Its Docker image ships the index; here a
process of its own builds it, and every stack that runs on the same interpreter environment reads it.

`python -m serverless_harness.emulator.gateway.service_catalog FILE` builds it.
"""

import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path

LOG = logging.getLogger(__name__)

BUILD_TIMEOUT_S = 120


def shared_index_file(name: str) -> Path:
    """Return where the environment keeps the index; `name` holds LocalStack's and botocore's versions."""
    return Path(sys.prefix) / "share" / "serverless-harness" / name


def ensure_built(file: Path) -> bool:
    """Have a child process build the index where it is missing; returns whether it is there."""
    if file.exists():
        return True
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [sys.executable, "-m", __name__, str(file)],
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=BUILD_TIMEOUT_S,
        )
    except (OSError, subprocess.SubprocessError) as error:
        LOG.warning("cannot build the service index as %s: %s", file, error)
        return False
    return True


def build(file: Path) -> None:
    """Build the index and put it at `file` in one step, so that no reader sees half of it."""
    from localstack.aws.spec import LazyServiceCatalogIndex, save_service_index_cache

    descriptor, unfinished = tempfile.mkstemp(dir=file.parent)
    os.close(descriptor)
    try:
        save_service_index_cache(LazyServiceCatalogIndex(), unfinished)
        Path(unfinished).replace(file)
    finally:
        Path(unfinished).unlink(missing_ok=True)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
