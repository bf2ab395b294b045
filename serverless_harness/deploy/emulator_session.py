"""Which run of an emulator a deployment belongs to: one that was started again is empty, or continues.

LocalStack gives each of its runs an id of its own (`localstack.utils.analytics.metadata.get_session_id`). A
run that continues with a saved state has the id of the one that saved it; with a checkpoint, which may hold
less than was deployed, something is added to it (`emulator.snapshots.own_folder`).
"""

import shutil

import httpx

from serverless_harness.targets import LocalTarget
from serverless_harness.tls import verification

SESSION_FILE = "session"
NEXT_RUN = "."
"""What stands before that which is added."""
TIMEOUT_S = 10


def session_id(endpoint_url: str) -> str:
    """Ask the emulator at `endpoint_url`; raises httpx.HTTPError where none answers."""
    answer = httpx.get(
        f"{endpoint_url}/_localstack/info",
        timeout=TIMEOUT_S,
        trust_env=False,
        verify=verification(endpoint_url),
    )
    return str(answer.raise_for_status().json()["session_id"])


def recorded_session_id(target: LocalTarget) -> str | None:
    """Give the run that the folder of `target` tells of, None where it is empty."""
    try:
        return (target.state_dir / SESSION_FILE).read_text()
    except FileNotFoundError:
        return None


def forget_earlier_sessions(target: LocalTarget) -> bool:
    """Remove what `target`'s folder tells of an earlier run of the emulator; gives whether there was any.

    What the present run continues with isn't removed.
    """
    current = session_id(target.endpoint_url)
    recorded = recorded_session_id(target)
    if recorded == current:
        return False
    if recorded is not None and recorded.partition(NEXT_RUN)[0] == current.partition(NEXT_RUN)[0]:
        (target.state_dir / SESSION_FILE).write_text(current)
        return False
    shutil.rmtree(target.state_dir, ignore_errors=True)
    target.state_dir.mkdir(parents=True)
    (target.state_dir / SESSION_FILE).write_text(current)
    return recorded is not None
