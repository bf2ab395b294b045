"""Remembers which requests no route is for: every request of a service is matched against all routes first.

That is a twentieth of what a small request costs the gateway. A router replaces its map of routes with every
change (`rolo.routing.Router._add_rules`), so what was remembered of a map holds as long as the map.
"""

from collections.abc import Callable
from weakref import WeakKeyDictionary

from localstack.aws.handlers.legacy import EdgeRouterHandler
from localstack.http import Request, Response, Router
from rolo.request import get_raw_path
from werkzeug.exceptions import NotFound
from werkzeug.routing import Map

from serverless_harness.emulator.patches import wrap

PATCHED: list[object] = [EdgeRouterHandler, Router.dispatch, Router._add_rules, Router._remove_rules]

MAX_REMEMBERED = 1000

type Target = tuple[str, str, str]
"""Host, path and method: what a route is found by."""

_misses: WeakKeyDictionary[Map, set[Target]] = WeakKeyDictionary()


def apply() -> None:
    """Spare requests that are known to have no route the search for one."""
    wrap(Router.dispatch, _dispatch)


def _dispatch(
    fn: Callable[[Router[object], Request], Response], self: Router[object], request: Request
) -> Response:
    routes = self.url_map
    misses = _misses.setdefault(routes, set())
    target = (request.host, get_raw_path(request), request.method)
    if target in misses:
        raise NotFound
    try:
        return fn(self, request)
    except NotFound:
        # An endpoint may raise it, too.
        if not _has_route(routes, target):
            if len(misses) >= MAX_REMEMBERED:
                misses.clear()
            misses.add(target)
        raise


def _has_route(routes: Map, target: Target) -> bool:
    host, path, method = target
    try:
        routes.bind(server_name=host).match(path, method=method)
    except NotFound:
        return False
    return True
