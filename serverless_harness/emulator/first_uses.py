"""What is done once, before a service is first used: patches of code that takes long to import."""

import threading
from collections.abc import Callable, Mapping


class FirstUses:
    """What to call for which service."""

    def __init__(self, *preparations: Mapping[str, Callable[[], None]]) -> None:
        """What comes first is called first."""
        self._left: dict[str, list[Callable[[], None]]] = {}
        for each in preparations:
            for service, prepare in each.items():
                self._left.setdefault(service, []).append(prepare)
        self._lock = threading.Lock()

    def prepare(self, service: str) -> None:
        """Call what is to be called for a service, unless that was done; others wait until it is."""
        if service not in self._left:
            return
        with self._lock:
            if preparations := self._left.get(service):
                for prepare in preparations:
                    prepare()
                del self._left[service]
