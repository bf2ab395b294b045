"""Starts the emulator with a control token of its own, which `docker compose exec --user 0` can read.

Functions run as the emulator's user: they could read any file and any variable that it was started with. So
the token is the name of a file, in a folder that only root may list, and is in the environment from here on
alone; functions can't look into this process either.
"""

import ctypes
import os
import runpy
import secrets
from pathlib import Path

TOKENS = Path("/run/control")
PR_SET_DUMPABLE = 4

if ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0):
    raise SystemExit("this process can't be kept from its functions: prctl(PR_SET_DUMPABLE) failed")
token = secrets.token_urlsafe(32)
(TOKENS / token).touch()
os.environ["EMULATOR_CONTROL_TOKEN"] = token
runpy.run_module("localstack.runtime.main", run_name="__main__", alter_sys=True)
