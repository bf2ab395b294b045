"""`scripts/lib/environment` and `bootstrap.py`, in a project of their own with a Python that is a fake."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from serverless_harness.runtimes.pythons import MISLEADING

PROJECT = Path(__file__).resolve().parents[3]
LIB = PROJECT / "scripts" / "lib"
RUNTIMES = Path("serverless_harness", "runtimes")

# Stands for Python, pip and uv: runs bootstrap.py and looks at versions, writes down all other calls.
# A venv that it makes has copies of itself for programs.
# Starts as a shell script, because the interpreter's path after `#!` must not have spaces.
FAKE_PYTHON = f"""#!/bin/sh
'''exec' "{sys.executable}" -I "$0" "$@"
' '''
import json, os, runpy, shutil, sys
from pathlib import Path
arguments = sys.argv[1:]
if NO_ENSUREPIP:
    sys.modules["ensurepip"] = None
sys.executable = sys.argv[0]
sys.version_info = (3, MINOR, 0)
if "-c" in arguments:
    exec(arguments[-1])
    sys.exit()
if "scripts/lib/bootstrap.py" in arguments:
    sys.argv = arguments[-2:]
    runpy.run_path(arguments[-2], run_name="__main__")
    sys.exit()
with open(os.environ["CALLS"], "a") as calls:
    print(" ".join(arguments), file=calls)
with open(os.environ["CALLS"] + ".environ", "a") as environs:
    print(json.dumps(dict(os.environ)), file=environs)
if "venv" in arguments:
    folder = Path(arguments[-1])
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "bin").mkdir(parents=True)
    for name in ("python", "uv"):
        shutil.copy(sys.argv[0], folder / "bin" / name)
if any(word in " ".join(arguments) for word in os.environ.get("FAIL", "no such call").split("|")):
    sys.exit("the reason of the failure")
"""


def write_python(file, minor, complete=True):
    """Write a fake Python 3.<minor>; unless `complete`, as Debian has it without python3.<minor>-venv."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(FAKE_PYTHON.replace("MINOR", str(minor)).replace("NO_ENSUREPIP", str(not complete)))
    file.chmod(0o755)


@pytest.fixture
def project(tmp_path):
    """A project in a folder whose name has a space; the Python 3.13 on PATH only pretends to install."""
    folder = tmp_path / "a project"
    shutil.copytree(LIB, folder / "scripts" / "lib", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PROJECT / RUNTIMES, folder / RUNTIMES, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "requirements").mkdir()
    for name in ("bootstrap", "run", "dev"):
        (folder / "requirements" / f"{name}.txt").write_text(f"{name}==1\n")
    (folder / "pyproject.toml").write_text("[project]\n")
    write_python(tmp_path / "bin" / "python3.13", 13)
    return folder


def environment(project, path=None, name="dev", **variables):
    """Run `scripts/lib/environment`."""
    return subprocess.run(
        [project / "scripts" / "lib" / "environment", name],
        env={
            "PATH": path or f"{project.parent / 'bin'}:/usr/bin:/bin",
            "HOME": str(project.parent),
            "CALLS": str(project.parent / "calls"),
            **variables,
        },
        cwd=project.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def calls(project):
    """The calls that were recorded since the last time, each as one line."""
    file = project.parent / "calls"
    lines = file.read_text().splitlines() if file.exists() else []
    file.unlink(missing_ok=True)
    return lines


def test_a_fresh_project_gets_both_environments_from_the_locks(project):
    assert environment(project).returncode == 0
    made = " / ".join(calls(project))
    for lock in ("bootstrap", "dev", "function"):
        assert f"{lock}.txt" in made
    assert made.count("--require-hashes") == 3
    assert (project / ".serverless-harness" / "runtimes" / "python3.13" / "bin" / "python").exists()


def test_an_environment_that_is_up_to_date_is_left_alone(project):
    environment(project)
    calls(project)
    result = environment(project)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert calls(project) == []


@pytest.mark.parametrize("file", ["pyproject.toml", "requirements/dev.txt", RUNTIMES / "function.txt"])
def test_a_change_brings_it_up_to_date_without_making_it_anew(project, file):
    environment(project)
    calls(project)
    (project / file).write_text("changed==2\n")
    assert environment(project).returncode == 0
    made = calls(project)
    assert any("dev.txt" in call for call in made)
    assert not any("venv" in call.split() for call in made)


def test_an_interrupted_environment_is_made_anew(project):
    assert environment(project, FAIL="function.txt").returncode == 1
    calls(project)
    assert environment(project).returncode == 0
    assert sum("venv" in call.split() for call in calls(project)) == 2


def test_a_project_that_was_moved_gets_new_environments(project):
    environment(project)
    calls(project)
    moved = project.with_name("moved")
    project.rename(moved)
    assert environment(moved).returncode == 0
    assert any(str(moved) in call for call in calls(moved))


def test_where_uv_fails_pip_installs_the_same_lock(project):
    assert environment(project, FAIL="pip sync").returncode == 0
    assert any(
        "-m pip" in call and "dev.txt" in call and "--require-hashes" in call for call in calls(project)
    )


def test_a_failed_installation_is_one_line_with_its_reason_and_leaves_no_stamp(project):
    result = environment(project, FAIL="pip sync|dev.txt")
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert "the reason of the failure" in last
    assert "Traceback" not in result.stderr
    assert not (project / ".venv" / "environment.stamp").exists()


def test_two_at_once_install_once(project):
    command = [project / "scripts" / "lib" / "environment"]
    environ = {
        "PATH": f"{project.parent / 'bin'}:/usr/bin:/bin",
        "HOME": str(project.parent),
        "CALLS": str(project.parent / "calls"),
    }
    both = [subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert sum("dev.txt" in call for call in calls(project)) == 1


@pytest.fixture
def path_without_python(tmp_path):
    """A PATH of the few programs that a shell script needs, without any Python or uv."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ("bash", "env", "cat", "cmp", "dirname"):
        (folder / name).symlink_to(shutil.which(name))
    return folder


def test_without_any_python_one_line_says_what_is_missing_and_how_to_get_it(project, path_without_python):
    result = environment(project, str(path_without_python))
    assert result.returncode == 2
    assert result.stderr.startswith("error: Python 3.13 is missing")
    assert len(result.stderr.splitlines()) == 1
    assert "uv python install 3.13" in result.stderr


@pytest.fixture
def path_with_old_python(path_without_python):
    """A PATH whose Python is a 3.12."""
    write_python(path_without_python / "python3", 12)
    return path_without_python


def test_without_3_13_uv_downloads_it(project, path_with_old_python):
    """This uv finds a 3.13 as soon as it was asked to install one, with the system's certificates."""
    uv = path_with_old_python / "uv"
    uv.write_text(
        "#!/usr/bin/env bash\n"
        'case "$2 $UV_SYSTEM_CERTS" in\n'
        f'"find true") [ -e "$CALLS.downloaded" ] && echo "{project.parent}/bin/python3.13";;\n'
        '"install true") : > "$CALLS.downloaded";;\n'
        "esac\n"
    )
    uv.chmod(0o755)
    result = environment(project, str(path_with_old_python))
    assert result.returncode == 0, result.stderr
    assert (project.parent / "calls.downloaded").exists()
    assert (project / ".venv" / "environment.stamp").exists()


def test_where_no_download_helps_one_line_says_what_is_missing(project, path_with_old_python):
    result = environment(project, str(path_with_old_python), FAIL="venv|pip")
    assert result.returncode == 2
    assert result.stderr.strip().splitlines()[-1].startswith("error: Python 3.13 is missing")
    assert "Traceback" not in result.stderr


def error_line(result, exit_code):
    """The last line of a run that must fail, without a traceback."""
    assert result.returncode == exit_code
    assert "Traceback" not in result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")
    return last


def test_a_python_that_makes_no_environments_is_named_with_the_package_that_it_lacks(
    project, path_with_old_python
):
    write_python(path_with_old_python / "python3.13", 13, complete=False)
    result = environment(project, str(path_with_old_python), FAIL="venv|pip")
    line = error_line(result, 2)
    assert "python3.13-venv" in line
    assert str(path_with_old_python / "python3.13") in line


def test_a_python_that_makes_no_environments_is_passed_over(project, path_with_old_python):
    write_python(path_with_old_python / "python3.13", 13, complete=False)
    path = f"{path_with_old_python}:{project.parent / 'bin'}"
    pyenv = project.parent / "pyenv" / "versions" / "3.13.1" / "bin"
    pyenv.mkdir(parents=True)
    write_python(pyenv / "python", 13)
    assert environment(project, path, PYENV_ROOT=str(project.parent / "pyenv")).returncode == 0
    assert (project / ".venv" / "environment.stamp").exists()


def test_a_file_in_the_state_folders_place_is_named(project):
    (project / ".serverless-harness").touch()
    line = error_line(environment(project), 2)
    assert str(project / ".serverless-harness") in line
    assert "out of the way" in line


# As root, no mode keeps a folder from being written to.
@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        ("EROFS", "on a disk that can be written to"),
        ("EACCES", "give yourself the right to write"),
        ("ENOSPC", "free some space"),
    ],
)
def test_what_the_system_refuses_is_one_line_with_its_remedy(project, number, remedy):
    bootstrap = project / "scripts" / "lib" / "bootstrap.py"
    refuse = f"def stamp(wanted):\n    raise OSError(errno.{number}, 'refused', 'a file')\n\n\nif __name__"
    bootstrap.write_text(bootstrap.read_text().replace("if __name__", refuse))
    line = error_line(environment(project), 2)
    assert "refused: 'a file'" in line
    assert remedy in line


def environs(project):
    """The environments that Python, pip and uv were called with."""
    return [json.loads(line) for line in (project.parent / "calls.environ").read_text().splitlines()]


@pytest.mark.parametrize(
    "variable", [variable for variable in MISLEADING if variable.startswith(("PIP", "UV"))]
)
def test_nothing_leads_pip_or_uv_elsewhere(project, variable):
    assert environment(project, **{variable: "/elsewhere"}).returncode == 0
    assert environs(project)
    assert not [environ for environ in environs(project) if variable in environ]


def test_packages_go_into_the_environment_where_pip_installs_for_the_user(project):
    assert environment(project, PIP_USER="1").returncode == 0
    assert {environ["PIP_USER"] for environ in environs(project)} == {"0"}


@pytest.mark.parametrize("home", ["/dev/null/home", "/proc/no-such-home"])
def test_a_home_that_cannot_be_written_to_is_no_hindrance(project, home):
    result = environment(project, HOME=home)
    assert result.returncode == 0, result.stderr
    assert {environ["UV_CACHE_DIR"] for environ in environs(project)} == {
        str(project / ".serverless-harness" / "cache" / "uv")
    }


def test_the_callers_caches_are_used_where_they_can_be(project):
    assert environment(project).returncode == 0
    assert not [environ for environ in environs(project) if "UV_CACHE_DIR" in environ]


def test_modules_on_the_callers_path_are_not_imported(project):
    elsewhere = project.parent / "elsewhere"
    (elsewhere / "serverless_harness").mkdir(parents=True)
    (elsewhere / "serverless_harness" / "__init__.py").write_text("raise SystemExit('the wrong checkout')")
    (elsewhere / "json.py").write_text("raise SystemExit('the wrong json')")
    (project / "json.py").write_text("raise SystemExit('the wrong json')")
    result = environment(project, PYTHONPATH=str(elsewhere), PYTHONHOME=str(elsewhere))
    assert result.returncode == 0, result.stderr
    assert not [environ for environ in environs(project) if {"PYTHONPATH", "PYTHONHOME"} & environ.keys()]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_what_cannot_be_printed_does_not_stop_the_work(project):
    with Path("/dev/full").open("w") as full:
        command = [project / "scripts" / "lib" / "environment"]
        environ = {"PATH": f"{project.parent / 'bin'}:/usr/bin:/bin", "HOME": str(project.parent)}
        environ["CALLS"] = str(project.parent / "calls")
        assert subprocess.run(command, env=environ, stderr=full, check=False, timeout=60).returncode == 0


def test_what_most_commands_need_comes_without_the_tests_tools(project):
    assert environment(project, name="run").returncode == 0
    assert not any("dev.txt" in call for call in calls(project))
    assert environment(project).returncode == 0
    assert any("dev.txt" in call for call in calls(project))
    assert environment(project, name="run").returncode == 0
    assert calls(project) == []


@pytest.mark.parametrize("script", ["status", "lock"])
def test_a_script_finds_its_checkout_through_a_symlink(project, script):
    shutil.copy(PROJECT / "scripts" / script, project / "scripts" / script)
    (project / "scripts" / "lib" / "environment").write_text("#!/bin/sh\necho found >&2\nexit 3\n")
    link = project.parent / "elsewhere" / "a link"
    link.parent.mkdir()
    link.symlink_to(project / "scripts" / script)
    result = subprocess.run([link], cwd="/", capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (3, "found\n")


@pytest.mark.parametrize("after_ms", range(0, 500, 50))
def test_an_interrupt_in_the_first_half_second_leaves_no_traceback(after_ms):
    """The whole way of a real command; it may also have ended before, with a line of its own."""
    process = subprocess.Popen(
        [PROJECT / "scripts" / "fault", "list", "--port", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    time.sleep(after_ms / 1000)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    output, error = process.communicate(timeout=60)
    assert "Traceback" not in error + output
    assert process.returncode in (-signal.SIGINT, 128 + signal.SIGINT, 2)


@pytest.mark.parametrize("after_ms", range(0, 500, 50))
def test_an_interrupt_while_the_environment_is_made_leaves_no_traceback(project, after_ms):
    environ = {"PATH": f"{project.parent / 'bin'}:/usr/bin:/bin", "HOME": str(project.parent)}
    process = subprocess.Popen(
        [project / "scripts" / "lib" / "environment"],
        env={**environ, "CALLS": str(project.parent / "calls")},
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    time.sleep(after_ms / 1000)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert "Traceback" not in error
    assert process.returncode in (-signal.SIGINT, 128 + signal.SIGINT, 0)
    assert environment(project).returncode == 0
