"""What functions can't reach: the host's files, processes, environment; each other; the stack's controls.

docs/security.md says what is prevented where, and what is not.
"""

import io
import json
import secrets
import socket
import stat
import zipfile
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from serverless_harness.project.locate import current
from serverless_harness.resilience.faults import PATH
from serverless_harness.stack.control import TOKEN_FILE

pytestmark = pytest.mark.needs("local")

PROBE = """
import ctypes, errno, json, os, socket, urllib.error, urllib.request
from pathlib import Path

def readable(path):
    try:
        with open(path, "rb") as file:
            return bool(file.read(1)) or True
    except IsADirectoryError:
        return bool(os.listdir(path))
    except OSError:
        return False

def status(method, path):
    url, body = os.environ["AWS_ENDPOINT_URL"] + path, b"{}" if method == "POST" else None
    request = urllib.request.Request(url, body, method=method)
    try:
        return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30).status
    except urllib.error.HTTPError as error:
        return error.code

def writable(path):
    try:
        Path(path, "probe").write_text("x")
    except OSError:
        return False
    return True

def connect(host, port):
    with socket.socket() as client:
        client.settimeout(5)
        return errno.errorcode.get(client.connect_ex((host, port)), "connected")

def as_deployer():
    import boto3
    from botocore.exceptions import ClientError
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    try:
        return boto3.client("lambda", region_name="us-east-1", **keys).list_functions()["Functions"][0]
    except ClientError as error:
        return error.response["Error"]["Code"]

def command_line(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:  # It has ended meanwhile.
        return None

def handler(event, context):
    mark = Path("/tmp/mark")
    before = sorted(os.listdir("/tmp"))
    mark.write_text(event["mark"])
    processes = [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]
    return {
        "isolated": Path("/var/task").is_dir() and os.getuid() != 0,
        "readable": [path for path in event["paths"] if readable(path)],
        "writable": [path for path in ("/var/task", "/opt", "/etc", "/usr", "/") if writable(path)],
        "environ": dict(os.environ),
        "tmp": before,
        "memories": [pid for pid in processes if pid != os.getpid() and readable(f"/proc/{pid}/mem")],
        "code": sorted(os.listdir("/var/task")) if os.path.isdir("/var/task") else None,
        "as_deployer": as_deployer(),
        "sockets": Path("/proc/net/tcp").read_text().splitlines(),
        "runtime_api": os.environ["AWS_LAMBDA_RUNTIME_API"],
        "landlock": ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1),
        "connects": {f"{host}:{port}": connect(host, int(port)) for host, port in event["connects"]},
        "processes": [line for pid in processes if (line := command_line(pid)) is not None],
        "statuses": {f"{method} {path}": status(method, path) for method, path in event["requests"]},
    }
"""

TCP_RULES = 4
"""The version of Landlock's interface that has them (Linux 6.7)."""
OF_NOBODY = "192.0.2.1"
"""An address for documentation (RFC 5737), in the place of one of AWS's, which may not be there offline."""
CONTROLS = [
    ("POST", PATH),
    ("DELETE", PATH),
    ("GET", "/_emulator/iam"),
    ("GET", "/_localstack/config"),
    ("POST", "/_localstack/health"),
    ("GET", "/_aws/sqs/messages"),
]


@contextmanager
def deployed(deployment, name):
    """Have the probe as a function, with accept's role."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("probe.py", PROBE)
    client = deployment.client("lambda")
    role = client.get_function_configuration(FunctionName=deployment.function_name("accept"))["Role"]
    client.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role,
        Handler="probe.handler",
        Timeout=20,
        Code={"ZipFile": code.getvalue()},
    )
    try:
        client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
        yield lambda event: invoke(client, name, event)
    finally:
        client.delete_function(FunctionName=name)


def invoke(client, name, event):
    answer = client.invoke(FunctionName=name, Payload=json.dumps(event))
    result = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, result
    return result


@pytest.fixture(scope="module")
def host_files(deployment):
    """What must not be seen: the checkout, the stack's folder, its token, and what only root may read."""
    state_dir = deployment.target.state_dir
    return [
        str(path)
        for path in (
            current().folder,
            state_dir,
            state_dir / TOKEN_FILE,
            "/root",
            "/etc/shadow",
            "/proc/1/environ",
        )
    ]


@pytest.fixture(scope="module")
def listening():
    """A port of the host's, or of this container's neighbour, at which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield ["127.0.0.1", str(server.getsockname()[1])]


@pytest.fixture(scope="module")
def seen(deployment, host_files, listening):
    """What two functions found, one after the other; the first one's environment lives on meanwhile."""
    with ExitStack() as stack:
        found = []
        connects = [listening, [OF_NOBODY, "443"]]
        for _ in range(2):
            name = f"probe-{secrets.token_hex(4)}"
            probe = stack.enter_context(deployed(deployment, name))
            found.append(
                probe({"mark": name, "paths": host_files, "requests": CONTROLS, "connects": connects})
            )
            connects = [*connects, found[0]["runtime_api"].split(":")]
        return found


@pytest.fixture
def isolated(seen):
    """As `seen`, where functions have a file system and processes of their own."""
    if not seen[0]["isolated"]:
        pytest.skip("no mount namespaces here: functions see the host's files")
    return seen


@pytest.fixture
def connects(seen):
    """What came of the second function's connecting, by address."""
    if seen[1]["landlock"] < TCP_RULES:
        pytest.skip("Landlock has no TCP rules here: functions can connect to every port")
    return seen[1]["connects"]


def test_host_files_are_not_there(isolated):
    assert isolated[0]["readable"] == ["/proc/1/environ"] or isolated[0]["readable"] == []


def test_code_and_system_are_read_only(isolated):
    assert isolated[0]["writable"] == []


def test_code_of_other_functions_is_not_there(isolated):
    assert [each["code"] for each in isolated] == [["probe.py"], ["probe.py"]]


def test_environment_is_the_functions_own(seen):
    names = set(seen[0]["environ"])
    assert not names & {
        "USER",
        "VIRTUAL_ENV",
        "EMULATOR_CONTROL_TOKEN",
        "GATEWAY_LISTEN",
        "TF_CLI_CONFIG_FILE",
    }
    of_the_interpreter = ("PYTHONPATH", "_HANDLER", "LAMBDA_TASK_ROOT", "TMPDIR")
    values = {name: value for name, value in seen[0]["environ"].items() if name not in of_the_interpreter}
    assert not [value for value in values.values() if str(current().folder) in value]


def test_tmp_is_the_environments_own(isolated):
    """The second one's is empty while the first one's, with its mark, is still there."""
    assert [each["tmp"] for each in isolated] == [[], []]


def test_processes_of_others_are_not_there(isolated):
    assert not [line for line in isolated[1]["processes"] if "localstack" in line or "pytest" in line]
    assert len(isolated[1]["processes"]) <= 3


def test_memory_of_others_can_not_be_read(isolated):
    assert isolated[1]["memories"] == []


def test_controls_of_the_stack_refuse_functions(seen):
    assert set(seen[0]["statuses"].values()) == {403}, seen[0]["statuses"]


def test_runtime_apis_of_other_environments_can_not_be_reached(seen, connects):
    """In networks of their own all have one address, at which each finds its own alone."""
    address = seen[0]["runtime_api"]
    assert connects[address] == ("connected" if address == seen[1]["runtime_api"] else "EACCES")
    if address != "127.0.0.1:9001":
        assert address != seen[1]["runtime_api"]


def test_functions_are_not_the_deployer(seen):
    """Where their requests come over a network of their own, which tells whose they are."""
    if seen[0]["runtime_api"] != seen[1]["runtime_api"]:
        pytest.skip("functions share the host's network here")
    assert [each["as_deployer"] for each in seen] == ["UnrecognizedClientException"] * 2


def test_sockets_of_the_host_can_not_be_seen(seen, listening):
    if seen[0]["runtime_api"] != seen[1]["runtime_api"]:
        pytest.skip("functions share the host's network here")
    port = f":{int(listening[1]):04X} "
    assert not [line for line in seen[0]["sockets"] if port in line]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example"])
def test_other_hosts_are_not_answered(deployment, host):
    answer = httpx.get(
        f"{deployment.target.endpoint_url}/?Action=ListUsers", headers={"Host": host}, trust_env=False
    )
    assert answer.status_code == 403
    assert "GATEWAY_ALLOWED_HOSTS" in answer.json()["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/?Action=ListUsers&Version=2010-05-08"), ("POST", "/restapis/_user_request_"), ("POST", "/")],
)
def test_web_pages_of_strangers_run_nothing(deployment, method, path):
    headers = {"Origin": "http://evil.example", "Content-Type": "application/x-www-form-urlencoded"}
    answer = httpx.request(
        method,
        f"{deployment.target.endpoint_url}{path}",
        headers=headers,
        content=b"Action=ListUsers&Version=2010-05-08" if method == "POST" else None,
        trust_env=False,
    )
    assert answer.status_code == 403
    assert answer.json()["message"] == "Forbidden" or "evil.example" in answer.json()["message"]


@pytest.mark.parametrize("kind", ["link out", "file below a link", "folder of the host"])
def test_packages_that_leave_their_folder_are_refused(deployment, kind):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        link = zipfile.ZipInfo("d")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc" if kind == "link out" else "probe.py")
        archive.writestr("d/x" if kind == "file below a link" else "probe.py", PROBE)
    client = deployment.client("lambda")
    role = client.get_function_configuration(FunctionName=deployment.function_name("accept"))["Role"]
    code = {"S3Bucket": "hot-reload", "S3Key": "/"} if "host" in kind else {"ZipFile": content.getvalue()}
    with pytest.raises(client.exceptions.InvalidParameterValueException):
        client.create_function(
            FunctionName=f"probe-{secrets.token_hex(4)}",
            Runtime="python3.13",
            Role=role,
            Handler="probe.handler",
            Code=code,
        )


def test_other_ports_of_the_host_can_not_be_reached(connects, listening):
    assert connects[":".join(listening)] == "EACCES"


def test_aws_can_not_be_reached(connects):
    assert connects[f"{OF_NOBODY}:443"] == "EACCES"
