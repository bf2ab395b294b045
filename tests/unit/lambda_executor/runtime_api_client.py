"""A client of the Runtime API that sends what it is told to, rather than what a runtime would."""

import socket

from executor_support import DEADLINE_S

NEXT = "/2018-06-01/runtime/invocation/next"
INIT_ERROR = "/2018-06-01/runtime/init/error"


def ask(client, method, path, body=None, headers=None):
    """Send a request; return status, body and headers of the answer."""
    client.request(method, path, body, headers or {})
    response = client.getresponse()
    return response.status, response.read(), response.headers


def raw(api, data):
    """Send bytes, whatever they are; return all bytes of the answer up to the end of the connection."""
    host, port = api.address.split(":")
    with socket.create_connection((host, int(port)), timeout=DEADLINE_S) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer
