"""Runs a command of the harness: `python -I -S door.py COMMAND…`, as scripts/lib/run does.

An interrupt before the command has begun ends it without a traceback, even while Python looks for what is
installed, which -S leaves to this file.
"""

import _signal  # type: ignore[import-not-found] # The built-in half of signal: nothing is loaded.

_signal.signal(_signal.SIGINT, _signal.SIG_DFL)

import site

site.main()

from serverless_harness.__main__ import run

run()
