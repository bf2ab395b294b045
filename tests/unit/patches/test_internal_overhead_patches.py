"""LocalStack's internal calls do less, and say the same."""

import re

import boto3
import pytest
from botocore.auth import AUTH_TYPE_MAPS, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from localstack.http import Request, Response, Router
from localstack.utils.aws.aws_stack import get_valid_regions_for_service
from localstack.utils.aws.request_context import extract_region_from_auth_header
from werkzeug.exceptions import MethodNotAllowed, NotFound

from serverless_harness.emulator.gateway import missing_routes, unsigned_calls
from serverless_harness.emulator.patches import service_regions

SCOPE = re.compile(r"AWS4-HMAC-SHA256 Credential=([^,]*), SignedHeaders=[^,]+, Signature=[0-9a-f]{64}")


@pytest.mark.parametrize("token", [None, "session"])
def test_scope_is_that_of_a_signature(token: str | None) -> None:
    credentials = ReadOnlyCredentials("LSIAQAAAAAAVNCBMPNSG", "secret", token)
    headers = []
    for auth in (unsigned_calls.ScopeOnlyAuth, SigV4Auth):
        request = AWSRequest(method="POST", url="http://127.0.0.1:4566/", data=b"x", headers={"Host": "h"})
        auth(credentials, "sns", "eu-central-1").add_auth(request)
        auth(credentials, "sns", "eu-central-1").add_auth(request)  # as when a request is retried
        headers.append(request.headers)
    ours, signed = headers
    assert SCOPE.fullmatch(ours["Authorization"])[1] == SCOPE.fullmatch(signed["Authorization"])[1]
    assert ours["X-Amz-Security-Token"] == signed["X-Amz-Security-Token"] == token
    assert re.fullmatch(r"\d{8}T\d{6}Z", ours["X-Amz-Date"])
    assert ours.get_all("Authorization") == [ours["Authorization"]]
    assert extract_region_from_auth_header(ours) == "eu-central-1"


@pytest.mark.parametrize(
    ("version", "chosen"), [("v4", "scope-only"), ("s3v4", None), ("v4-query", None), ("s3v4-query", None)]
)
def test_only_the_common_signature_is_left_out(version: str, chosen: str | None) -> None:
    assert unsigned_calls.choose_signer(signature_version=version) == chosen


@pytest.mark.parametrize(("own", "signed"), [(True, False), (False, True)])
def test_only_clients_of_localstack_itself_send_no_signature(
    monkeypatch: pytest.MonkeyPatch, own: bool, signed: bool
) -> None:
    endpoint = "http://127.0.0.1:4566"
    monkeypatch.setattr(
        unsigned_calls.connect, "get_service_endpoint", lambda: endpoint if own else "http://other"
    )
    monkeypatch.setitem(AUTH_TYPE_MAPS, "scope-only", unsigned_calls.ScopeOnlyAuth)
    client = boto3.client(
        "sns",
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id="a",
        aws_secret_access_key="s",
    )
    unsigned_calls.leave_unsigned(client)
    sent = []

    def stop(request: object, **_: object) -> None:
        sent.append(request)
        raise InterruptedError

    client.meta.events.register("before-send.*.*", stop)
    with pytest.raises(InterruptedError):
        client.list_topics()
    authorization = sent[0].headers["Authorization"].decode()
    assert authorization.endswith("0" * 64) is not signed


class TestEdgeRoutes:
    @pytest.fixture
    def router(self):
        return Router()

    @pytest.fixture
    def dispatch(self, router):
        def dispatch(path: str, host: str = "127.0.0.1:4566", method: str = "POST") -> str:
            request = Request(method, path, headers={"Host": host})
            return missing_routes.dispatch(Router.dispatch, router, request).get_data(as_text=True)

        return dispatch

    def test_a_miss_is_searched_for_once(self, router, dispatch, monkeypatch) -> None:
        searched = []
        monkeypatch.setattr(router, "dispatcher", None)
        monkeypatch.setattr(
            missing_routes, "_has_route", lambda _routes, target: bool(searched.append(target))
        )
        for _ in range(3):
            with pytest.raises(NotFound):
                dispatch("/")
        assert searched == [("127.0.0.1:4566", "/", "POST")]

    def test_a_route_that_is_added_later_is_found_and_one_that_is_removed_isnt(
        self, router, dispatch
    ) -> None:
        with pytest.raises(NotFound):
            dispatch("/shop")
        rule = router.add("/shop", lambda *_: Response("booked"))
        assert dispatch("/shop") == "booked"
        router.remove(rule)
        with pytest.raises(NotFound):
            dispatch("/shop")

    @pytest.mark.parametrize("other", [{"host": "shop.local"}, {"method": "PUT"}, {"path": "/shop/1"}])
    def test_a_miss_is_of_its_host_path_and_method_alone(self, router, dispatch, other) -> None:
        router.add("/shop", lambda *_: Response("of the host"), host="shop.local", methods=["POST", "PUT"])
        router.add("/shop", lambda *_: Response("put"), methods=["PUT"])
        router.add("/shop/1", lambda *_: Response("deeper"))
        with pytest.raises((NotFound, MethodNotAllowed)):
            dispatch("/shop")
        assert dispatch(**{"path": "/shop", **other})

    def test_an_endpoint_that_finds_nothing_is_asked_again(self, router, dispatch) -> None:
        answers = [NotFound(), Response("there now")]

        def endpoint(*_: object) -> Response:
            answer = answers.pop(0)
            if isinstance(answer, NotFound):
                raise answer
            return answer

        router.add("/thing", endpoint)
        with pytest.raises(NotFound):
            dispatch("/thing")
        assert dispatch("/thing") == "there now"


@pytest.mark.parametrize("service", ["sqs", "iam", "lambda", "apigateway", "sts", "no-such-service"])
def test_regions_of_a_service_are_those_of_a_session_of_its_own(service: str) -> None:
    assert service_regions.valid_regions_for_service(service) == get_valid_regions_for_service(service)
    assert service_regions._session().get_available_partitions() == boto3.Session().get_available_partitions()
    assert service_regions._session().get_available_regions(service, partition_name="aws-cn") == (
        boto3.Session().get_available_regions(service, partition_name="aws-cn")
    )
