"""A reset brings back the state that the emulator was given, or the one that it was to remember."""

import pytest
from localstack.http import Request, Response

from serverless_harness.emulator.snapshots.reset_routes import ResetResource


class Snapshots:
    """A state that is bytes; `status` is what saves and loads answer with."""

    def __init__(self):
        self.state = b"the present one"
        self.status = 200
        self.loaded = []

    def on_get(self, request):
        return Response(self.state if self.status == 200 else "busy", self.status)

    def load(self, content):
        if self.status != 200:
            return Response("busy", self.status)
        self.loaded.append(content)
        return Response("", 204)


class Faults:
    cleared = 0

    def clear(self):
        self.cleared += 1


@pytest.fixture
def snapshots():
    return Snapshots()


@pytest.fixture
def faults():
    return Faults()


@pytest.fixture
def reset(snapshots, faults):
    return ResetResource(snapshots, faults)


def put(reset, body=b""):
    return reset.on_put(Request("PUT", "/", body=body)).status_code


def post(reset):
    return reset.on_post(Request("POST", "/"))


def test_it_brings_back_what_it_was_given(reset, snapshots, faults):
    assert put(reset, b"the fresh one") == 204
    assert [post(reset).status_code, post(reset).status_code] == [204, 204]
    assert snapshots.loaded == [b"the fresh one"] * 2
    assert faults.cleared == 2


def test_without_a_body_it_remembers_the_present_state(reset, snapshots):
    assert put(reset) == 204
    snapshots.state = b"a later one"
    assert post(reset).status_code == 204
    assert snapshots.loaded == [b"the present one"]


def test_there_is_nothing_to_bring_back_at_first_and_after_it_was_forgotten(reset, snapshots, faults):
    assert post(reset).status_code == 404
    put(reset, b"the fresh one")
    assert reset.on_delete(Request("DELETE", "/")).status_code == 204
    answer = post(reset)
    assert (answer.status_code, answer.json["message"]) == (
        404,
        "the stack holds no fresh deployment to go back to: "
        "on a stack without Docker, run 'down --delete', then 'up'",
    )
    assert not snapshots.loaded
    assert not faults.cleared


def test_what_fails_is_said_and_changes_nothing(reset, snapshots, faults):
    put(reset, b"the fresh one")
    snapshots.status = 409
    assert put(reset) == 409
    assert post(reset).status_code == 409
    assert not faults.cleared
    snapshots.status = 200
    assert post(reset).status_code == 204
    assert snapshots.loaded == [b"the fresh one"]
