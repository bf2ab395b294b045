import pytest
from executor_support import Harness


@pytest.fixture
def harness(tmp_path):
    """Make environments that run a function's code; they are stopped after the test."""
    made = []

    def make(code, **options):
        code_dir = tmp_path / f"code-{len(made)}"
        code_dir.mkdir()
        made.append(Harness(code_dir, code, **options))
        return made[-1]

    yield make
    for one in made:
        one.environment.stop()


@pytest.fixture(autouse=True)
def hot_reloading_is_allowed(tmp_path, monkeypatch):
    """Let functions run from the test's folder."""
    monkeypatch.setenv("LAMBDA_HOT_RELOAD_FOLDERS", str(tmp_path))
