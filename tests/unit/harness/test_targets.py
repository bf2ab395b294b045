"""Where clients and Terraform are led, whatever the caller's environment says of AWS."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer

import pytest
from botocore.exceptions import ClientError

from serverless_harness.deploy.deployment import Deployment
from serverless_harness.deploy.terraform import Terraform
from serverless_harness.deploy.terraform_installation import Installation
from serverless_harness.functions.invoke import INVOKE_CONFIG, invoke
from serverless_harness.stack.existing_endpoint import parse_endpoint
from serverless_harness.targets import DEPLOYMENT_FILE, AwsTarget, LocalTarget

ELSEWHERE = "http://127.0.0.1:9"


@pytest.fixture
def callers_aws(monkeypatch, tmp_path):
    """A caller whose variables and files point at an account, an endpoint and a region of their own."""
    config = tmp_path / "config"
    config.write_text(f"[profile work]\nregion = eu-west-1\nendpoint_url = {ELSEWHERE}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", ELSEWHERE)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOFTHECALLER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)


@pytest.fixture
def local(tmp_path):
    return LocalTarget("http://127.0.0.1:4700", tmp_path)


@pytest.mark.usefixtures("callers_aws")
@pytest.mark.parametrize("service", ["sts", "sqs"])
def test_aws_is_aws_whatever_endpoint_is_configured(service):
    target = AwsTarget("123456789012", "eu-central-1")
    assert target.client(service).meta.endpoint_url == f"https://{service}.eu-central-1.amazonaws.com"
    assert target.terraform_environ()["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] == "true"


@pytest.mark.usefixtures("callers_aws")
@pytest.mark.parametrize(
    ("name", "value"),
    [("AWS_PROFILE", "absent"), ("AWS_USE_FIPS_ENDPOINT", "true"), ("AWS_MAX_ATTEMPTS", "none")],
)
def test_a_local_target_knows_nothing_of_the_callers_aws(local, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    client = local.client("sqs")
    assert client.meta.endpoint_url == local.endpoint_url
    assert client.meta.region_name == "us-east-1"
    assert client._request_signer._credentials.access_key == "test"


@pytest.mark.usefixtures("callers_aws")
def test_terraform_on_a_local_target_knows_nothing_of_the_callers_aws(local, tmp_path):
    (tmp_path / ".terraform.lock.hcl").touch()
    callers = {"AWS_PROFILE": "work", "AWS_SESSION_TOKEN": "token", "AWS_CA_BUNDLE": "/ca.pem"}
    environ = Terraform(local, Installation("terraform", tmp_path, callers), {}).environ
    assert "AWS_PROFILE" not in environ
    assert "AWS_SESSION_TOKEN" not in environ
    assert environ["AWS_CA_BUNDLE"] == "/ca.pem"
    assert environ["AWS_CONFIG_FILE"] == environ["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"


def test_the_region_is_the_deployments_as_soon_as_there_is_one(local, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    assert local.region == "eu-central-1"
    assert local.client("sqs").meta.region_name == "eu-central-1"
    (local.state_dir / DEPLOYMENT_FILE).write_text(json.dumps({"region": "ap-south-1"}))
    assert local.region == "ap-south-1"
    assert local.client("sqs").meta.region_name == "ap-south-1"
    assert local.terraform_environ()["AWS_REGION"] == "ap-south-1"


@pytest.fixture
def server_that():
    """Call it with a status for the address of a server that always answers with it, and its requests."""
    servers = []

    def server_that(status):
        requests = []

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                requests.append(self.path)
                self.send_error(status)

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}", requests

    yield server_that
    for server in servers:
        server.shutdown()
        server.server_close()


def test_an_invoke_is_tried_once_and_waits_longer_than_a_function_may_run(server_that, tmp_path):
    url, requests = server_that(503)
    deployment = Deployment(LocalTarget(url, tmp_path), {}, ("shop-accept",))
    with pytest.raises(ClientError):
        invoke(deployment, "accept", {})
    assert len(requests) == 1
    assert INVOKE_CONFIG.read_timeout > 900


def test_an_endpoint_is_asked_without_the_callers_proxy(server_that, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", ELSEWHERE)
    url, requests = server_that(200)
    parse_endpoint(url).ensure_running()
    assert requests == ["/_localstack/health"]


def test_looking_again_and_again_takes_one_client_and_one_connection(tmp_path):
    connections = set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            connections.add(self.client_address)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        target = LocalTarget(f"http://127.0.0.1:{server.server_port}", tmp_path)
        for _ in range(3):
            target.client("dynamodb").list_tables()
        assert len(connections) == 1
        assert target.client("lambda", INVOKE_CONFIG) is not target.client("lambda")
        server.shutdown()
