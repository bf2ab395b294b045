import shlex

from localstack import config
from localstack.utils.analytics import metadata
from localstack.utils.container_utils.docker_cmd_client import CmdDockerClient
from localstack.utils.patch import Patch

from serverless_harness.emulator.patches import no_docker


def test_nobody_runs_docker(monkeypatch, tmp_path):
    """A docker whose daemon would hang is never started."""
    started = tmp_path / "started"
    docker = tmp_path / "docker"
    docker.write_text(f"#!/bin/sh\ntouch {shlex.quote(str(started))}\necho '{{}}'\n")
    docker.chmod(0o755)
    monkeypatch.setattr(config, "DOCKER_CMD", str(docker))
    before = list(Patch.applied_patches)
    no_docker.apply()
    try:
        assert CmdDockerClient().has_docker() is False
        assert metadata._generate_machine_id()
    finally:
        for patch in [each for each in Patch.applied_patches if each not in before]:
            patch.undo()
    assert not started.exists()
