"""Loads the services of `PRELOAD_SERVICES` once the gateway is up, while the first client is still starting.

LocalStack loads a service at its first request, 0.1 to 0.7 s each, or, with `EAGER_SERVICE_LOADING=1`,
all of them before it is ready. A request that comes first waits for its own service alone, as ever.

Until they are loaded, nothing is collected, and afterwards what is there is left out of collections: the
modules stay, and to go through their 800,000 objects holds every request up for 0.4 s.
"""

import gc
import logging
import os
import threading

LOG = logging.getLogger(__name__)

SETTING = "PRELOAD_SERVICES"
"""Environment variable: names of services, in the order in which they are needed, separated by commas."""
READY_TIMEOUT_S = 300
"""How long the start may take; an emulator that never serves has its collections after that."""


def start() -> None:
    """Start loading as soon as LocalStack is ready; collections, which are off until then, begin after it."""
    arguments = (requested_services(),)
    threading.Thread(target=_load_when_ready, args=arguments, name="preload-services", daemon=True).start()


def requested_services() -> list[str]:
    """Return the names in `PRELOAD_SERVICES`."""
    return [name for name in (part.strip() for part in os.environ.get(SETTING, "").split(",")) if name]


def _load_when_ready(names: list[str]) -> None:
    from localstack.runtime import events

    try:
        if not events.infra_ready.wait(READY_TIMEOUT_S):
            return
        for name in names:
            if events.infra_stopping.is_set():
                return
            load(name)
    finally:
        gc.freeze()
        gc.enable()


def load(name: str) -> None:
    """Load one service, with the parser of its requests; a service that fails is only logged."""
    from localstack.aws.protocol.parser import create_parser
    from localstack.aws.spec import get_service_catalog
    from localstack.services.plugins import SERVICE_PLUGINS

    try:
        SERVICE_PLUGINS.require(name)
        if service := get_service_catalog().get(name):
            create_parser(service)
    except Exception:
        LOG.warning("cannot preload the service %s", name, exc_info=LOG.isEnabledFor(logging.DEBUG))
