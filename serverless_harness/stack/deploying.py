"""The steps of `up` and `deploy` from an emulator that runs to a project that works, each with its line."""

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from threading import Thread

from serverless_harness.deploy.deployment import Deployment, deploy, find_unchanged
from serverless_harness.deploy.terraform_installation import Installation, install_providers
from serverless_harness.project.project import Project
from serverless_harness.stack.give_layers import give_layers, renew_layers
from serverless_harness.targets import LocalTarget
from serverless_harness.terminal_output import step

type Providers = Future[Installation]


def start_installing_providers(project: Project) -> Providers:
    """Have Terraform's providers installed while the emulator starts."""
    return _in_background(lambda: install_providers(project))


def await_providers(providers: Providers) -> Installation:
    """Wait for the providers; raises what went wrong with them."""
    with step("Providers") as current:
        installation = providers.result()
        current.result = f"{Path(installation.program).name} is ready"
    return installation


def deploy_and_seed(target: LocalTarget, installation: Installation | None = None) -> Deployment:
    """Deploy what changed, and fill it with its first data."""
    with step("Deploy") as current:
        changed_layers = give_layers(target)
        deployment, result = deploy(target, current.progress, installation)
        renew_layers(deployment, changed_layers)
        current.result = str(result)
    seed(deployment)
    return deployment


def deploy_if_changed(target: LocalTarget, installation: Installation | None = None) -> Deployment:
    """Deploy unless no source has changed since the last deployment."""
    return deployed_unchanged(target) or deploy_and_seed(target, installation)


def deployed_unchanged(target: LocalTarget) -> Deployment | None:
    """Give what is deployed where no source has changed since, else None."""
    with step("Changes") as current:
        deployment = find_unchanged(target)
        current.result = "none since the last deployment" if deployment else "to be determined by Terraform"
    return deployment


def seed(deployment: Deployment) -> None:
    """Have the project fill what is deployed with its first data."""
    if type(deployment.target.project).seed is not Project.seed:
        with step("Seed") as current:
            current.result = deployment.target.project.seed(deployment)


def try_out(deployment: Deployment) -> None:
    """Have the project try out what is deployed; raises HarnessError where it doesn't work."""
    deployment.target.project.smoke(deployment)


def _in_background[Result](work: Callable[[], Result]) -> Future[Result]:
    """Call `work` in a thread that this process's end doesn't wait for, as it would for a pool's."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 (raised where the result is asked for)
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future
