"""Who may call a Runtime API: the process that it is for, and those that this one started."""

import contextlib
import json
import socket

API = "import json, os, socket, subprocess, sys\n"
PING = r"""
PING = '''
import http.client, os
client = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"], timeout=20)
client.request("GET", "/2018-06-01/ping")
print(client.getresponse().read().decode())
'''
"""
HANDLER = """
def handler(event, context):
    child = subprocess.run([sys.executable, "-c", PING], capture_output=True, text=True)
    return [os.environ["AWS_LAMBDA_RUNTIME_API"], child.stdout.strip()]
"""
REQUEST = b"GET /2018-06-01/ping HTTP/1.1\r\nHost: x\r\n\r\n"


def test_another_process_is_not_answered(harness):
    """As a function could that gets past Landlock: it would take the next invocation, and answer it."""
    one = harness(API + PING + HANDLER)
    address, from_child = json.loads(one.start_and_invoke().payload)
    assert from_child == "pong"
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as thief:
        thief.sendall(REQUEST)
        with contextlib.suppress(ConnectionResetError):
            assert thief.recv(1000) == b""
    assert json.loads(one.invoke().payload)[0] == address
