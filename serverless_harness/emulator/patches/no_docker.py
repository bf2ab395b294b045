"""Docker isn't asked for anything: functions run as processes, and nothing else here needs it.

With the first request of `/_localstack/info`, LocalStack runs `docker ps` and `docker info`, where there is a
`docker`, to say which machine and system it is. That takes a tenth of a second or, where Docker's daemon
hangs, has no end. It says so of the host itself instead.
"""

from localstack.utils.analytics import metadata
from localstack.utils.container_utils.docker_cmd_client import CmdDockerClient

from serverless_harness.emulator.patches import replace

PATCHED: list[object] = [
    CmdDockerClient.has_docker,
    CmdDockerClient._docker_cmd,
    metadata._generate_machine_id,
    metadata.get_system_information_summary,
]


def apply() -> None:
    """Answer for Docker, as where there is none."""
    replace(CmdDockerClient, "has_docker", lambda _: False)
