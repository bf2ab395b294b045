"""Reads the index of AWS's services from the environment instead of building it for every new stack.

See `serverless_harness.emulator.gateway.service_catalog` for what that costs. Where the environment can't be
written to, LocalStack builds the index as it always did.
"""

from collections.abc import Callable
from pathlib import Path

from localstack.aws import spec
from localstack.aws.spec import ServiceCatalogIndex, load_service_index_cache

from serverless_harness.emulator.gateway.service_catalog import ensure_built, shared_index_file
from serverless_harness.emulator.patches import wrap

PATCHED = [spec.build_service_index_cache, spec.get_service_catalog]


def apply() -> None:
    """Replace the building of the index."""
    wrap(spec.build_service_index_cache, _build_service_index_cache)


def _build_service_index_cache(
    fn: Callable[[str], ServiceCatalogIndex], file_path: str
) -> ServiceCatalogIndex:
    """Return the index whose stack would keep it as `file_path`."""
    shared = shared_index_file(Path(file_path).name)
    return load_service_index_cache(str(shared)) if ensure_built(shared) else fn(file_path)
