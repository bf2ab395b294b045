"""What code in a function of the compose stack can reach: asked of a function itself."""

import io
import json
import socket
import textwrap
import threading
import zipfile
from pathlib import Path

import psutil
import pytest
from stack_processes import BESIDE_THE_SHOP

from serverless_harness.emulator.sandbox.launcher_process import landlock
from serverless_harness.stack.control import control, find_token

pytestmark = BESIDE_THE_SHOP

SERVICES = ("localstack", "gateway", "deploy", "shop")
PROBE = textwrap.dedent("""
    import os, socket
    from pathlib import Path

    def connect(address):
        try:
            socket.create_connection(address, 3).close()
            return "connected"
        except OSError as error:
            return type(error).__name__

    def write(name):
        try:
            Path(name).write_text("")
            return "written"
        except OSError as error:
            return type(error).__name__

    def read(name):
        try:
            return str(len(Path(name).read_bytes()))
        except OSError as error:
            return type(error).__name__

    def readable(pattern):
        for name in Path("/").glob(pattern):
            if not name.is_relative_to(f"/proc/{os.getpid()}"):
                try:
                    name.open("rb").close()
                    yield f"{name} {(name.parent / 'cmdline').read_text()}"
                except OSError:
                    pass

    def has_token(name):
        try:
            return b"EMULATOR_CONTROL_TOKEN" in Path(name.split(" ")[0]).read_bytes()
        except OSError:
            return False

    def handler(event, context):
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        return {
            "uid": os.getuid(),
            "capabilities": status["CapEff"].strip() + status["CapPrm"].strip() + status["CapBnd"].strip(),
            "no_new_privileges": status["NoNewPrivs"].strip(),
            "connections": {f"{host}:{port}": connect((host, port)) for host, port in event["addresses"]},
            "paths": [name for name in event["paths"] if os.path.lexists(name)],
            "writes": {name: write(name) for name in event["writes"]},
            "reads": {name: read(name) for name in event["reads"]},
            "readable": [str(name) for pattern in event["patterns"] for name in readable(pattern)],
            "environs_with_token": [name for name in readable("proc/[0-9]*/environ") if has_token(name)],
            "routes": Path("/proc/net/route").read_text(),
        }
""")


OUTSIDE_PORTS = (53, 80, 443)


@pytest.fixture(scope="module")
def probe(project, host_service):
    """Call it with what to look for; a function of the stack looks.

    It has named the ports that it tries, so that they aren't refused before the network is asked.
    """
    deployment = project.deployment()
    client = deployment.client("lambda")
    role = client.get_function_configuration(FunctionName=deployment.function_name("accept"))["Role"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("probe.py", PROBE)
    client.create_function(
        FunctionName="probe",
        Runtime="python3.13",
        Role=role,
        Handler="probe.handler",
        Code={"ZipFile": code.getvalue()},
        Timeout=60,
        Environment={
            "Variables": {
                f"AWS_ENDPOINT_URL_{port}": f"http://localhost:{port}"
                for port in (*OUTSIDE_PORTS, host_service)
            }
        },
    )
    client.get_waiter("function_active_v2").wait(FunctionName="probe", WaiterConfig={"Delay": 1})

    def probe(addresses=(), paths=(), writes=(), patterns=(), reads=()):
        event = {
            "addresses": addresses,
            "paths": paths,
            "writes": writes,
            "patterns": patterns,
            "reads": reads,
        }
        answer = client.invoke(FunctionName="probe", Payload=json.dumps(event))
        payload = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, payload
        return payload

    yield probe
    client.delete_function(FunctionName="probe")


@pytest.fixture(scope="module")
def host_service():
    """A port of the host's on which something listens, on all of its interfaces."""
    with socket.create_server(("0.0.0.0", 0)) as server:

        def accept():
            while True:
                try:
                    server.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def host_addresses():
    """The host's own IPv4 addresses, those on the engine's bridges included."""
    interfaces = psutil.net_if_addrs().values()
    found = {entry.address for entries in interfaces for entry in entries if entry.family is socket.AF_INET}
    return sorted(address for address in found if not address.startswith("127."))


def test_function_is_nobody_and_stays_nobody(probe):
    found = probe()

    assert found["uid"] != 0
    assert int(found["capabilities"], 16) == 0
    assert found["no_new_privileges"] == "1"


def test_function_reaches_no_engine(project, probe):
    sockets = ["/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock"]

    assert probe(paths=["/proc/self/status", *sockets])["paths"] == ["/proc/self/status"]
    for container in project.containers().values():
        assert not [mount for mount in container.attrs["Mounts"] if "docker" in mount.get("Source", "")[-12:]]


def test_function_finds_no_file_of_the_hosts(project, probe, tmp_path):
    (tmp_path / "secret").write_text("")
    secrets = [str(tmp_path / "secret"), str(project.stack.folder), str(Path.home() / ".ssh"), "/opt/shop"]

    assert probe(paths=secrets)["paths"] == []
    assert {mount["Type"] for mount in project.container("localstack").attrs["Mounts"]} == {"volume"}


@pytest.mark.skipif(landlock.version() == 0, reason="there is no Landlock here")
def test_function_reaches_nothing_of_the_saved_state(project, probe):
    key = "/state/key"
    assert project.run("localstack", "stat", "-c", "%a %s", key).split() == ["600", "32"]

    found = probe(reads=[key, "/state/lock", "/proc/self/status"], writes=[key, "/state/new"])

    assert int(found["reads"].pop("/proc/self/status")) >= 0
    assert set(found["reads"].values()) == {"PermissionError"}
    assert set(found["writes"].values()) == {"PermissionError"}
    assert project.run("localstack", "stat", "-c", "%a %s", key).split() == ["600", "32"]


def test_function_does_not_get_the_control_token(project, probe):
    target = project.deployment().target
    # First of all, because another test may have restarted the emulator, which has a new token then.
    assert control(target, "GET", "/_emulator/iam")["mode"]
    token = find_token(target)

    assert token in project.run("localstack", "ls", "/run/control", user="0")
    assert probe(patterns=["run/control/*"])["readable"] == []
    assert probe(patterns=["proc/[0-9]*/stat"])["readable"], "other processes can be seen"
    seen = probe(patterns=["proc/[0-9]*/environ", "proc/[0-9]*/mem"])
    emulator = "/opt/emulator/bin/python\0-I\0/opt/emulator/start.py\0"
    assert not [name for name in seen["readable"] if name.endswith(f" {emulator}")]
    assert seen["environs_with_token"] == []
    assert token not in json.dumps(project.container("localstack").attrs)


def test_function_writes_to_its_tmp_alone(probe):
    found = probe(writes=["/tmp/probe", "/etc/probe", "/opt/emulator/probe", "/usr/local/bin/probe"])

    assert found["writes"].pop("/tmp/probe") == "written"
    assert set(found["writes"].values()) <= {"OSError", "PermissionError"}


def test_function_reaches_neither_the_host_nor_any_network(project, probe, host_service):
    hosts = [(address, host_service) for address in host_addresses()]
    outside = [
        ("192.0.2.1", 443),
        ("1.1.1.1", 53),
        ("example.com", 80),
        ("host.docker.internal", host_service),
    ]
    gateway = project.container("localstack").attrs["NetworkSettings"]["Networks"]
    inside_gateway = next(iter(gateway.values()))["Gateway"]
    hosts += [(inside_gateway, host_service)] if inside_gateway else []

    found = probe(addresses=[*hosts, *outside, ("127.0.0.1", project.stack.port)])

    connections = found["connections"]
    assert connections.pop(f"127.0.0.1:{project.stack.port}") == "connected"
    assert connections
    assert "connected" not in connections.values(), connections


def test_same_host_is_reached_from_where_it_is_allowed(project, host_service):
    """Else the test above would prove nothing: the door's container is on an outer network."""
    outside = project.container("gateway").attrs["NetworkSettings"]["Networks"]
    gateway = next(network["Gateway"] for name, network in outside.items() if name.endswith("_outside"))
    connect = f"import socket; socket.create_connection(({gateway!r}, {host_service}), 3)"

    project.run("gateway", "python3", "-c", connect)


def test_network_of_the_emulator_is_internal_and_has_no_host_on_it(project, engine):
    networks = project.container("localstack").attrs["NetworkSettings"]["Networks"]
    [network] = [engine.networks.get(name) for name in networks]

    assert network.attrs["Internal"] is True
    addresses = {
        address for entries in psutil.net_if_addrs().values() for address in [e.address for e in entries]
    }
    subnet_gateway = network.attrs["IPAM"]["Config"][0]["Gateway"]
    assert subnet_gateway not in addresses


@pytest.mark.parametrize("service", SERVICES)
def test_every_container_is_confined(project, service):
    attributes = project.container(service).attrs
    host_config = attributes["HostConfig"]

    assert attributes["Config"]["User"] == "10001:10001"
    assert host_config["ReadonlyRootfs"] is True
    assert host_config["Privileged"] is False
    assert host_config["CapDrop"] == ["ALL"]
    assert not host_config["CapAdd"]
    assert "no-new-privileges:true" in host_config["SecurityOpt"]
    assert host_config["Memory"] > 0
    assert host_config["PidsLimit"] > 0
    assert all(not mount["RW"] for mount in attributes["Mounts"] if mount["Type"] == "bind")


def test_only_the_door_is_published_and_on_loopback_alone(project):
    published = {
        service: [entry for entries in container.ports.values() for entry in entries or []]
        for service, container in project.containers().items()
    }

    port = str(project.stack.port)
    assert published.pop("gateway") == [{"HostIp": "127.0.0.1", "HostPort": port}]
    assert not any(published.values())
