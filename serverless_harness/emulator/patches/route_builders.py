"""What makes a route's address from its values is compiled when it is first asked for, which is hardly ever.

werkzeug generates and compiles two Python functions for it with each route. LocalStack binds thousands of
routes at its start, one for each operation of its REST services, and all of a router again with each one that
is added. That took a sixth of the time from the start until a deployment is loaded.
"""

from collections.abc import Callable
from typing import Any

from rolo.routing import router
from werkzeug.routing.rules import Rule

from serverless_harness.emulator.patches import wrap

PATCHED: list[object] = [Rule.compile, Rule._compile_builder, router._clone_map_with_rules]

type Build = Callable[..., tuple[str, str]]


def apply() -> None:
    """Compile late."""
    wrap(Rule._compile_builder, _compile_late)


def _compile_late(fn: Callable[[Rule, bool], Build], self: Rule, append_unknown: bool = True) -> Build:
    built: list[Build] = []

    def build(rule: Rule, /, **values: Any) -> tuple[str, str]:  # noqa: ANN401
        if not built:
            built.append(fn(self, append_unknown))
        return built[0](rule, **values)

    return build
