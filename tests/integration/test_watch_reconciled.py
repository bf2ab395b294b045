"""An edited handler runs at once, without Terraform; the next deployment puts it right, and says so."""

import json
import secrets
import shutil

import pytest

from serverless_harness.deploy import inputs
from serverless_harness.deploy.deployment import deploy
from serverless_harness.deploy.handler_watch import HandlerWatch
from serverless_harness.functions.invoke import invoke, load_event
from serverless_harness.project.locate import current
from serverless_harness.project.project import Project
from serverless_harness.waiting import Wait


@pytest.fixture
def variables(deployment):
    file = deployment.target.state_dir / "terraform" / "harness.auto.tfvars.json"
    if not file.exists() or not deployment.target.is_local:
        pytest.skip("the shop is not deployed from here, or to AWS, which no watch touches")
    return json.loads(file.read_text())


@pytest.fixture
def handlers(tmp_path):
    return shutil.copytree(current().folder / "handlers", tmp_path / "handlers")


def test_an_edit_runs_until_a_deployment_takes_it_back(deployment, variables, handlers):
    reports = []
    mark = f"edited {secrets.token_hex(8)}"
    watch = HandlerWatch(deployment, reports.append, Project(handlers.parent, current().settings))
    watch.look()
    assert reports == []
    with (handlers / "accept" / "accept.py").open("a") as source:
        source.write(f"\nprint({mark!r})\n")
    try:
        watch.look()
        assert [report for report in reports if "accept" in report] == reports != []
        Wait("the edit to run", timeout_s=60).until(lambda: mark in log_of_accept(deployment))
        assert not inputs.is_applied(deployment.target, inputs.deployment_inputs(current(), variables))
    finally:
        _, result = deploy(deployment.target, lambda _: None, variables=variables)
    assert result.reconciled == ["accept"]
    assert "accept" in str(result)
    assert mark not in log_of_accept(deployment)
    assert inputs.is_applied(deployment.target, inputs.deployment_inputs(current(), variables))


def log_of_accept(deployment):
    return invoke(deployment, "accept", load_event(current(), "accept", "rubbish")).log_tail
