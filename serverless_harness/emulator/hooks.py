"""What runs inside LocalStack when it starts: patches, and the gateway's handlers."""

import atexit
import gc
import logging
import os

from localstack.runtime import hooks
from localstack.runtime.exceptions import LocalstackExit

from serverless_harness.emulator import activation, patches
from serverless_harness.emulator.settings import InvalidSettingError

LOG = logging.getLogger(__name__)

EXIT_CODE = 2


@hooks.on_runtime_create()  # type: ignore[untyped-decorator]
def on_runtime_create() -> None:
    """Make the start shorter, by what has to be done before LocalStack imports its gateway.

    Collections are off until services are loaded (`preload_services`): most of what is made meanwhile stays.
    """
    try:
        if not activation.is_chosen():
            return
    except activation.ActivationError:
        return  # `on_infra_start` says so.
    gc.disable()
    try:
        patches.apply_all(patches.BEFORE_IMPORTS)
    except patches.PatchError as error:
        LOG.warning("the start takes longer: %s", error)


@hooks.on_infra_start(priority=100)  # type: ignore[untyped-decorator]
def on_infra_start() -> None:
    """Apply the patches of `patches.ORDER`, and put the handlers of `emulator.chain` in place.

    Nothing of it in a LocalStack whose settings didn't choose it; all of it before any service is loaded.
    LocalStack ends, with one line and exit code 2, when something fails: half set up, it would answer wrong.
    """
    try:
        if not activation.is_chosen():
            return
        patches.apply_all(patches.ORDER)
    except (activation.ActivationError, patches.PatchError) as error:
        raise LocalstackExit(f"{error}\n", EXIT_CODE) from error
    _install_handlers()
    # The interpreter's last collection would go through all of LocalStack's objects, which takes seconds.
    atexit.register(gc.freeze)

    # Here, not above: LocalStack runs on without a hook that it can't import.
    from serverless_harness.emulator import sandbox
    from serverless_harness.emulator.gateway import preload_services

    preload_services.start()
    sandbox.prepare()


def _install_handlers() -> None:
    from localstack.runtime import get_current_runtime
    from localstack.services.edge import ROUTER

    try:
        from serverless_harness.emulator import chain
        from serverless_harness.emulator.snapshots.own_folder import OwnFolderError
    except ImportError as error:
        raise LocalstackExit(f"the emulator is not completely installed: {error}\n", EXIT_CODE) from error
    try:
        chain.install(get_current_runtime().components.gateway, ROUTER, os.environ)
    except (InvalidSettingError, LookupError, OwnFolderError) as error:
        raise LocalstackExit(f"{error}\n", EXIT_CODE) from error
