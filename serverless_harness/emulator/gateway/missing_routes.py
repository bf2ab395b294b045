"""Remembers which requests no route is for.

A router replaces its map of routes with every change (`rolo.routing.Router._add_rules`), so what was
remembered of a map holds as long as the map.
"""

from collections.abc import Callable
from weakref import WeakKeyDictionary

from localstack.http import Request, Response, Router
from rolo.request import get_raw_path
from werkzeug.exceptions import NotFound
from werkzeug.routing import Map

MAX_REMEMBERED = 1000

type Target = tuple[str, str, str]
"""Host, path and method: what a route is found by."""

_misses: WeakKeyDictionary[Map, set[Target]] = WeakKeyDictionary()


def dispatch(
    original: Callable[[Router[object], Request], Response], router: Router[object], request: Request
) -> Response:
    """Serve a request; raise NotFound at once where it is known that no route is for it."""
    routes = router.url_map
    misses = _misses.setdefault(routes, set())
    target = (request.host, get_raw_path(request), request.method)
    if target in misses:
        raise NotFound
    try:
        return original(router, request)
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
