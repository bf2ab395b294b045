"""Serves the console on loopback until the command is interrupted."""

import logging
import socket

from waitress import create_server

from serverless_harness.console.access import Access
from serverless_harness.console.source import Source
from serverless_harness.console.web import MAX_FORM_BYTES, Console
from serverless_harness.errors import UserError
from serverless_harness.terminal_output import say

DEFAULT_PORT = 4580
THREADS = 8
CHANNEL_TIMEOUT_S = 960
"""An invoke may take 900 s, in which its page waits."""


def serve(source: Source, port: int | None) -> None:
    """Print the link, and serve until ctrl-C; without a port, the default one or, if that is taken, any."""
    listening = _listen(port)
    access = Access()
    logging.getLogger("waitress").setLevel(logging.ERROR)
    server = create_server(
        Console(source, access),
        sockets=[listening],
        threads=THREADS,
        channel_timeout=CHANNEL_TIMEOUT_S,
        max_request_body_size=MAX_FORM_BYTES,
        ident="",
        clear_untrusted_proxy_headers=True,
    )
    say(f"console     {access.link(listening.getsockname()[1])}")
    say(f"            for {source.target.name}, until Ctrl-C")
    say("            Keep this link to yourself: whoever has it can control the stack.")
    try:
        server.run()
    finally:
        server.close()


def _listen(port: int | None) -> socket.socket:
    for wanted in (port,) if port else (DEFAULT_PORT, 0):
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", wanted))
        except PermissionError:
            listening.close()
            raise UserError(
                f"port {wanted} needs privileges: choose one above 1023 with --console-port"
            ) from None
        except OSError:
            listening.close()
            continue
        return listening
    raise UserError(f"port {port} is taken by another program: choose another with --console-port")
