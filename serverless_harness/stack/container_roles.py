"""What the services of docker-compose.yml do that deploy, that keep a deployment up to date, and that plan.

The folder of Terraform's state, packages and records is a volume that they share.
"""

import contextlib
import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import httpx

from serverless_harness.deploy.deployment import Deployment, find_unchanged
from serverless_harness.deploy.emulator_session import (
    forget_earlier_sessions,
    recorded_session_id,
    session_id,
)
from serverless_harness.deploy.handler_watch import HandlerWatch
from serverless_harness.deploy.terraform import Terraform, may_have_lost_state
from serverless_harness.deploy.terraform_installation import install_providers
from serverless_harness.errors import HarnessError, UserError
from serverless_harness.locks import locked
from serverless_harness.project.locate import current
from serverless_harness.stack.deploying import deploy_and_seed
from serverless_harness.stack.existing_endpoint import parse_endpoint
from serverless_harness.targets import DEPLOYMENT_FILE, LocalTarget
from serverless_harness.terminal_output import say
from serverless_harness.tls import verification
from serverless_harness.waiting import Wait

LOOK_INTERVAL_S = 0.5
EMULATOR_TIMEOUT_S = 600
"""A new emulator comes with the next `docker compose up`; until then, this role is restarted and waits."""
ANSWERS = Path("/tmp/app-answers")
"""Touched whenever the emulator was found to answer: the container's health check looks at its age."""

STARTS_OVER = "run 'docker compose down -v', then 'docker compose up', to start again with an empty emulator"


def run_deploy(endpoint: str, always: bool) -> None:
    """Deploy the project to the emulator, as far as it changed unless `always`."""
    await_emulator(endpoint)  # `docker compose restart` starts it at the same time.
    deploy(parse_endpoint(endpoint).target, always)


def run_app(endpoint: str, gateway: str, public_url: str) -> None:
    """Try out what is deployed, say how to use it, and keep the functions' code up to date.

    Raises HarnessError when the emulator has stopped.
    """
    target = parse_endpoint(endpoint).target
    session = await_emulator(endpoint)
    deployment = deploy(target)
    through_the_door = _as_seen_from(gateway, deployment)
    target.project.smoke(through_the_door)
    say("\nTry it:")
    # A project may ask the emulator for what it hints at, which the public address doesn't lead to from here.
    for line in target.project.hints(through_the_door, None):
        say(line.replace(gateway, public_url))
    say("")
    keep_up_to_date(HandlerWatch(deployment, say), target, gateway, session)
    raise HarnessError("the emulator has stopped: run 'docker compose up' to continue with its state")


def has_empty_plan(endpoint: str) -> bool:
    """Tell whether Terraform finds nothing to change."""
    target = parse_endpoint(endpoint).target
    with locked(_deploy_lock()):
        empty = Terraform(target, install_providers(target.project), _variables(target)).plan_is_empty()
    say("nothing to change" if empty else "there are changes")
    return empty


def show_deployed(endpoint: str) -> None:
    """Print the emulator's session and the record of what is deployed as JSON."""
    target = parse_endpoint(endpoint).target
    Deployment.require(target)
    deployed = json.loads((target.state_dir / DEPLOYMENT_FILE).read_text())
    print(json.dumps({"session_id": recorded_session_id(target), "deployed": deployed}))


def deploy(target: LocalTarget, always: bool = False) -> Deployment:
    """Deploy to an emulator that answers, one role at a time; gives what is deployed.

    Raises HarnessError where Terraform fails.
    """
    with locked(_deploy_lock()):
        if forget_earlier_sessions(target):
            say("The emulator was started again, empty, so everything is deployed again.")
        if not always and (unchanged := find_unchanged(target)):
            say("No source has changed since the last deployment.")
            return unchanged
        cut_off = may_have_lost_state(target)
        try:
            return deploy_and_seed(target)
        except HarnessError as error:
            if cut_off:
                raise HarnessError(f"{error}; {STARTS_OVER}") from None
            raise


def _deploy_lock() -> Path:
    return current().make_state() / "deploy.lock"


def keep_up_to_date(watch: HandlerWatch, target: LocalTarget, gateway: str, session: str) -> None:
    """Give functions their new code and say that the door answers, until this run of the emulator ends."""
    # The next run may answer before the end of this one was seen: who deploys to it records that.
    while recorded_session_id(target) == session:
        if _is_healthy(gateway):
            ANSWERS.touch()
            # While Terraform deploys, it brings the code along.
            with contextlib.suppress(BlockingIOError), locked(_deploy_lock(), wait=False):
                watch.look()
        elif _session_or_none(target.endpoint_url) != session:
            return
        time.sleep(LOOK_INTERVAL_S)


def _variables(target: LocalTarget) -> dict[str, Any]:
    file = target.state_dir / "terraform" / "harness.auto.tfvars.json"
    try:
        variables: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError:
        raise UserError(f"nothing is deployed to {target.name}") from None
    return variables


def _as_seen_from(endpoint_url: str, deployment: Deployment) -> Deployment:
    """Give the deployment at another address of the same emulator."""
    target = LocalTarget(endpoint_url, deployment.target.state_dir, project=deployment.target.project)
    return dataclasses.replace(deployment, target=target)


def await_emulator(endpoint: str) -> str:
    """Wait until the emulator answers; gives its session."""
    wait = Wait("the emulator to answer", EMULATOR_TIMEOUT_S, interval_s=0.5)
    return wait.until(lambda: _session_or_none(endpoint))


def _session_or_none(endpoint: str) -> str | None:
    try:
        return session_id(endpoint)
    except httpx.HTTPError:
        return None


def _is_healthy(endpoint: str) -> bool:
    """Tell whether the emulator answers at `endpoint`; LocalStack logs none of these requests."""
    try:
        return httpx.get(
            f"{endpoint}/_localstack/health", timeout=10, trust_env=False, verify=verification(endpoint)
        ).is_success
    except httpx.HTTPError:
        return False
