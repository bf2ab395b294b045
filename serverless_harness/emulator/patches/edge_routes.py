"""Remembers which requests no route is for: every request of a service is matched against all routes first.

That is a twentieth of what a small request costs the gateway.
"""

from localstack.aws.handlers.legacy import EdgeRouterHandler
from localstack.http import Router

from serverless_harness.emulator.gateway import missing_routes
from serverless_harness.emulator.patches import wrap

PATCHED: list[object] = [EdgeRouterHandler, Router.dispatch, Router._add_rules, Router._remove_rules]


def apply() -> None:
    """Spare requests that are known to have no route the search for one."""
    wrap(Router.dispatch, missing_routes.dispatch)
