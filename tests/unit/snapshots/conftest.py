"""What the tests of saved states share: a user's key of their own."""

import pytest


@pytest.fixture(autouse=True)
def key(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "users-state"))
