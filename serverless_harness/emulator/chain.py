"""The handlers that this project adds to LocalStack's gateway, in the order in which they run; its routes.

LocalStack lists its own handlers in `localstack.aws.app.LocalstackAwsGateway`. Each of ours runs right before
the one of LocalStack's that its line names, so the two lists together are the whole way of a request.
A handler is a callable that takes the chain, the request's context and the response.
"""

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from localstack import config
from localstack.aws import handlers
from localstack.aws.handlers.metric_handler import MetricHandler
from localstack.http import Resource, Router
from rolo.gateway import Gateway

from serverless_harness.emulator import authorization, settings
from serverless_harness.emulator.clock import clock
from serverless_harness.emulator.clock import routes as clock_routes
from serverless_harness.emulator.control import ControlGuard, take_token
from serverless_harness.emulator.coverage.handler import SayWhatIsNotEmulated
from serverless_harness.emulator.debugger import routes as debugger_routes
from serverless_harness.emulator.debugger.registry import DEBUGGER
from serverless_harness.emulator.delivery.delayed_calls import shared_delayed_calls
from serverless_harness.emulator.delivery.function_waits import FUNCTION_WAITS
from serverless_harness.emulator.delivery.in_hand import IN_HAND
from serverless_harness.emulator.faults import routes as fault_routes
from serverless_harness.emulator.faults.drop_answer import DropAnswer
from serverless_harness.emulator.faults.registry import REGISTRY
from serverless_harness.emulator.faults.strike_call import StrikeCall
from serverless_harness.emulator.first_uses import FirstUses
from serverless_harness.emulator.gateway.allowed_hosts import HostGuard
from serverless_harness.emulator.gateway.allowed_origins import EndOfPublicRoutes, OriginGuard
from serverless_harness.emulator.gateway.query_signatures import TakeSignatureFromQuery
from serverless_harness.emulator.gateway.traced_requests import BeginSpan, EndSpan, NameSpan
from serverless_harness.emulator.iam import routes as iam_routes
from serverless_harness.emulator.iam.decision_point import DecisionPoint
from serverless_harness.emulator.iam.decision_records import DecisionLog
from serverless_harness.emulator.iam.enforcement import IamEnforcer
from serverless_harness.emulator.iam.errands import Errands
from serverless_harness.emulator.iam.mode import mode_from_environment
from serverless_harness.emulator.iam.session_policies import KeepSessionPolicies
from serverless_harness.emulator.lambda_executor import invocation_times
from serverless_harness.emulator.lambda_service import environment_routes, layer_routes
from serverless_harness.emulator.patches import (
    emulator_clock,
    moto_gaps,
    service_availability,
    service_principals,
)
from serverless_harness.emulator.snapshots import reset_routes
from serverless_harness.emulator.snapshots import routes as snapshot_routes
from serverless_harness.emulator.snapshots.checkpoints import Checkpoints
from serverless_harness.emulator.snapshots.gate import Gate
from serverless_harness.emulator.snapshots.gate_handlers import EnterGate, LeaveGate
from serverless_harness.emulator.snapshots.own_folder import OwnFolder
from serverless_harness.emulator.tracing import routes as trace_routes
from serverless_harness.emulator.tracing.store import TRACES

type Handler = Callable[[Any, Any, Any], None]


@dataclass(frozen=True)
class Parts:
    """What handlers and routes share."""

    control_token: str
    gate: Gate
    decision_point: DecisionPoint
    first_uses: FirstUses
    is_traced: bool
    checkpoints: Checkpoints


@dataclass(frozen=True)
class Step:
    """A handler, and the one of LocalStack's before which it runs; None: it runs last."""

    handler: Handler
    before: Handler | None


def request_handlers(parts: Parts) -> list[Step]:
    """Return what runs before a service."""
    return [
        # First of all: nothing is done for a name that isn't ours.
        Step(HostGuard(), before=handlers.add_internal_request_params),
        # Before all others, but once the mark of LocalStack's own calls is verified, which it lets through.
        Step(EnterGate(parts.gate), before=handlers.handle_runtime_shutdown),
        # Before all that a request leads to, but once the gate has let it in.
        *([Step(BeginSpan(), before=handlers.handle_runtime_shutdown)] if parts.is_traced else []),
        # Before anything is served that AWS doesn't have: LocalStack's own resources, and routes.
        Step(ControlGuard(parts.control_token), before=handlers.preprocess_request),
        # Once S3 has looked at the CORS rules of the bucket; before anything is served.
        Step(OriginGuard(), before=handlers.enforce_cors),
        # After all routes, before what they leave is taken for a service's.
        Step(EndOfPublicRoutes(), before=handlers.parse_service_name),
        # Before LocalStack tells by the signature which service is meant, and signs what isn't signed.
        Step(TakeSignatureFromQuery(), before=handlers.parse_service_name),
        # Once a call is parsed; before what a fault or a denial adds to it.
        *(
            [Step(NameSpan(), before=handlers.serve_custom_service_request_handlers)]
            if parts.is_traced
            else []
        ),
        # Once a call is parsed; before IAM, so that what a fault refuses is no use of a permission.
        Step(StrikeCall(REGISTRY), before=handlers.serve_custom_service_request_handlers),
        # Last, before anything of a service is loaded or runs, S3's answers to CORS requests among it.
        Step(IamEnforcer(parts.decision_point), before=handlers.serve_custom_service_request_handlers),
        # What a caller may do, but the emulator can't.
        Step(SayWhatIsNotEmulated(parts.first_uses), before=handlers.serve_custom_service_request_handlers),
    ]


def response_handlers() -> list[Step]:
    """Return what runs after a service, or after the handler or error that ended a request."""
    return [
        # Once the service's answer, which may be moto's, is parsed.
        Step(KeepSessionPolicies(), before=handlers.run_custom_response_handlers),
    ]


def finalizers(parts: Parts) -> list[Step]:
    """Return what runs at the end of every request, whatever became of it."""
    return [
        *([Step(EndSpan(), before=None)] if parts.is_traced else []),
        # After all that writes to the response: its body is replaced.
        Step(DropAnswer(), before=None),
        # Last of all: then nothing of the request is under way.
        Step(LeaveGate(parts.gate), before=None),
    ]


def routes(parts: Parts) -> dict[str, object]:
    """Return what is served under `/_emulator`, by path: objects with `on_get`, `on_put` and so on."""
    snapshots = snapshot_routes.SnapshotResource(parts.gate, parts.first_uses, settings.awaits_state())
    faults, layers = fault_routes.FaultsResource(REGISTRY), layer_routes.LayersResource()
    traces = trace_routes.TracesResource(
        TRACES,
        "" if parts.is_traced else f"this stack records no traces: {settings.TRACING_VARIABLE} is off",
    )
    debugger = debugger_routes.DebuggerResource(DEBUGGER)
    return {
        clock_routes.PATH: clock_routes.ClockResource(clock),
        debugger_routes.PATH: debugger,
        f"{debugger_routes.PATH}/<function_name>": debugger,
        fault_routes.PATH: faults,
        f"{fault_routes.PATH}/<fault_id>": faults,
        invocation_times.PATH: invocation_times.InvocationsResource(invocation_times.LATEST),
        environment_routes.PATH: environment_routes.EnvironmentsResource(),
        iam_routes.PATH: iam_routes.DecisionsResource(parts.decision_point),
        layer_routes.PATH: layers,
        f"{layer_routes.PATH}/<arn>": layers,
        trace_routes.PATH: traces,
        f"{trace_routes.PATH}/<any_id>": traces,
        reset_routes.PATH: reset_routes.ResetResource(snapshots, REGISTRY),
        snapshot_routes.PATH: snapshots,
        snapshot_routes.CHECKPOINTS_PATH: snapshot_routes.CheckpointsResource(parts.checkpoints),
    }


def install(gateway: Gateway, router: Router[Any], environment: MutableMapping[str, str]) -> None:
    """Put all handlers and routes in place. Called once, when LocalStack starts.

    Raises:
        InvalidSettingError: IAM_ENFORCEMENT, EMULATOR_TRACING, STATE_CHECKPOINT_SECONDS or STATE_FOLDER
            holds what it can't.
        OwnFolderError: The state that is kept in STATE_FOLDER can't be loaded.
        LookupError: A handler of LocalStack's that a step names isn't in its list.
    """
    mode = mode_from_environment(environment)
    decision_point = DecisionPoint(mode, DecisionLog())
    authorization.use(Errands(decision_point))
    first_uses = FirstUses(
        {"cloudformation": service_availability.apply_to_cloudformation},
        moto_gaps.FIRST_USES,
        service_principals.FIRST_USES,
        emulator_clock.FIRST_USES,
    )
    gate = Gate(IN_HAND, shared_delayed_calls(), FUNCTION_WAITS)
    checkpoints = Checkpoints(gate, settings.checkpoint_interval_s())
    parts = Parts(
        take_token(environment),
        gate,
        decision_point,
        first_uses,
        settings.traces_requests(),
        checkpoints,
    )
    if not config.is_collect_metrics_mode():
        for present in (gateway.request_handlers, gateway.response_handlers):
            # They would look that setting of LocalStack's own tests up three times a request.
            present[:] = [each for each in present if not isinstance(_owner(each), MetricHandler)]
    _place(gateway.request_handlers, request_handlers(parts))
    _place(gateway.response_handlers, response_handlers())
    _place(gateway.finalizers, finalizers(parts))
    for path, resource in routes(parts).items():
        router.add(Resource(path, resource))
    if folder := settings.state_folder():
        OwnFolder(folder, config.GATEWAY_LISTEN[0].port, gate, first_uses, checkpoints).open()


def _owner(handler: Any) -> object:  # noqa: ANN401
    return getattr(handler, "__self__", None)


def _place(present: list[Any], steps: list[Step]) -> None:
    for step in steps:
        if step.before is None:
            present.append(step.handler)
        elif step.before in present:
            present.insert(present.index(step.before), step.handler)
        else:
            name = type(step.before).__name__
            raise LookupError(f"LocalStack's gateway has no {name}, before which a handler is to run")
