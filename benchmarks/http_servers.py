"""The gateway's HTTP server beside others: `.venv/bin/python -m benchmarks.http_servers [--rounds N]`.

Each server serves the same gateway, which answers at once, from a process of its own. All of them run at the
same time, and are asked in turn: one client on one connection, and eight clients at once. The server's CPU
time for a request is what is compared, since it doesn't depend on what else the machine does. Servers that
aren't installed are left out.
"""

import argparse
import http.client
import importlib.util
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import psutil

from serverless_harness.stack.embedded import free_port

HOST = "127.0.0.1"
CLIENTS = 8
REQUESTS = 400
BODY = b"x" * 500


def gateway() -> Any:  # noqa: ANN401
    """Return a gateway whose one handler reads the request and answers."""
    from rolo.gateway import Gateway

    def handle(chain: object, context: Any, response: Any) -> None:  # noqa: ANN401
        context.request.get_data()
        response.data = b"{}"

    return Gateway(request_handlers=[handle])


def serve_loopback(port: int) -> None:
    """Serve with the project's own server."""
    from localstack.config import HostAndPort

    from serverless_harness.emulator.gateway.server import LoopbackRuntimeServer

    server = LoopbackRuntimeServer()
    server.register(gateway(), [HostAndPort(HOST, port)])
    server.run()


def serve_hypercorn(port: int) -> None:
    """Serve as LocalStack does by default."""
    from localstack.config import HostAndPort
    from localstack.runtime.server.hypercorn import HypercornRuntimeServer

    server = HypercornRuntimeServer()  # type: ignore[no-untyped-call]
    server.register(gateway(), [HostAndPort(HOST, port)])
    server.run()  # type: ignore[no-untyped-call]


def serve_werkzeug(port: int) -> None:
    """Serve with werkzeug's threaded server, which LocalStack brings too."""
    from rolo.gateway.wsgi import WsgiGateway
    from werkzeug.serving import WSGIRequestHandler, make_server

    class KeepAlive(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Say nothing."""

    application: Any = WsgiGateway(gateway())
    make_server(HOST, port, application, threaded=True, request_handler=KeepAlive).serve_forever()


def serve_cheroot(port: int) -> None:
    """Serve with CherryPy's server."""
    from cheroot.wsgi import Server  # type: ignore[import-not-found]
    from rolo.gateway.wsgi import WsgiGateway

    Server((HOST, port), WsgiGateway(gateway()), numthreads=4 * CLIENTS).start()


SERVERS: dict[str, Callable[[int], None]] = {
    "loopback": serve_loopback,
    "hypercorn": serve_hypercorn,
    "werkzeug": serve_werkzeug,
    "cheroot": serve_cheroot,
}


class Contender:
    """One server in a process of its own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.port = free_port()
        command = [sys.executable, "-m", "benchmarks.http_servers", "--serve", name, "--port", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._usage = psutil.Process(self._process.pid)

    def await_ready(self) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + 120
        while True:
            try:
                self.ask(1)
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return

    def ask(self, times: int) -> list[float]:
        """Send requests on one connection; return the milliseconds that each took."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=30)
        taken_ms = []
        for _ in range(times):
            begin = time.perf_counter()
            connection.request("POST", "/", BODY)
            connection.getresponse().read()
            taken_ms.append((time.perf_counter() - begin) * 1000)
        connection.close()
        return taken_ms

    def ask_at_once(self, clients: int, times: int) -> float:
        """Send requests by several clients; return how many were answered in a second."""
        threads = [threading.Thread(target=self.ask, args=(times,)) for _ in range(clients)]
        begin = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return clients * times / (time.perf_counter() - begin)

    def cpu_s(self) -> float:
        """Return the CPU time that the process has taken."""
        times = self._usage.cpu_times()
        return float(times.user + times.system)

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


def measure(contenders: list[Contender], rounds: int) -> None:
    """Print a row for each."""
    cpu: dict[str, list[float]] = {each.name: [] for each in contenders}
    latency: dict[str, list[float]] = {each.name: [] for each in contenders}
    throughput: dict[str, list[float]] = {each.name: [] for each in contenders}
    for _ in range(rounds):
        for each in contenders:
            before = each.cpu_s()
            latency[each.name] += each.ask(REQUESTS)
            cpu[each.name].append((each.cpu_s() - before) * 1000 / REQUESTS)
            throughput[each.name].append(each.ask_at_once(CLIENTS, REQUESTS // CLIENTS))
    print("| server | CPU a request, ms | one client, ms | p95 | eight clients, requests/s |")
    print("|---|---|---|---|---|")
    for name, cpu_ms in cpu.items():
        p95 = statistics.quantiles(latency[name], n=20)[-1]
        print(
            f"| `{name}` | {statistics.median(cpu_ms):.2f} | {statistics.median(latency[name]):.2f} "
            f"| {p95:.2f} | {statistics.median(throughput[name]):.0f} |"
        )


def main() -> None:
    """Serve, or measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--serve", choices=SERVERS)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    if options.serve:
        SERVERS[options.serve](options.port)
        return
    names = [name for name in SERVERS if name != "cheroot" or importlib.util.find_spec("cheroot")]
    contenders = [Contender(name) for name in names]
    try:
        for each in contenders:
            each.await_ready()
        measure(contenders, options.rounds)
    finally:
        for each in contenders:
            each.stop()


if __name__ == "__main__":
    main()
