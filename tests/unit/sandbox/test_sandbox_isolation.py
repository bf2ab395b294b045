"""What a function sees of the machine: AWS's file system, user and processes, and nothing of the host's."""

import os
from pathlib import Path

from sandbox_environments import RUNTIME, Environment, Factory, every_kind, isolated_kinds

from serverless_harness.emulator.sandbox import filesystem
from serverless_harness.emulator.sandbox.interpreters import Interpreter

PROJECT = Path(__file__).resolve().parents[3]
AS_FUNCTION = "sys, bootstrap; bootstrap.extend_search_path()"
"""What to import for the search path that a function has."""


@isolated_kinds
def test_the_root_holds_aws_folders_alone(environment: Environment) -> None:
    entries = set(environment.evaluate("os.listdir('/')"))
    assert {"dev", "etc", "opt", "proc", "tmp", "usr", "var"} <= entries
    assert entries <= {
        "bin",
        "dev",
        "empty",
        "etc",
        "lib",
        "lib32",
        "lib64",
        "libx32",
        "opt",
        "proc",
        "sbin",
    } | {
        "tmp",
        "usr",
        "var",
    }
    assert environment.evaluate("sorted(os.listdir('/var'))") == ["lang", "runtime", "task"]


@isolated_kinds
def test_files_of_the_host_are_invisible(environment: Environment) -> None:
    hidden = [
        PROJECT,
        Path.home(),
        environment.spec.state_dir,
        environment.spec.code_dir,
        Path("/sys/kernel"),
    ]
    assert all(path.exists() for path in hidden)
    assert environment.evaluate(f"[os.path.exists(path) for path in {[str(path) for path in hidden]}]") == [
        False
    ] * len(hidden)


@isolated_kinds
def test_the_code_and_the_layers_are_read_only(factory: Factory) -> None:
    environment = factory(handler="VALUE = 42")
    attempt = """
        import errno
        for folder in ("", "/var/task", "/opt", "/usr", "/etc", "/var/lang", "/dev"):
            try:
                open(folder + "/new", "w")
            except OSError as error:
                print(folder, errno.errorcode[error.errno])
        import handler
        print(handler.VALUE)
    """
    text = environment.run(attempt)
    assert text.count("EROFS") == 7, text
    assert text.endswith("42\n")


@every_kind
def test_the_environment_variables_are_the_given_ones(environment: Environment) -> None:
    os.environ["SECRET_OF_THE_HOST"] = "leaked"
    try:
        names = set(environment.evaluate("dict(os.environ)"))
    finally:
        del os.environ["SECRET_OF_THE_HOST"]
    # LC_CTYPE is Python's own doing (PEP 538).
    assert names <= {
        *("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "TMPDIR", "PYTHONDONTWRITEBYTECODE", "LC_CTYPE"),
        "_LAMBDA_SEARCH_PATH",  # until bootstrap.py has read it
    }


@isolated_kinds
def test_the_search_path_is_that_of_aws_images(environment: Environment) -> None:
    library = f"/var/lang/lib/{RUNTIME}"
    assert environment.evaluate("[path for path in sys.path if path][:8]", imports=AS_FUNCTION) == [
        f"/opt/python/lib/{RUNTIME}/site-packages",
        "/opt/python",
        f"{library}/site-packages",
        "/var/runtime",
        f"/var/lang/lib/{RUNTIME.replace('.', '')}.zip",
        library,
        f"{library}/lib-dynload",
        f"{library}/site-packages",
    ]
    assert environment.evaluate("os.environ['PYTHONPATH']") == "/var/runtime"


@every_kind
def test_a_layer_comes_before_the_runtimes_packages(environment: Environment) -> None:
    layers = environment.spec.layers_dir
    assert layers
    (layers / "python").mkdir()
    (layers / "python" / "boto3.py").write_text("ORIGIN = 'layer'")
    assert environment.evaluate("boto3.ORIGIN", imports=f"{AS_FUNCTION}; import boto3") == "layer"


@every_kind
def test_only_the_runtimes_packages_can_be_imported(environment: Environment) -> None:
    names = ["awslambdaric", "boto3", "localstack", "psutil"]
    found = f"[importlib.util.find_spec(name) is not None for name in {names}]"
    assert environment.evaluate(found, imports=f"{AS_FUNCTION}; import importlib.util") == [
        True,
        True,
        False,
        False,
    ]


@isolated_kinds
def test_the_user_is_aws_and_can_not_gain_privileges(environment: Environment) -> None:
    expression = "[os.getuid(), os.getgid(), os.getgroups(), pwd.getpwuid(os.getuid()).pw_name]"
    uid, gid, groups, name = environment.evaluate(expression, imports="os, pwd")
    assert (uid, gid, name) == (993, 990, "sbx_user1051")
    assert set(groups) <= {990, 65534}  # 65534: the host's other groups in a user namespace
    status = dict(
        line.split(":\t")
        for line in environment.run("print(open('/proc/self/status').read())").split("\n")
        if ":\t" in line
    )
    assert status["NoNewPrivs"] == "1"
    assert {status[name] for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {"0" * 16}


@isolated_kinds
def test_processes_of_others_can_not_be_seen(environment: Environment) -> None:
    pids = environment.evaluate("[int(name) for name in os.listdir('/proc') if name.isdigit()]")
    assert set(pids) <= {1, 2, 3}
    assert environment.evaluate("os.getpid()") in {2, 3}


@every_kind
def test_limits_and_umask_are_aws(environment: Environment) -> None:
    assert environment.evaluate("resource.getrlimit(resource.RLIMIT_NOFILE)", imports="resource") == [
        1024,
        1024,
    ]
    assert environment.evaluate("os.umask(0)") == 0o022
    many = "files = [open('/dev/null') for _ in range(1100)]"
    running = environment.start(many)
    assert running.wait().returncode == 1
    assert "Too many open files" in running.text


@every_kind
def test_no_descriptor_of_the_emulator_is_open(environment: Environment) -> None:
    descriptors = environment.evaluate("[fd for fd in range(3, 1024) if is_open(fd)]", imports=_IS_OPEN)
    assert descriptors == []


_IS_OPEN = """os
def is_open(fd):
    try:
        os.fstat(fd)
        return True
    except OSError:
        return False
"""


@isolated_kinds
def test_the_devices_work(environment: Environment) -> None:
    assert environment.evaluate(
        "[len(open('/dev/urandom', 'rb').read(4)), open('/dev/null', 'w').write('x')]"
    ) == [4, 1]
    assert set(environment.evaluate("os.listdir('/dev')")) <= {
        *("null", "zero", "full", "random", "urandom", "tty", "fd", "stdin", "stdout", "stderr")
    }


@isolated_kinds
def test_tmp_is_the_environments_own(factory: Factory) -> None:
    one, other = factory(), factory()
    assert one.evaluate(
        "[os.listdir('/tmp'), oct(os.stat('/tmp').st_mode & 0o777), os.stat('/tmp').st_uid]"
    ) == [[], "0o700", 993]
    one.run("open('/tmp/mine', 'w').write('kept')")
    assert other.evaluate("os.listdir('/tmp')") == []
    assert not Path("/tmp/mine").exists()
    assert one.evaluate("open('/tmp/mine').read()") == "kept"  # by a new process


@isolated_kinds
def test_tmp_is_limited_in_size_and_does_not_count_as_memory(factory: Factory) -> None:
    environment = factory(memory_mb=128, storage_mb=200)
    fill = """
        import errno
        written = 0
        try:
            with open("/tmp/file", "wb", buffering=0) as file:
                while True:
                    written += file.write(bytes(1 << 20))
        except OSError as error:
            print(written >> 20, errno.errorcode[error.errno])
    """
    assert environment.run(fill) == "200 ENOSPC\n"
    assert environment.sandbox.max_memory_used_mb() < 60


@every_kind
def test_the_temporary_folder_is_kept_over_restarts_and_goes_at_close(environment: Environment) -> None:
    environment.run("import tempfile; open(tempfile.gettempdir() + '/mine', 'w').write('kept')")
    assert environment.evaluate("open(tempfile.gettempdir() + '/mine').read()", imports="tempfile") == "kept"
    environment.sandbox.close()
    assert not environment.spec.state_dir.exists()


@isolated_kinds
def test_no_mount_shows_on_the_host(environment: Environment) -> None:
    running = environment.start("import time; print('up', flush=True); time.sleep(60)")
    running.wait_for("up")
    assert environment.spec.environment_id not in Path("/proc/self/mountinfo").read_text()


@isolated_kinds
def test_system_programs_and_certificates_are_there(environment: Environment) -> None:
    assert (
        environment.evaluate(
            "subprocess.run(['sh', '-c', 'echo $((6 * 7))'], capture_output=True).stdout.decode()",
            imports="subprocess",
        )
        == "42\n"
    )
    assert environment.evaluate("socket.gethostbyname('localhost')", imports="socket") == "127.0.0.1"


@every_kind
def test_the_task_root_is_the_working_folder(environment: Environment) -> None:
    assert environment.evaluate("os.getcwd()") == environment.sandbox.task_root


def test_packages_of_a_system_python_are_hidden(tmp_path: Path) -> None:
    places = [
        f"lib/{RUNTIME}/site-packages",
        f"lib/{RUNTIME}/dist-packages",
        f"local/lib/{RUNTIME}/dist-packages",
        "lib/python3/dist-packages",
    ]
    for place in places:
        (tmp_path / place).mkdir(parents=True)
    interpreter = Interpreter(RUNTIME, tmp_path / "bin" / "python", tmp_path / "packages", tmp_path)
    binds = dict(reversed(bind) for bind in filesystem.isolated(interpreter, tmp_path, None).mounts["binds"])
    first, *others = [binds[f"/var/lang/{place}"] for place in places]
    assert first == str(tmp_path / "packages")
    assert others == ["./empty"] * 3


@every_kind
def test_who_is_debugged_sees_the_debuggers_packages_beside_the_search_path(
    factory: Factory, tmp_path: Path
) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "debugpy.py").write_text("VALUE = 42")
    environment = factory(debugger_dir=packages)
    folder = environment.sandbox.debugger_dir
    assert environment.evaluate(f"open({folder + '/debugpy.py'!r}).read()") == "VALUE = 42"
    assert folder not in environment.evaluate("sys.path", AS_FUNCTION)
    writable = environment.evaluate(f"os.access({folder!r}, os.W_OK)")
    assert not writable or environment.sandbox.task_root != "/var/task"
