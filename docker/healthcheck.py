"""Ends with 0 where the emulator in this container answers that it is ready. It runs every other second."""

import os
import socket

TIMEOUT_S = 4

port = int(os.environ["GATEWAY_LISTEN"].rpartition(":")[2])
with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection:
    connection.sendall(b"GET /_localstack/health HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
    status_line = connection.makefile("rb").readline()
if b" 200 " not in status_line:
    raise SystemExit(f"the emulator answers {status_line!r}")
