"""After a deployment that was interrupted: what starts over, and what goes on."""

from types import SimpleNamespace

import pytest

from serverless_harness.deploy.deployment import Deployment
from serverless_harness.deploy.terraform import UNFINISHED
from serverless_harness.deploy.terraform_installation import STATE_FILE
from serverless_harness.errors import HarnessError, UserError
from serverless_harness.stack import bring_project, state_transfer


class Stack:
    def __init__(self, folder):
        self.target = SimpleNamespace(state_dir=folder)
        self.did = []

    def stop(self):
        self.did.append("stop")

    def start(self):
        self.did.append("start")


@pytest.fixture
def interrupted(tmp_path, monkeypatch):
    """A stack whose last deployment was interrupted; nothing of its sources is as it was deployed."""
    (tmp_path / "terraform").mkdir()
    (tmp_path / "terraform" / UNFINISHED).touch()
    (tmp_path / "terraform" / STATE_FILE).write_text("{}")
    monkeypatch.setattr(bring_project, "deployed_unchanged", lambda _: None)
    monkeypatch.setattr(Deployment, "find", lambda _: "deployed")
    monkeypatch.setattr(bring_project, "bring_to_new", lambda stack, _: "new")
    monkeypatch.setattr(bring_project, "try_out", lambda _: None)
    monkeypatch.setattr(state_transfer, "offer_reset", lambda stack, what: stack.did.append(f"offer {what}"))
    return Stack(tmp_path)


def fail_with(error, monkeypatch):
    def deploy_and_seed(*_):
        raise error

    monkeypatch.setattr(bring_project, "deploy_and_seed", deploy_and_seed)


def test_what_the_user_can_mend_costs_nothing(interrupted, monkeypatch):
    fail_with(UserError("main.tf, line 2: a closing brace is missing"), monkeypatch)
    with pytest.raises(UserError, match="line 2"):
        bring_project.bring_to_running(interrupted, None)
    assert interrupted.did == ["offer None"]


@pytest.mark.parametrize("damaged", [False, True])
def test_what_nobody_can_mend_starts_over(interrupted, damaged, monkeypatch):
    if damaged:
        (interrupted.target.state_dir / "terraform" / STATE_FILE).write_text('{"resources": [')
    fail_with((UserError if damaged else HarnessError)("terraform apply failed"), monkeypatch)
    assert bring_project.bring_to_running(interrupted, None) == "new"
    assert interrupted.did == ["offer None", "stop", "start"]
