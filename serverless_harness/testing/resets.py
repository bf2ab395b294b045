"""Tests that begin on the fresh deployment: which do, and that no others run beside them."""

from collections.abc import Sequence

import pytest

from serverless_harness.errors import HarnessError
from serverless_harness.stack.resetting import reset
from serverless_harness.targets import LocalTarget
from serverless_harness.testing.under_test import deployment_under_test

NAME = "reset_stack"
SCOPES = ("function", "module", "session")
DONE = pytest.StashKey[str]()
ONE_AFTER_ANOTHER = pytest.mark.xdist_group("tests of a stack that is reset")


def scope_of(item: pytest.Item) -> str | None:
    """Give how often the stack is reset for a test: by its mark, else by the ini option; None: it isn't.

    Raises pytest.UsageError where that is none of SCOPES.
    """
    if not uses_stack(item):
        return None
    mark = item.get_closest_marker(NAME)
    scope = str(item.config.getini(NAME)) if mark is None else _marked(*mark.args, **mark.kwargs)
    if scope and scope not in SCOPES:
        raise pytest.UsageError(f"{NAME} is {scope!r}: set it to one of {', '.join(SCOPES)}")
    return scope or None


def _marked(scope: str = SCOPES[0], **others: object) -> str:
    if others:
        raise pytest.UsageError(f"{NAME} takes a scope, and not {', '.join(others)}")
    return scope


def uses_stack(item: pytest.Item) -> bool:
    """Tell whether a test has to do with the stack."""
    names: Sequence[str] = getattr(item, "fixturenames", ())
    return not {"stack", "aws_client"}.isdisjoint(names)


def keep_apart(items: Sequence[pytest.Item]) -> None:
    """Have all tests of the stack run one after another, by one process, if some of them reset it."""
    tests = [item for item in items if uses_stack(item)]
    if not any(scope_of(item) or "reset" in getattr(item, "fixturenames", ()) for item in tests):
        return
    for item in tests:
        if not any(item.iter_markers("xdist_group")):
            item.add_marker(ONE_AFTER_ANOTHER)


def reset_for(item: pytest.Item) -> None:
    """Reset the stack if this is the first test of its function, module or session, whichever is wanted."""
    scope = scope_of(item)
    if scope is None:
        return
    names = {"function": item.nodeid, "module": str(item.path), "session": "session"}
    if item.config.stash.get(DONE, None) != names[scope]:
        reset_stack(item.config)
        item.config.stash[DONE] = names[scope]


def reset_stack(config: pytest.Config) -> None:
    """Reset the stack under test; on AWS, the test is skipped.

    The test fails in one line where the stack can't be reset, or others run beside it.
    """
    __tracebackhide__ = True
    if hasattr(config, "workerinput") and not config.getoption("loadgroup"):
        pytest.fail("tests that reset the stack can't run in parallel: add --dist loadgroup", pytrace=False)
    target = deployment_under_test().target
    if not isinstance(target, LocalTarget):
        pytest.skip(f"only a local stack can be reset, not {target.name}")
    try:
        reset(target)
    except HarnessError as error:
        pytest.fail(str(error), pytrace=False)
