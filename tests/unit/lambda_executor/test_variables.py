"""Environment variables: AWS's, the function's own, nothing else."""

from function_versions import function_version

from serverless_harness.emulator.lambda_executor import variables

FROM_LOCALSTACK = {
    "AWS_ACCESS_KEY_ID": "LSIAQAAA",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "token",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/31/[$LATEST]abc",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
    "AWS_LAMBDA_FUNCTION_TIMEOUT": "3",
    "LOCALSTACK_HOSTNAME": "127.0.0.1",
    "LOCALSTACK_RUNTIME_ID": "abc",
    "EDGE_PORT": "4566",
}


def build(own=None, task_root="/var/task", **changes):
    version = function_version("/code", environment=own, **changes)
    return variables.build(version, own or {}, FROM_LOCALSTACK, task_root, "/aws/lambda/accept")


def test_are_awss_and_no_others():
    assert build() == {
        "_HANDLER": "function.handler",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_NAME": "accept",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/accept",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/31/[$LATEST]abc",
        "AWS_ACCESS_KEY_ID": "LSIAQAAA",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        "_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "LAMBDA_TASK_ROOT": "/var/task",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LANG": "en_US.UTF-8",
        "PWD": "/var/task",
        "SHLVL": "0",
        "TZ": ":UTC",
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    }


def test_nothing_of_the_emulators_environment(monkeypatch):
    before = build()
    for name in ("HTTPS_PROXY", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_PROFILE", "HOME", "PYTHONPATH"):
        monkeypatch.setenv(name, "host")
    assert build() == before


def test_own_ones_are_added_and_may_replace_defaults():
    got = build({"TABLE": "shops", "LANG": "C", "TZ": "Europe/Vienna", "AWS_ENDPOINT_URL": "http://other"})
    assert [got[name] for name in ("TABLE", "LANG", "TZ", "AWS_ENDPOINT_URL")] == [
        "shops", "C", "Europe/Vienna", "http://other",
    ]  # fmt: skip


def test_own_ones_never_replace_reserved_ones():
    names = ("_HANDLER", "AWS_REGION", "AWS_LAMBDA_FUNCTION_NAME", "LAMBDA_TASK_ROOT")
    reserved = dict.fromkeys(names, "mine")
    assert build(reserved) == build()


def test_json_log_format():
    got = build(logging_config={"LogFormat": "JSON", "ApplicationLogLevel": "WARN", "SystemLogLevel": "INFO"})
    assert (got["AWS_LAMBDA_LOG_FORMAT"], got["AWS_LAMBDA_LOG_LEVEL"]) == ("JSON", "WARN")
    assert "AWS_LAMBDA_LOG_FORMAT" not in build(logging_config={"LogFormat": "Text"})
