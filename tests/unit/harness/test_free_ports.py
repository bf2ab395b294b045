"""Ports for stacks of tests that run beside each other."""

import random

import pytest

from serverless_harness.stack.embedded import free_port


@pytest.fixture(autouse=True)
def own_random_state():
    before = random.getstate()
    yield
    random.setstate(before)


def test_processes_with_the_same_random_state_find_other_ports():
    found = []
    for _ in range(2):
        random.seed(7)
        found.append([free_port() for _ in range(3)])
    assert found[0] != found[1]
