"""`./scripts/up` to a booked order, its lines to copy, `up` again, `./scripts/down`: on a port of its own."""

import re
import shutil
import socket
import subprocess

import pytest
from stack_processes import OWN_STACK, await_ends, processes_of

from serverless_harness.project.locate import current
from serverless_harness.stack.embedded import EmbeddedStack, free_port, refuse_taken_port
from shop import shops
from shop.deployment import ShopDeployment

UP_TIMEOUT_S = 900
LOOPBACK = ("127.0.0.1", "::1")

pytestmark = [*OWN_STACK]


def script(name, stack, *options):
    """Run one of ./scripts on the stack; gives what it prints."""
    result = subprocess.run(
        [current().folder / "scripts" / name, "--port", str(stack.port), *options],
        capture_output=True,
        text=True,
        timeout=UP_TIMEOUT_S,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture
def stack():
    """A stack that is yet to be started; neither it nor its snapshot outlive the test."""
    snapshots = current().state / "snapshots"
    before = set(snapshots.glob("*"))
    stack = EmbeddedStack(free_port())
    yield stack
    stack.stop()
    for made in set(snapshots.glob("*")) - before:
        shutil.rmtree(made)


def outward_sockets(processes):
    """The sockets by which processes can be reached from another machine."""
    sockets = [
        connection
        for process in processes
        for connection in process.net_connections("inet")
        if connection.laddr
    ]
    reachable = [
        each
        for each in sockets
        if each.status == "LISTEN" or (each.type == socket.SOCK_DGRAM and not each.raddr)
    ]
    assert reachable, "the gateway listens, so there must be one"
    return [each for each in reachable if each.laddr.ip not in LOOPBACK]


def bookings(stack):
    """The numbers of orders that are booked, by shop."""
    deployment = ShopDeployment.require(stack.target)
    return {shop_id: shops.count_orders(deployment, shop_id) for shop_id in shops.shop_ids(deployment)}


@pytest.mark.skipif(shutil.which("curl") is None, reason="the lines to copy are curl's")
def test_from_up_to_down(stack):
    printed = script("up", stack)
    assert re.search(r"First order +of AMIS1 booked \d+ ms after it was sent", printed)
    assert bookings(stack) == {"AMIS1": 1, "AMIS2": 0}

    copies = [line.strip() for line in printed.splitlines() if line.strip().startswith("curl ")]
    assert len(copies) == 2
    for line in copies:
        answer = subprocess.run(
            line, shell=True, cwd=current().folder, capture_output=True, text=True, check=False
        )
        assert answer.stdout == '"OK"', answer.stderr

    processes = processes_of(stack)
    assert outward_sockets(processes) == []

    again = script("up", stack)
    assert re.search(r"Stack +runs already", again)
    assert re.search(r"Changes +none since the last deployment", again)
    assert "Deploy" not in again
    assert bookings(stack) == {"AMIS1": 1, "AMIS2": 0}

    processes += [process for process in processes_of(stack) if process not in processes]
    assert "the stack on port" in script("down", stack, "--delete")
    await_ends(processes)
    assert not stack.is_running()
    refuse_taken_port(stack.port)
