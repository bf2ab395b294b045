"""Whether the LocalStack of this process is to be extended, and is the one that the patches are for.

LocalStack finds the entry points of every distribution that is installed beside it. They act only where
`localstack.env` was taken as a whole, which sets `SERVERLESS_HARNESS=1`.
"""

import os
import sys
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path

CHOICE = "SERVERLESS_HARNESS"
"""The variable that says `1` where LocalStack is to be extended."""

NEEDED = {"LAMBDA_RUNTIME_EXECUTOR": "process", "GATEWAY_SERVER": "loopback"}
"""What has to be chosen with it: the patches rely on these two."""

OURS = {**NEEDED, "PROVIDER_OVERRIDE_DYNAMODB": "moto"}
"""All settings that name a plugin of ours, none of which works alone."""

WRITTEN_FOR = {"localstack-core": "4.14.0", "moto-ext": "5.1.24", "botocore": "1.42.54"}
"""The distributions that patches and providers rely on, and the versions that they were written for."""

NOT_INSTALLED = "not installed"

SETTINGS = Path(__file__).with_name("localstack.env")


class ActivationError(Exception):
    """The emulator was chosen by half, or beside other versions; the message says what to do, in one line."""


def is_chosen(
    environ: Mapping[str, str] = os.environ, version_of: Callable[[str], str] = metadata.version
) -> bool:
    """Tell whether this LocalStack is to be extended.

    `version_of` gives a distribution's version by its name.

    Raises:
        ActivationError: Only a part of the settings was chosen, or another version of LocalStack, moto or
            botocore is there.
    """
    if environ.get(CHOICE) != "1":
        half = [f"{name}={value}" for name, value in OURS.items() if environ.get(name) == value]
        if half:
            raise ActivationError(
                f"{' and '.join(half)} can't work without {CHOICE}=1: set all of {SETTINGS}, or none of them"
            )
        return False
    missing = [f"{name}={value}" for name, value in NEEDED.items() if environ.get(name) != value]
    if missing:
        raise ActivationError(
            f"{CHOICE}=1 needs {' and '.join(missing)} as well: set all of {SETTINGS}, or none of them"
        )
    _check_versions(version_of)
    return True


def _check_versions(version_of: Callable[[str], str]) -> None:
    def installed_version(name: str) -> str:
        try:
            return version_of(name)
        except metadata.PackageNotFoundError:
            return NOT_INSTALLED

    if (moto := installed_version("moto")) != NOT_INSTALLED:
        raise ActivationError(
            f"moto {moto} and moto-ext {WRITTEN_FOR['moto-ext']} are both the package `moto`, and overwrite "
            f"each other's files: keep moto out of this environment ({sys.prefix}) and reinstall moto-ext"
        )
    for name, wanted in WRITTEN_FOR.items():
        installed = installed_version(name)
        if installed != wanted:
            raise ActivationError(
                f"{name} is {installed}, but serverless-harness is written for {wanted}: "
                f"run pip install '{name}=={wanted}' in this environment ({sys.prefix})"
            )
