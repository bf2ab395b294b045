"""Runs in a function's process, before its bootstrap: hands it to the debugger, and waits for a client."""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ANN202, ANN204


def wait_for_client(port, packages):
    """Connect to the emulator's `port`, where a client is found, and go on once that has set its breakpoints.

    Where a client goes before that, the next is waited for; where debugging has ended, nobody. debugpy, in
    `packages`, finds its own modules: neither search path nor environment variables stay changed.
    """
    import os
    import sys

    # bootstrap.py takes this descriptor later, whoever has it: no socket of the debugger's may.
    os.dup2(1, 3, inheritable=False)
    before = dict(os.environ)
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # Or it warns of Python's own frozen modules.
    sys.path.insert(0, packages)
    from debugpy.server import api

    sys.path.remove(packages)
    import pydevd
    import pydevd_file_utils
    from _pydevd_bundle.pydevd_constants import get_global_debugger

    api.configure(subProcess=False)

    # Clients know the code at AWS's place; where there are no namespaces, it is elsewhere.
    task_root, set_mappings = os.environ["LAMBDA_TASK_ROOT"], pydevd_file_utils.setup_client_server_paths

    def here(path):
        is_code = f"{path}/".startswith("/var/task/")
        return task_root + path.removeprefix("/var/task") if is_code else path

    if task_root != "/var/task":
        pydevd_file_utils.setup_client_server_paths = lambda mappings: set_mappings(
            [(local, here(remote)) for local, remote in mappings]
        )

    class Lost:
        """Ends pydevd's waiting where the connection has ended."""

        def __init__(self, debugger):
            self.debugger = debugger

        def is_set(self):
            return self.debugger.pydb_disposed

        def set(self):
            pass

    while not api.is_client_connected():
        try:
            pydevd.settrace(
                host="127.0.0.1",
                port=port,
                suspend=False,
                wait_for_ready_to_run=False,
                notify_stdin=False,
                dont_trace_start_patterns=(packages,),
            )
        except OSError:
            break
        debugger = get_global_debugger()
        if debugger is not None:
            debugger.block_until_configuration_done(cancel=Lost(debugger))
    os.environ.clear()
    os.environ.update(before)
