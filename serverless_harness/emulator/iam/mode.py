"""What becomes of calls that IAM denies: the setting IAM_ENFORCEMENT."""

import os
from collections.abc import Mapping
from enum import Enum

from serverless_harness.emulator.settings import InvalidSettingError

VARIABLE = "IAM_ENFORCEMENT"


class Mode(Enum):
    """What becomes of a denied call."""

    OFF = "off"
    """Nothing is decided."""
    SOFT = "soft"
    """It is logged and counted, and goes through."""
    ON = "on"
    """It ends in the service's own error."""


DEFAULT_MODE = Mode.ON


def mode_from_environment(environment: Mapping[str, str] = os.environ) -> Mode:
    """Return the mode that IAM_ENFORCEMENT asks for.

    Raises:
        InvalidSettingError: It holds something else than off, soft or on.
    """
    value = environment.get(VARIABLE, "").strip().lower()
    if not value:
        return DEFAULT_MODE
    try:
        return Mode(value)
    except ValueError:
        raise InvalidSettingError(f"{VARIABLE}={value} is not known: set it to off, soft or on") from None
