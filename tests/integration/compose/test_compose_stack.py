"""What users of `docker compose up` rely on."""

import shlex
import subprocess

import httpx
import pytest
from compose_project import ComposeProject
from stack_processes import BESIDE_THE_SHOP

from serverless_harness.stack.compose import TEST_PROJECT, ComposeStack
from serverless_harness.stack.embedded import free_port
from serverless_harness.waiting import Wait
from shop import shops

pytestmark = BESIDE_THE_SHOP

TIMEOUT_S = 240


def printed_curl_line(project):
    """The line that the shop printed last."""
    lines = project.container("shop").logs().decode().splitlines()
    return [line for line in lines if line.startswith("curl ")][-1]


def booked(deployment):
    return sum(shops.count_orders(deployment, shop_id) for shop_id in shops.shop_ids(deployment))


def test_printed_line_books_an_order_once_however_often_it_is_run(project):
    deployment = project.deployment()
    command = shlex.split(printed_curl_line(project))
    before = booked(deployment)

    answers = [subprocess.check_output([*command, "--silent"], text=True) for _ in range(2)]

    assert answers == ['"OK"', '"OK"']
    Wait("the order's booking", TIMEOUT_S).until(lambda: booked(deployment) > before)
    assert booked(deployment) == before + 1


def test_healthy_shop_has_booked_a_first_order(project):
    assert project.container("shop").attrs["State"]["Health"]["Status"] == "healthy"
    assert booked(project.deployment()) >= 1


@pytest.mark.parametrize("by", ["script", "docker compose"])
def test_second_up_leaves_what_runs(project, by):
    before = {service: container.id for service, container in project.containers().items()}
    started = project.container("localstack").attrs["State"]["StartedAt"]
    orders = booked(project.deployment())

    if by == "script":
        assert project.stack.ensure_running() is False
    else:
        project.compose("up", "--detach", "--wait")

    assert {service: container.id for service, container in project.containers().items()} == before
    assert project.container("localstack").attrs["State"]["StartedAt"] == started
    assert booked(project.deployment()) == orders


def test_changed_handler_answers_the_next_order_without_a_rebuild(project):
    deployment = project.deployment()
    handler = project.stack.folder / "handlers" / "accept" / "accept.py"
    original = handler.read_text()
    before = {service: (found.id, found.image.id) for service, found in project.containers().items()}

    def answer():
        return httpx.post(deployment.invoke_url, content=b"{}", timeout=TIMEOUT_S, trust_env=False).text

    try:
        handler.write_text(
            f"{original}\n\ndef lambda_handler(event, context):\n"
            "    return {'statusCode': 200, 'body': 'changed'}\n"
        )
        Wait("the changed answer", TIMEOUT_S, describe=answer).until(lambda: answer() == "changed")
    finally:
        handler.write_text(original)
    Wait("the original answer", TIMEOUT_S, describe=answer).until(lambda: answer() == '"OK"')
    assert project.stack.plan_is_empty()
    after = {service: (found.id, found.image.id) for service, found in project.containers().items()}
    assert after == before


def test_down_leaves_nothing(engine, sources):
    port = free_port()
    project = ComposeProject(engine, ComposeStack(port, f"{TEST_PROJECT}-{port}", sources))
    try:
        project.compose("up", "--detach", "localstack", "gateway")
        project.compose("create", "shop")
        assert len(project.containers()) == 4
    finally:
        project.stack.state_dir.mkdir(parents=True)
        project.stack.stop(delete=True)

    assert project.containers() == {}
    assert engine.networks.list(filters=project.label) == []
    assert engine.volumes.list(filters=project.label) == []
