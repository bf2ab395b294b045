"""The command `serverless-harness`, also as `python -m serverless_harness`."""

import signal
from typing import NoReturn


def run() -> NoReturn:
    """Run the command line and end with its exit code."""
    # Until the command says what an interrupt means, it ends this process without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from serverless_harness.cli.app import app
    from serverless_harness.cli.running import main

    main(app)


if __name__ == "__main__":
    run()
