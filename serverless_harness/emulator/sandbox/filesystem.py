"""The file system of an environment: AWS's by mounts, or the host's with the paths set to match."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serverless_harness.emulator.sandbox.interpreters import Interpreter

USER_NAME, UID, GID = "sbx_user1051", 993, 990
"""The user that AWS runs functions as."""
LIBRARY_PATH = (
    "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
)
"""LD_LIBRARY_PATH (AWS: Defined runtime environment variables)."""

_SYSTEM_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_USR_FOLDERS = (*_SYSTEM_FOLDERS, "share")  # not /usr/local: it holds the host's own software
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_DEVICE_LINKS = {
    "/dev/fd": "/proc/self/fd",
    "/dev/stdin": "/proc/self/fd/0",
    "/dev/stdout": "/proc/self/fd/1",
    "/dev/stderr": "/proc/self/fd/2",
}
_ETC = (
    "hosts", "resolv.conf", "nsswitch.conf", "services", "protocols", "localtime", "ld.so.cache",
    "ssl", "pki", "ca-certificates", "alternatives",
)  # fmt: skip
_ETC_FILES = {
    "/etc/passwd": "root:x:0:0:root:/root:/bin/bash\n"
    f"{USER_NAME}:x:{UID}:{GID}::/home/{USER_NAME}:/sbin/nologin\n",
    "/etc/group": f"root:x:0:\n{USER_NAME}:x:{GID}:\n",
    "/etc/hostname": "localhost\n",
}

_SEARCH_PATH_VARIABLE = "_LAMBDA_SEARCH_PATH"
RUNTIME = Path(__file__).parent / "runtime"
"""What stands at /var/runtime."""
DEBUGGER = "/var/debugger"


@dataclass(frozen=True)
class FileSystem:
    """Where things are for the function's process."""

    task_root: str
    runtime_dir: str
    executable: str
    environ: dict[str, str]
    """What the paths need; the executor's own variables come over it."""
    mounts: dict[str, Any] = field(default_factory=dict)
    """For `launcher_process.root`: folders, files, symlinks, binds; empty where nothing is mounted."""
    debugger_dir: str = ""
    moved: dict[str, str] = field(default_factory=dict)
    """Folders of AWS's that are elsewhere."""

    def inside(self, path: str) -> str:
        """Where a file is that AWS has at `path`."""
        for folder, place in self.moved.items():
            if path.startswith(folder + "/"):
                return place + path.removeprefix(folder)
        return path


def isolated(
    interpreter: Interpreter, code_dir: Path, layers_dir: Path | None, debugger_dir: Path | None = None
) -> FileSystem:
    """AWS's layout in a mount namespace: read-only but for /tmp."""
    site_packages = f"/var/lang/lib/{interpreter.runtime}/site-packages"
    symlinks, binds = _system()
    binds += [(f"/etc/{name}", f"/etc/{name}") for name in _ETC if Path("/etc", name).exists()]
    binds += [(f"/dev/{name}", f"/dev/{name}") for name in _DEVICES]
    binds += [(str(interpreter.base_prefix), "/var/lang"), (str(code_dir), "/var/task")]
    if layers_dir:
        binds.append((str(layers_dir), "/opt"))
    if debugger_dir:
        binds.append((str(debugger_dir), DEBUGGER))
    binds += [(str(RUNTIME), "/var/runtime"), *_packages(interpreter)]
    mounts = {
        "folders": ["/proc", "/dev", "/tmp", "/opt", "/var/task", "/var/lang", "/usr", "/empty"],
        "files": _ETC_FILES,
        "symlinks": symlinks | _DEVICE_LINKS,
        "binds": binds,
    }
    environ = {
        "PYTHONPATH": "/var/runtime",
        "LD_LIBRARY_PATH": LIBRARY_PATH,
        _SEARCH_PATH_VARIABLE: f"/opt:{site_packages}",
    }
    executable = f"/var/lang/bin/{interpreter.runtime}"
    return FileSystem("/var/task", "/var/runtime", executable, environ, mounts, debugger_dir=DEBUGGER)


def shared(
    interpreter: Interpreter,
    code_dir: Path,
    layers_dir: Path | None,
    state_dir: Path,
    debugger_dir: Path | None = None,
) -> FileSystem:
    """The host's file system: the function sees the host's paths, and its own /tmp by TMPDIR."""
    layers = str(layers_dir or state_dir / "no-layers")
    environ = {
        "PYTHONPATH": str(RUNTIME),
        # As where the code is read-only. (PYTHONPYCACHEPREFIX would have the packages compiled again, too.)
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(state_dir / "tmp"),
        _SEARCH_PATH_VARIABLE: f"{layers}:{interpreter.site_packages}",
    }
    moved = {"/var/task": str(code_dir), "/opt": layers}
    return FileSystem(
        str(code_dir),
        str(RUNTIME),
        str(interpreter.executable),
        environ,
        debugger_dir=str(debugger_dir or ""),
        moved=moved,
    )


def _packages(interpreter: Interpreter) -> list[tuple[str, str]]:
    """The functions' packages instead of the base interpreter's own, as in AWS's images since 3.11."""
    site_packages = f"lib/{interpreter.runtime}/site-packages"
    debian = (f"lib/{interpreter.runtime}", f"local/lib/{interpreter.runtime}", "lib/python3")
    hidden = [site_packages, *(f"{folder}/dist-packages" for folder in debian)]
    places = [folder for folder in hidden if (interpreter.base_prefix / folder).is_dir()]
    sources = [str(interpreter.site_packages), *["./empty"] * len(places)]
    return [(source, f"/var/lang/{place}") for source, place in zip(sources, places, strict=False)]


def _system() -> tuple[dict[str, str], list[tuple[str, str]]]:
    """The host's programs and libraries: symbolic links to make again, and folders to show."""
    symlinks, binds = {}, []
    names = [*_SYSTEM_FOLDERS, *(f"usr/{name}" for name in _USR_FOLDERS)]
    for path in (Path("/", name) for name in names):
        if path.is_symlink():
            symlinks[str(path)] = str(path.readlink())
        elif path.is_dir():
            binds.append((str(path), str(path)))
    return symlinks, binds
