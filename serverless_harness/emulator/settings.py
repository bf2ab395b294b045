"""Settings of the `process` executor, from the environment of the LocalStack process.

| variable | values | meaning |
|---|---|---|
| `LAMBDA_PROCESS_CPU` | `unlimited` (default), `aws` | what a function gets: all, or its memory's share |
"""

import os
from pathlib import Path
from typing import Literal, cast

from localstack import config

CPU_VARIABLE = "LAMBDA_PROCESS_CPU"
CPU_MODES = ("unlimited", "aws")


class InvalidSettingError(ValueError):
    """A setting has a value that it can't have; the message names the ones that it can."""


def cpu() -> Literal["aws", "unlimited"]:
    """Return how much CPU the functions get.

    Raises
    ------
    InvalidSettingError
        The variable holds something else.
    """
    value = os.environ.get(CPU_VARIABLE) or CPU_MODES[0]
    if value not in CPU_MODES:
        raise InvalidSettingError(f"{CPU_VARIABLE} is {value!r}: set it to one of {', '.join(CPU_MODES)}")
    return cast(Literal["aws", "unlimited"], value)


def state_dir() -> Path:
    """Return the folder that holds whatever the executor writes: environments, merged layers."""
    return Path(config.dirs.tmp) / "lambda"
