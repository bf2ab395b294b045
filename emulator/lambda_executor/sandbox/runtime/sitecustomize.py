"""Runs as a function's interpreter starts, from /var/runtime: puts layers and packages on its search path.

As bootstrap.py of AWS's images does, in the runtime's own process alone: layers, then the runtime's packages.
`_LAMBDA_SEARCH_PATH` comes from `sandbox.filesystem` and is gone afterwards.
"""

import os
import sys

_places = os.environ.pop("_LAMBDA_SEARCH_PATH", None)
if _places:
    _layers, _site_packages = _places.split(os.pathsep)
    _folders = [
        f"{_layers}/python/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages",
        f"{_layers}/python",
    ]
    sys.path[:0] = [*_folders, _site_packages]
    for _folder in _folders:
        if os.path.isdir(_folder):  # noqa: PTH112 - pathlib would take a millisecond of every cold start
            import site

            site.addsitedir(_folder)
