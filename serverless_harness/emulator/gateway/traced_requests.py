"""Each request begins a span and ends it: one from outside a trace, others in that of whoever sends them.

Who sends it is known by the parameters of LocalStack's calls to itself, and for functions by their network or
their session's access key; what they write into headers decides nothing. A trace's id is the one that came
with the request in `X-Amzn-Trace-Id`, if there was one.
"""

import re
from typing import Any

from localstack.aws.api import RequestContext
from localstack.http import Response
from localstack.utils.aws.request_context import extract_access_key_id_from_auth_header

from serverless_harness.emulator.gateway.wsgi_environ import CALLER, FunctionCaller
from serverless_harness.emulator.tracing import resources, spans
from serverless_harness.emulator.tracing.environments import ENVIRONMENTS
from serverless_harness.emulator.tracing.span import Span
from serverless_harness.emulator.tracing.store import TRACES

HEADER = "X-Amzn-Trace-Id"
_SPAN = "span"
_ROOT = re.compile(r"(?:^|;)\s*Root=(1-[0-9a-f]{8}-[0-9a-f]{24})(?:;|$)")
_ATTEMPT = re.compile(r"(?:^|; )attempt=(\d{1,3})(?:;|$)")
_FIRST_ATTEMPT = "attempt=1;"
_API_PATH = re.compile(r"/_aws/execute-api/([^/]+)/([^/]*)(.*)|/restapis/([^/]+)/([^/]+)/_user_request_(.*)")
_API_HOST = re.compile(r"([^.]+)\.execute-api\.")
_URL_PATH = re.compile(r"/_aws/lambda-url/([^/]+)(.*)")
_URL_HOST = re.compile(r"([^.]+)\.lambda-url\.")
_READS = re.compile(r"(BatchGet|Describe|Filter|Get|Head|List|Query|Receive|Scan|Select|Test)")
_STARTS = frozenset({"Invoke", "PutEvents", "Publish", "SendMessage", "StartExecution"})
"""Calls with which LocalStack begins something of its own accord: a schedule, or what a queue holds."""


class BeginSpan:
    """A request handler that begins the span of a request, before anything is done for it."""

    def __call__(self, chain: object, context: RequestContext, response: object) -> None:
        """Begin one, but for requests to the emulator's own endpoints, and calls that nothing has caused."""
        spans.enter(None)
        if context.internal_request_params is not None:
            if cause := spans.cause_of(context.internal_request_params):
                _enter(context, Span(cause.trace_id, cause.span_id, "call", "", ""))
            return
        request = context.request
        place = _place(request.path, request.host)
        if place is None:
            return
        service, path, resource = place
        sender = _sender(context)
        trace_id = sender.trace_id if sender else _incoming(request.headers.get(HEADER))
        span = Span(trace_id, None, "request", service, f"{request.method} {path}"[:200], resource)
        if sender:
            span.parent_id = sender.span_id
            span.kind = "request" if service else "call"
        tries = request.headers.get("amz-sdk-request", _FIRST_ATTEMPT)
        if not tries.startswith(_FIRST_ATTEMPT) and (attempt := _ATTEMPT.search(tries)):
            span.attempt = int(attempt[1])
        _enter(context, span)


class NameSpan:
    """A request handler that names the call once it is parsed, and has its trace go on from there."""

    def __call__(self, chain: object, context: RequestContext, response: object) -> None:
        """Name it, and put its id where an invoke and what follows from it finds it."""
        if context.service is None or context.operation is None:
            return
        span: Span | None = context.get(_SPAN)
        name = context.operation.name
        if span is None:
            if context.internal_request_params is None or name not in _STARTS:
                return
            span = Span(spans.new_trace_id(), None, "request", "", "")
            _enter(context, span)
        span.service, span.name = context.service.service_name, name
        if HEADER not in context.request.headers:
            context.trace_context["aws_trace_header"] = spans.trace_header(None)
        context.trace_context.update(spans.link_parameters())


class EndSpan:
    """A finalizer that ends the span of a request, whatever became of it."""

    def __call__(self, chain: object, context: RequestContext, response: Response) -> None:
        """Note the answer's status and error, and what the call was about."""
        span: Span | None = context.get(_SPAN)
        if span is None:
            return
        spans.enter(None)
        span.request_id = response.headers.get("x-amzn-requestid") or context.request_id
        is_call = context.operation is not None
        if is_call:
            span.resource = resources.name_of(context)
            span.text = resources.text_of(context)
            _note_messages(context, span)
        spans.end(span, str(response.status_code), _error(context, response))
        if is_call and span.parent_id is None and span.error is None and _READS.match(span.name):
            TRACES.forget_single(span.trace_id)


def _enter(context: RequestContext, span: Span) -> None:
    TRACES.begin(span)
    setattr(context, _SPAN, span)
    spans.enter(span)


def _place(path: str, host: str) -> tuple[str, str, str] | None:
    """Return the service that serves a request, its path there, and where that is; None: not traced.

    A call to a service is known later; until then its service is empty.
    """
    if api := _API_PATH.match(path):
        api_id, stage, rest, *deprecated = api.groups()
        api_id, stage, rest = (api_id, stage, rest) if api_id else deprecated
        return "apigateway", rest or "/", f"{api_id}/{stage}"
    if url := _URL_PATH.match(path):
        return "lambda", url[2] or "/", url[1]
    if path.startswith(("/_", "//")):
        return None
    if api := _API_HOST.match(host):
        _, _, stage_and_rest = path.partition("/")
        stage, _, rest = stage_and_rest.partition("/")
        return "apigateway", f"/{rest}", f"{api[1]}/{stage}"
    if url := _URL_HOST.match(host):
        return "lambda", path, url[1]
    return "", path, ""


def _sender(context: RequestContext) -> Span | None:
    """Return what the function's environment does that sends a request."""
    request = context.request
    caller = request.environ.get(CALLER)
    if isinstance(caller, FunctionCaller):
        activity = ENVIRONMENTS.get(caller.environment_id)
    else:
        headers: Any = request.headers
        activity = ENVIRONMENTS.get(str(extract_access_key_id_from_auth_header(headers)))
    return activity.span if activity else None


def _incoming(header: str | None) -> str:
    """Return the trace id of a request from outside."""
    found = _ROOT.search(header) if header else None
    return found[1] if found else spans.new_trace_id()


def _error(context: RequestContext, response: Response) -> str | None:
    if error := context.service_exception:
        return f"{error.code}: {error.message}"
    return f"HTTP status {response.status_code}" if response.status_code >= 400 else None


def _note_messages(context: RequestContext, span: Span) -> None:
    """Note who sent the messages of a queue: they name nobody when they are received."""
    if span.service != "sqs" or not span.name.startswith("SendMessage"):
        return
    answer: Any = context.service_response or {}
    for message in (answer, *(answer.get("Successful") or ())):
        if message_id := message.get("MessageId"):
            TRACES.note_message(message_id, span.link)
