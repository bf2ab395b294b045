"""Changes to LocalStack's own code, where it offers no plugin point.

Each module of this package changes one thing. It has a docstring that gives the reason, an `apply()`, and a
`PATCHED` list of the LocalStack objects that it relies on; `tests/unit/patches/` holds the SHA-256 of each
object's source, so that a change in LocalStack is noticed before it is met at run time.
"""

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any


class PatchError(Exception):
    """A patch can't be applied; the message names it and says why."""


def names() -> list[str]:
    """Return the patch modules' names, in the order in which they are applied (alphabetical)."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def apply_all() -> None:
    """Apply every patch once.

    Raises
    ------
    PatchError
        One failed: LocalStack isn't the version that the patches are written for, or a setting is wrong.
    """
    from serverless_harness.emulator.settings import InvalidSettingError

    for name in names():
        try:
            importlib.import_module(f"{__name__}.{name}").apply()
        except InvalidSettingError as error:
            raise PatchError(str(error)) from error
        except Exception as error:
            raise PatchError(f"patch {name} can't be applied: {type(error).__name__}: {error}") from error


def replace(owner: object, name: str, new: object) -> None:
    """Put `new` in the place of an existing attribute of a class or module."""
    from localstack.utils.patch import Patch

    Patch(owner, name, new).apply()  # type: ignore[no-untyped-call]


def wrap(target: Callable[..., Any], wrapper: Callable[..., Any]) -> None:
    """Have a function or method answered by `wrapper(target, *arguments)`."""
    from localstack.utils.patch import Patch

    Patch.function(target, wrapper).apply()
