"""LocalStack's checks of its own API's requests aren't loaded while they are off, as they are by default.

The library that they need, openapi-core, takes a tenth of the emulator's start to import. To turn them on
later, with LocalStack's own API for settings, has no effect. LocalStack's hook `on_runtime_create` applies
this, before the handlers are imported.
"""

import sys
from types import ModuleType
from typing import Any

from localstack import config
from localstack.runtime import runtime

PATCHED: list[object] = [runtime.create_from_environment]

MODULE = "localstack.aws.handlers.validation"


def apply() -> None:
    """Put handlers in their module's place that do nothing, as LocalStack's do while the settings are off."""
    if config.OPENAPI_VALIDATE_REQUEST or config.OPENAPI_VALIDATE_RESPONSE or MODULE in sys.modules:
        return
    stand_in = ModuleType(MODULE)
    for name in ("OpenAPIRequestValidator", "OpenAPIResponseValidator"):
        setattr(stand_in, name, lambda: _do_nothing)
    sys.modules[MODULE] = stand_in


def _do_nothing(chain: Any, context: Any, response: Any) -> None:  # noqa: ANN401
    """Stand for a handler."""
