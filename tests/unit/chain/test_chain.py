"""Our handlers stand in LocalStack's gateway where the list says, and everything is served that it names."""

import os

import pytest
from localstack.aws import handlers
from localstack.aws.app import LocalstackAwsGateway
from localstack.aws.chain import HandlerChain
from localstack.http import Request, Response, Router
from localstack.http.dispatcher import handler_dispatcher
from rolo.gateway import RequestContext
from werkzeug.exceptions import NotFound

from serverless_harness.emulator import authorization, chain
from serverless_harness.emulator.control import VARIABLE, ControlGuard
from serverless_harness.emulator.coverage.handler import SayWhatIsNotEmulated
from serverless_harness.emulator.faults.drop_answer import DropAnswer
from serverless_harness.emulator.faults.strike_call import StrikeCall
from serverless_harness.emulator.gateway.allowed_hosts import HostGuard
from serverless_harness.emulator.gateway.allowed_origins import EndOfPublicRoutes, OriginGuard
from serverless_harness.emulator.gateway.traced_requests import BeginSpan, EndSpan, NameSpan
from serverless_harness.emulator.iam.enforcement import IamEnforcer
from serverless_harness.emulator.iam.session_policies import KeepSessionPolicies
from serverless_harness.emulator.settings import InvalidSettingError
from serverless_harness.emulator.snapshots.gate_handlers import EnterGate, LeaveGate


@pytest.fixture(autouse=True)
def no_errands(monkeypatch):
    """Leave this process without enforcement afterwards."""
    monkeypatch.setattr(authorization, "_current", [])


@pytest.fixture
def router():
    return Router(dispatcher=handler_dispatcher())


@pytest.fixture
def gateway(router):
    gateway = LocalstackAwsGateway()
    chain.install(gateway, router, {VARIABLE: "secret"})
    return gateway


def position(present, wanted):
    """Where a handler stands, by itself or by its class."""
    [index] = [
        index
        for index, handler in enumerate(present)
        if handler is wanted or (isinstance(wanted, type) and isinstance(handler, wanted))
    ]
    return index


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (HostGuard, handlers.add_internal_request_params),
        (handlers.preprocess_request, OriginGuard),
        (OriginGuard, handlers.serve_localstack_resources),
        (handlers.serve_edge_router_rules, EndOfPublicRoutes),
        (EndOfPublicRoutes, handlers.parse_service_name),
        (handlers.add_internal_request_params, EnterGate),
        (EnterGate, BeginSpan),
        (BeginSpan, ControlGuard),
        (handlers.parse_trace_context, NameSpan),
        (handlers.parse_service_request, NameSpan),
        (NameSpan, StrikeCall),
        (ControlGuard, handlers.serve_localstack_resources),
        (ControlGuard, handlers.serve_edge_router_rules),
        (handlers.parse_service_request, StrikeCall),
        (handlers.add_account_id, StrikeCall),
        (StrikeCall, IamEnforcer),
        (IamEnforcer, SayWhatIsNotEmulated),
        (SayWhatIsNotEmulated, handlers.serve_custom_service_request_handlers),
    ],
)
def test_request_handlers_run_in_this_order(gateway, first, second):
    present = gateway.request_handlers
    assert position(present, first) < position(present, second)


def test_iam_decides_before_the_service_is_loaded_and_answers(gateway):
    present = gateway.request_handlers
    assert position(present, IamEnforcer) < position(present, gateway.service_request_router)


def test_sessions_policies_are_kept_once_the_answer_is_parsed(gateway):
    present = gateway.response_handlers
    assert position(present, handlers.parse_service_response) < position(present, KeepSessionPolicies)


def test_a_request_leaves_the_gate_last_of_all(gateway):
    assert [type(each) for each in gateway.finalizers[-3:]] == [EndSpan, DropAnswer, LeaveGate]


def test_nothing_is_traced_where_tracing_is_off(router, monkeypatch):
    monkeypatch.setenv("EMULATOR_TRACING", "off")
    gateway = LocalstackAwsGateway()
    chain.install(gateway, router, {})
    present = [*gateway.request_handlers, *gateway.finalizers]
    assert not [each for each in present if isinstance(each, BeginSpan | NameSpan | EndSpan)]


def test_whether_requests_are_traced_is_on_or_off(router, monkeypatch):
    monkeypatch.setenv("EMULATOR_TRACING", "yes")
    with pytest.raises(InvalidSettingError, match="EMULATOR_TRACING is 'yes': set it to one of on, off"):
        chain.install(LocalstackAwsGateway(), router, {})


def test_a_handler_that_localstack_no_longer_has_is_named(router):
    gateway = LocalstackAwsGateway()
    gateway.request_handlers.remove(handlers.preprocess_request)
    with pytest.raises(LookupError, match="no CompositeHandler"):
        chain.install(gateway, router, {})


@pytest.mark.parametrize(("token", "status_code"), [("secret", 200), ("other", 403)])
def test_the_token_that_is_asked_for_is_the_environments(gateway, token, status_code):
    guard = gateway.request_handlers[position(gateway.request_handlers, ControlGuard)]
    answering = HandlerChain(request_handlers=[guard, lambda chain, *_: chain.respond(200)])
    response = Response()
    request = Request("GET", "/_emulator/iam", headers={"Authorization": f"Bearer {token}"})
    answering.handle(RequestContext(request), response)
    assert response.status_code == status_code


@pytest.mark.parametrize(
    "path", ["iam", "faults", "faults/fault-1", "snapshot/state", "traces", "traces/1-2-3"]
)
def test_all_routes_are_served(gateway, router, path):
    urls = router.url_map.bind("localhost")
    assert urls.match(f"/_emulator/{path}", method="GET" if path != "faults/fault-1" else "DELETE")


def test_nothing_else_is(gateway, router):
    with pytest.raises(NotFound):
        router.url_map.bind("localhost").match("/_emulator/other")


def test_an_unknown_mode_of_iam_is_one_line_and_changes_nothing(router):
    gateway = LocalstackAwsGateway()
    before = list(gateway.request_handlers)
    with pytest.raises(
        InvalidSettingError, match="IAM_ENFORCEMENT=yes is not known: set it to off, soft or on"
    ):
        chain.install(gateway, router, {**os.environ, "IAM_ENFORCEMENT": "yes"})
    assert gateway.request_handlers == before
