"""What a function is configured and invoked with: all of it reaches the process that runs it."""

import base64
import json
import os
import re
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError
from functions_under_test import DEADLINE_S, zipped

from serverless_harness.waiting import Wait

STREAM = "def handler(event, context): return context.log_stream_name\n"
ANSWER = "def handler(event, context): return {!r}\n"
ENVIRON = "import os\ndef handler(name, context): return os.environ.get(name)\n"
SLOW = """
import time

def handler(seconds, context):
    time.sleep(seconds)
    return "done"
"""
STREAM_NAME = re.compile(r"\d{4}/\d\d/\d\d/\[(?P<version>\$LATEST|\d+)\][0-9a-f]{32}")


@pytest.fixture
def layer(lambda_stack):
    """Call it with files for a layer version; all are gone after the test."""
    client = lambda_stack.target.client("lambda")
    made = []

    def layer(files):
        name = f"layer-{len(made)}-{os.urandom(4).hex()}"
        version = client.publish_layer_version(LayerName=name, Content={"ZipFile": zipped(files)})
        made.append((name, version["Version"]))
        return version["LayerVersionArn"]

    yield layer
    for name, number in made:
        client.delete_layer_version(LayerName=name, VersionNumber=number)


def test_layers_stand_at_opt_and_later_ones_win(make_function, layer):
    first = layer({"python/greeting.py": "TEXT = 'first'\n", "only-first": "1", "both": "first"})
    second = layer({"both": "second"})
    code = """
import os, greeting
def handler(event, context): return [greeting.TEXT, sorted(os.listdir("/opt")), open("/opt/both").read()]
"""
    function = make_function(code, Layers=[first, second])
    assert function.invoke().value == ["first", ["both", "only-first", "python"], "second"]


def test_files_that_others_cannot_read_are_not_for_the_function(make_function):
    code = """
def handler(name, context):
    try:
        return open(name).read()
    except PermissionError as error:
        return str(error)
"""
    private = ("private", stat.S_IFREG | 0o640)
    function = make_function(code, files={"private": private, "public": ("public", stat.S_IFREG | 0o644)})
    assert function.invoke("public").value == "public"
    assert function.invoke("private").value == "[Errno 13] Permission denied: 'private'"


def test_a_wrapper_script_starts_the_runtime(make_function, layer):
    wrapper = '#!/bin/bash\nexport SET_BY_WRAPPER="with $# arguments"\nexec "$@"\n'
    function = make_function(
        ENVIRON,
        Layers=[layer({"wrapper": (wrapper, 0o755)})],
        Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrapper"}},
    )
    assert function.invoke("SET_BY_WRAPPER").value == "with 2 arguments"


def test_versions_and_aliases_run_the_code_that_they_name(make_function):
    function = make_function(ANSWER.format("one"))
    version = function.publish()
    function.client.create_alias(FunctionName=function.name, Name="live", FunctionVersion=version)
    function.update_code(ANSWER.format("two"))

    assert function.invoke(Qualifier="live").value == "one"
    assert function.invoke(Qualifier=version).version == version
    assert function.invoke().value == "two"
    assert function.invoke().version == "$LATEST"


def test_a_published_versions_stream_and_start_line_name_it(make_function):
    function = make_function(STREAM)
    version = function.publish()
    answer = function.invoke(Qualifier=version)
    assert STREAM_NAME.fullmatch(answer.value)["version"] == version
    assert f"START RequestId: {answer.request_id} Version: {version}" in answer.log_events


def test_provisioned_environments_are_warm_at_their_first_invoke(make_function):
    function = make_function("print('init')\n" + ENVIRON)
    version = function.publish()
    function.client.put_provisioned_concurrency_config(
        FunctionName=function.name, Qualifier=version, ProvisionedConcurrentExecutions=1
    )
    Wait("provisioned concurrency", DEADLINE_S).until(
        lambda: (
            function.client.get_provisioned_concurrency_config(FunctionName=function.name, Qualifier=version)[
                "Status"
            ]
            == "READY"
        )
    )

    answer = function.invoke("AWS_LAMBDA_INITIALIZATION_TYPE", Qualifier=version)

    assert answer.value == "provisioned-concurrency"
    assert "init" not in answer.log_events
    # AWS shows the init's duration, and bills it with the provisioned concurrency, not with the invoke.
    assert answer.report.billed_duration_ms == pytest.approx(answer.report.duration_ms, abs=1.01)


def test_reserved_concurrency_throttles_what_is_beyond_it(make_function):
    function = make_function(SLOW)
    function.client.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=1)
    function.invoke(0)

    def refusal(seconds):
        try:
            function.invoke(seconds)
        except ClientError as error:
            return error.response["Error"]["Code"]
        return None

    with ThreadPoolExecutor(1) as pool:
        # It may be refused itself, by what looks for a refusal.
        busy = pool.submit(Wait("an invoke to be let in", DEADLINE_S).until, lambda: refusal(3) is None)
        code = Wait("an invoke to be refused", DEADLINE_S, interval_s=0.02).until(lambda: refusal(0))
        assert busy.result(DEADLINE_S)
    assert code == "TooManyRequestsException"
    assert function.invoke(0).value == "done"


def test_no_reserved_concurrency_at_all_refuses_every_invoke(make_function):
    function = make_function(STREAM)
    function.client.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=0)
    with pytest.raises(function.client.exceptions.TooManyRequestsException):
        function.invoke()


def test_an_event_is_accepted_at_once_and_run(make_function, invocations_since, test_started_ms):
    function = make_function("def handler(event, context): print('got', event)\n")
    accepted = function.invoke("an event", InvocationType="Event", LogType="None")
    assert (accepted.status, accepted.payload) == (202, b"")
    [invocation] = invocations_since(function.name, test_started_ms)
    assert "got an event" in invocation.lines


def test_an_event_that_fails_is_tried_three_times_in_all(make_function, invocations_since, test_started_ms):
    """After one and after two more minutes; this stack's LAMBDA_ASYNC_DELAY_SCALE makes it quicker."""
    function = make_function("def handler(event, context): raise ValueError('always')\n")
    accepted = function.invoke("an event", InvocationType="Event", LogType="None")
    tries = invocations_since(function.name, test_started_ms, count=3)
    assert len({invocation.request_id for invocation in tries}) == 1
    assert accepted.status == 202


def test_a_dry_run_runs_nothing(make_function, invocations_since, test_started_ms):
    function = make_function(STREAM)
    dry = function.invoke(InvocationType="DryRun", LogType="None")
    assert (dry.status, dry.payload) == (204, b"")
    function.invoke()
    assert len(invocations_since(function.name, test_started_ms)) == 1


def test_the_log_tail_is_its_last_4_kb(make_function):
    function = make_function("def handler(event, context):\n    for n in range(1000): print('line', n)\n")
    answer = function.invoke()
    assert len(answer.log.encode()) <= 4096
    assert "line 999\nEND RequestId: " in answer.log
    assert "line 0\n" not in answer.log
    assert function.invoke(LogType="None").log == ""


def test_the_json_log_format(make_function, invocations_since, test_started_ms, parse_report):
    code = "import logging\ndef handler(event, context): logging.getLogger().warning('low stock')\n"
    function = make_function(code, LoggingConfig={"LogFormat": "JSON"})
    events = [json.loads(line) for line in function.invoke().log_events]
    platform = [event["type"] for event in events if "type" in event]
    assert platform[-2:] == ["platform.start", "platform.report"]
    [record] = [event for event in events if event.get("level") == "WARNING"]
    assert record["message"] == "low stock"
    [invocation] = invocations_since(function.name, test_started_ms)
    assert invocation.is_cold
    assert record["requestId"] == invocation.request_id


def test_the_log_group_of_the_logging_config(make_function, lambda_stack, invocations_since, test_started_ms):
    logs = lambda_stack.target.client("logs")
    group = f"/orders/{os.urandom(4).hex()}"
    function = make_function(
        "def handler(event, context): return [context.log_group_name, context.log_stream_name]\n",
        LoggingConfig={"LogGroup": group},
    )
    seen_group, seen_stream = function.invoke().value
    [invocation] = invocations_since(function.name, test_started_ms, log_group=group)
    assert (seen_group, seen_stream) == (group, invocation.stream)
    assert logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{function.name}")["logGroups"] == []


def test_lines_have_the_times_at_which_they_were_printed(make_function, lambda_stack, test_started_ms):
    function = make_function(
        "import time\ndef handler(event, context):\n    print('a')\n    time.sleep(0.5)\n    print('b')\n"
    )
    function.invoke()
    logs = lambda_stack.target.client("logs")

    def times_ms():
        try:
            events = logs.filter_log_events(
                logGroupName=f"/aws/lambda/{function.name}", startTime=test_started_ms
            )
        except logs.exceptions.ResourceNotFoundException:  # the first lines are still on their way
            return None
        found = {event["message"].strip(): event["timestamp"] for event in events["events"]}
        return found if {"a", "b"} <= found.keys() else None

    found = Wait("two lines in the log", DEADLINE_S).until(lambda: times_ms() if function.name else None)
    assert 450 <= found["b"] - found["a"] <= 5_000


def test_the_client_context_reaches_the_handler(make_function):
    code = """
def handler(event, context):
    return [context.client_context.custom, context.client_context.client.app_title]
"""
    client_context = {"custom": {"register": "4"}, "client": {"app_title": "Kasse"}, "env": {}}
    encoded = base64.b64encode(json.dumps(client_context).encode()).decode()
    assert make_function(code).invoke(ClientContext=encoded).value == [{"register": "4"}, "Kasse"]


def test_the_context_is_the_functions(make_function):
    code = """
def handler(event, context):
    return {
        "name": context.function_name,
        "version": context.function_version,
        "arn": context.invoked_function_arn,
        "id": context.aws_request_id,
        "memory": context.memory_limit_in_mb,
        "remaining": context.get_remaining_time_in_millis(),
        "group": context.log_group_name,
    }
"""
    function = make_function(code, Timeout=7, MemorySize=1024)
    answer = function.invoke()
    value = answer.value
    assert 5_000 < value.pop("remaining") <= 7_000
    assert value == {
        "name": function.name,
        "version": "$LATEST",
        "arn": f"arn:aws:lambda:us-east-1:000000000000:function:{function.name}",
        "id": answer.report.request_id,
        "memory": "1024",
        "group": f"/aws/lambda/{function.name}",
    }


@pytest.mark.parametrize("update", ["code", "configuration"])
def test_an_update_retires_environments_after_their_invoke(make_function, update):
    function = make_function("VERSION = 'old'\n" + SLOW)
    function.invoke(0)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(function.invoke, 2)
        if update == "code":
            function.update_code(ANSWER.format("new"))
        else:
            function.configure(Environment={"Variables": {"NEW": "1"}})
        after = function.invoke(0)
        assert after.report.is_cold
        assert after.value == ("new" if update == "code" else "done")
        assert running.result(DEADLINE_S).value == "done"


def test_the_last_invokes_lines_survive_an_update(make_function, invocations_since, test_started_ms):
    function = make_function("def handler(event, context): print('the last line')\n")
    function.invoke()
    function.update_code(STREAM)
    [invocation, *_] = invocations_since(function.name, test_started_ms)
    assert "the last line" in invocation.lines


def test_hot_reloading_follows_the_hosts_folder(make_function, tmp_path):
    """LocalStack's bucket `hot-reload` stands for a folder of the host."""
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    module = tmp_path / "function.py"
    module.write_text(ANSWER.format("before"))
    function = make_function("", Code={"S3Bucket": "hot-reload", "S3Key": str(tmp_path)})
    assert function.invoke().value == "before"
    module.write_text(ANSWER.format("after the change"))
    assert function.invoke().value == "after the change"


def test_the_file_system_is_aws(make_function):
    code = """
import os, sys, resource

def writable(folder):
    try:
        open(os.path.join(folder, "probe"), "w").close()
    except OSError:
        return False
    return True

def handler(event, context):
    old = os.umask(0)
    tmp = os.statvfs("/tmp")
    return {
        "file": __file__,
        "cwd": os.getcwd(),
        "root": os.environ["LAMBDA_TASK_ROOT"],
        "writable": [folder for folder in ("/var/task", "/opt", "/tmp", "/var/runtime") if writable(folder)],
        "files": resource.getrlimit(resource.RLIMIT_NOFILE),
        "uid": os.getuid() != 0,
        "umask": old,
        "tmp_mb": tmp.f_blocks * tmp.f_frsize / 2**20,
        "emulator": any("localstack" in path for path in sys.path),
    }
"""
    function = make_function(code, EphemeralStorage={"Size": 600})
    seen = function.invoke().value
    if seen["root"] != "/var/task":
        pytest.skip("this machine's kernel allows no mount namespace")
    assert seen == {
        "file": "/var/task/function.py",
        "cwd": "/var/task",
        "root": "/var/task",
        "writable": ["/tmp"],
        "files": [1024, 1024],
        "uid": True,
        "umask": 0o022,
        "tmp_mb": 600,
        "emulator": False,
    }


def test_nothing_of_the_hosts_environment_reaches_a_function(make_function):
    function = make_function("import os\ndef handler(event, context): return dict(os.environ)\n")
    seen = function.invoke().value
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == function.name
    assert seen["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"
    assert (
        not {"HOME", "GATEWAY_LISTEN", "FILESYSTEM_ROOT", "LAMBDA_KEEPALIVE_MS", "VIRTUAL_ENV"} & seen.keys()
    )
    own = {name for name in seen if name.startswith(("AWS_", "LAMBDA_", "_"))}
    assert seen.keys() - own <= {
        *("LANG", "LC_CTYPE", "TZ", "PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "TMPDIR"),
        *("PWD", "SHLVL"),  # Lambda's own launcher is a shell script: they are seen on AWS as well.
    }


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_ACCESS_KEY_ID", "LAMBDA_TASK_ROOT"])
def test_reserved_variables_can_not_be_configured(make_function, name):
    function = make_function(ENVIRON)
    with pytest.raises(function.client.exceptions.InvalidParameterValueException) as refused:
        function.configure(Environment={"Variables": {name: "mine", "OTHER": "1"}})
    assert refused.value.response["Error"]["Message"] == (
        "Lambda was unable to configure your environment variables because the environment variables you "
        "have provided contains reserved keys that are currently not supported for modification. "
        f"Reserved keys used in this request: {name}"
    )
    with pytest.raises(function.client.exceptions.InvalidParameterValueException):
        make_function(ENVIRON, Environment={"Variables": {name: "mine"}})
    assert function.invoke("OTHER").value is None


def test_a_variables_name_begins_with_a_letter(make_function):
    """`_HANDLER` is reserved too, but AWS looks at the pattern of names first."""
    with pytest.raises(ClientError, match="Map keys must satisfy constraint") as refused:
        make_function(ENVIRON, Environment={"Variables": {"_HANDLER": "mine"}})
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_a_runtime_that_is_not_on_the_machine_is_refused(make_function):
    with pytest.raises(ClientError) as refused:
        make_function(STREAM, Runtime="python3.9")
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"
    assert "python3.13" in refused.value.response["Error"]["Message"]


def test_a_traced_functions_report_has_its_trace(make_function):
    function = make_function(STREAM, TracingConfig={"Mode": "Active"})
    answer = function.invoke()
    assert re.fullmatch(r"1-[0-9a-f]{8}-[0-9a-f]{24}", answer.report.xray_trace_id or "")
