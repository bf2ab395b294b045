"""What runs inside LocalStack when it starts: patches, guards, enforcement, and the shop's services."""

import atexit
import gc

from localstack.runtime import hooks
from localstack.runtime.exceptions import LocalstackExit

from serverless_harness.emulator import patches

EXIT_CODE = 2


@hooks.on_infra_start(priority=100)  # type: ignore[untyped-decorator]
def on_infra_start() -> None:
    """Apply every patch of `emulator.patches`, guard the control endpoints and enforce IAM.

    All of it before any service is loaded. LocalStack ends, with one line and exit code 2, when something
    fails: half set up, it would answer wrongly.
    """
    try:
        patches.apply_all()
    except patches.PatchError as error:
        raise LocalstackExit(f"{error}\n", EXIT_CODE) from error
    _protect()
    # The interpreter's last collection would go through all of LocalStack's objects, which takes seconds.
    atexit.register(gc.freeze)

    # Here, not above: LocalStack runs on without a hook that it can't import.
    from localstack.runtime import get_current_runtime
    from localstack.services.edge import ROUTER

    from serverless_harness.emulator.gateway import preload
    from serverless_harness.emulator.snapshots import routes

    routes.register(get_current_runtime().components.gateway, ROUTER)
    preload.start()


def _protect() -> None:
    try:
        from serverless_harness.emulator import control
        from serverless_harness.emulator.faults import plugin as faults
        from serverless_harness.emulator.iam import enforcement
    except ImportError as error:
        raise LocalstackExit(f"the emulator is not installed as a whole: {error}\n", EXIT_CODE) from error
    control.register()
    faults.register()
    try:
        enforcement.register()
    except enforcement.EnforcementError as error:
        raise LocalstackExit(f"{error}\n", EXIT_CODE) from error
