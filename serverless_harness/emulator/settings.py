"""Settings of the emulator, from the environment of the LocalStack process.

| variable | values | meaning |
|---|---|---|
| `LAMBDA_PROCESS_CPU` | `unlimited` (default), `aws` | what a function gets: all, or its memory's share |
| `DYNAMODB_EXPIRY_INTERVAL_S` | seconds > 0, default 5 | how often DynamoDB looks for expired items |
| `STATE_CHECKPOINT_SECONDS` | seconds, default 5; 0: never | how often changes are saved in a checkpoint |
| `STATE_AWAITED` | `1` | requests wait until a state was loaded over HTTP; set by `up` when it has one |
| `STATE_FOLDER` | a folder (default: none) | where the emulator itself keeps its state over its restarts |
| `LAMBDA_PROCESS_TIME` | `own` (default), `wall` | whether waiting for a CPU counts in limits and durations |
| `EMULATOR_TRACING` | `on` (default), `off` | whether each request's trace is recorded |
"""

import math
import os
from pathlib import Path
from typing import Literal, cast

from localstack import config

CPU_VARIABLE = "LAMBDA_PROCESS_CPU"
EXPIRY_VARIABLE = "DYNAMODB_EXPIRY_INTERVAL_S"
EXPIRY_DEFAULT_S = "5"
CHECKPOINT_VARIABLE = "STATE_CHECKPOINT_SECONDS"
CHECKPOINT_DEFAULT_S = "5"
CPU_MODES = ("unlimited", "aws")
AWAITED_VARIABLE = "STATE_AWAITED"
FOLDER_VARIABLE = "STATE_FOLDER"
TIME_VARIABLE = "LAMBDA_PROCESS_TIME"
TIME_MODES = ("own", "wall")
TRACING_VARIABLE = "EMULATOR_TRACING"
TRACING_MODES = ("on", "off")


class InvalidSettingError(ValueError):
    """A setting has a value that it can't have; the message names the ones that it can."""


def cpu() -> Literal["aws", "unlimited"]:
    """Return how much CPU the functions get.

    Raises:
        InvalidSettingError: The variable holds something else.
    """
    return cast(Literal["aws", "unlimited"], _one_of(CPU_VARIABLE, CPU_MODES))


def counts_own_time() -> bool:
    """Return whether a function's limits and durations leave out what it waits for a CPU.

    Raises:
        InvalidSettingError: The variable holds something else.
    """
    return _one_of(TIME_VARIABLE, TIME_MODES) == "own"


def traces_requests() -> bool:
    """Return whether each request's trace is recorded.

    Raises:
        InvalidSettingError: The variable holds something else.
    """
    return _one_of(TRACING_VARIABLE, TRACING_MODES) == "on"


def _one_of(variable: str, values: tuple[str, ...]) -> str:
    value = os.environ.get(variable) or values[0]
    if value not in values:
        raise InvalidSettingError(f"{variable} is {value!r}: set it to one of {', '.join(values)}")
    return value


def expiry_interval_s() -> float:
    """Return how often DynamoDB looks for items whose time to live has passed, in seconds.

    Raises:
        InvalidSettingError: The variable doesn't hold a number greater than 0.
    """
    if not (seconds := _seconds(EXPIRY_VARIABLE, EXPIRY_DEFAULT_S)) > 0:
        raise InvalidSettingError(
            f"{EXPIRY_VARIABLE} is {os.environ[EXPIRY_VARIABLE]!r}: set it to a number of seconds greater "
            "than 0, or leave it out"
        )
    return seconds


def checkpoint_interval_s() -> float:
    """Return how often a state that changes is saved in a checkpoint, in seconds; 0 where it never is.

    Raises:
        InvalidSettingError: The variable doesn't hold a number of 0 or more.
    """
    if not (seconds := _seconds(CHECKPOINT_VARIABLE, CHECKPOINT_DEFAULT_S)) >= 0:
        raise InvalidSettingError(
            f"{CHECKPOINT_VARIABLE} is {os.environ[CHECKPOINT_VARIABLE]!r}: set it to a number of seconds, "
            "to 0 for no checkpoints, or leave it out"
        )
    return seconds


def awaits_state() -> bool:
    """Return whether requests are to wait until whoever starts the emulator has loaded a state."""
    return os.environ.get(AWAITED_VARIABLE) == "1"


def state_folder() -> Path | None:
    """Return the folder in which the emulator keeps its own state, None where somebody else does, or nobody.

    Raises:
        InvalidSettingError: The variable doesn't hold the path of a folder that is there, or the emulator
            is also to wait for a state that it is given.
    """
    text = os.environ.get(FOLDER_VARIABLE, "")
    if not text:
        return None
    if awaits_state():
        raise InvalidSettingError(
            f"{FOLDER_VARIABLE} is set, but whoever started this emulator keeps its state: leave it out"
        )
    if not (folder := Path(text).resolve()).is_dir() or not Path(text).is_absolute():
        raise InvalidSettingError(
            f"{FOLDER_VARIABLE} is {text!r}: set it to the absolute path of a folder that exists, or leave "
            "it out"
        )
    return folder


def _seconds(variable: str, default: str) -> float:
    """Return a finite number of seconds; NaN where the variable is set and holds none."""
    text = os.environ.get(variable, "").strip() or default
    try:
        return seconds if math.isfinite(seconds := float(text)) else math.nan
    except ValueError:
        return math.nan


def state_dir() -> Path:
    """Return the folder that holds whatever the executor writes: environments, merged layers."""
    return Path(config.dirs.tmp) / "lambda"
