"""The console as a WSGI application: which address is which page, and how each request is answered."""

import logging
import mimetypes
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
)
from botocore.exceptions import (
    ConnectionError as BotoConnectionError,
)
from werkzeug import Request, Response
from werkzeug.exceptions import Forbidden, HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.utils import redirect

from serverless_harness.console.access import HEADERS, Access
from serverless_harness.console.data_pages import DataPages
from serverless_harness.console.fault_pages import FaultPages
from serverless_harness.console.function_pages import FunctionPages
from serverless_harness.console.letter_pages import LetterPages
from serverless_harness.console.log_pages import LogPages
from serverless_harness.console.overview import Overview
from serverless_harness.console.source import Source, StackGoneError, message_of
from serverless_harness.console.trace_pages import TracePages
from serverless_harness.console.view import FOLDER, View, environment
from serverless_harness.errors import HarnessError, UserError
from serverless_harness.stack.control import NotThereError

LOG = logging.getLogger(__name__)

MAX_FORM_BYTES = 7_000_000
"""A synchronous invoke's payload may have 6 MB (Lambda quotas)."""
STATIC = {"console.css", "console.js", "icon.svg"}
ANCHORS = {"test": "#test", "debug": "#debugger-title", "end-debugging": "#debugger-title"}
"""Where on its page an action's outcome is shown; of others, and of failures, it is at the top."""
NAVIGATION = (
    ("", "Overview"),
    ("logs", "Logs"),
    ("traces", "Traces"),
    ("dead-letters", "Dead letters"),
    ("faults", "Faults"),
    ("data", "Data"),
)


class Console:
    """The application; `access` tells who may use it."""

    def __init__(self, source: Source, access: Access) -> None:
        self.source, self.access = source, access
        overview = Overview(source)
        functions, letters, faults = FunctionPages(source, overview), LetterPages(source), FaultPages(source)
        logs, traces, data = LogPages(source), TracePages(source), DataPages(source)
        function = "/functions/<region>/<name>"
        self._pages: dict[str, Callable[..., View]] = {
            "/": overview.page,
            function: functions.page,
            "/logs": logs.groups,
            "/logs/group": logs.group,
            "/logs/invocation": logs.invocation,
            "/traces": traces.list,
            "/traces/<trace_id>": traces.one,
            "/dead-letters": letters.page,
            "/faults": faults.page,
            "/data": data.page,
            "/data/table/<region>/<name>": data.table,
            "/data/queue": data.queue,
            "/data/topic": data.topic,
        }
        self._actions: dict[str, Callable[..., str]] = {
            f"{function}/configuration": functions.configure,
            f"{function}/test": functions.test,
            f"{function}/debug": functions.debugger.start,
            f"{function}/end-debugging": functions.debugger.end,
            "/dead-letters/redrive": letters.redrive,
            "/dead-letters/purge": letters.purge,
            "/faults/add": faults.add,
            "/faults/clear": faults.clear,
        }
        self._map = Map(
            [
                *(Rule(f"{access.root}{path}", endpoint=path, methods=["GET"]) for path in self._pages),
                *(Rule(f"{access.root}{path}", endpoint=path, methods=["POST"]) for path in self._actions),
                Rule(f"{access.root}/static/<file>", endpoint="static", methods=["GET"]),
            ],
            strict_slashes=False,
            merge_slashes=False,
        )
        self._templates = environment()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        request = Request(environ)
        request.max_content_length = request.max_form_memory_size = MAX_FORM_BYTES
        answer = self._answer(request)
        answer.headers.update(HEADERS)
        return answer(environ, start_response)

    def _answer(self, request: Request) -> Response:
        try:
            if request.path == "/":
                return self.access.enter(request)
            self.access.check(request)
        except Forbidden as error:
            return Response(f"{error.description}\n", 403, content_type="text/plain; charset=utf-8")
        try:
            return self._serve(request)
        except HTTPException as error:
            return self._problem(request, str(error.description), error.code or 500)
        except Exception as error:  # noqa: BLE001 (what a project's own code raises is shown, not only logged)
            return self._problem(request, f"{type(error).__name__}: {error}", 500)

    def _serve(self, request: Request) -> Response:
        endpoint, arguments = self._map.bind_to_environ(request.environ).match()
        if endpoint == "static":
            return _static(arguments["file"])
        if endpoint in self._pages:
            return self._page(request, self._pages[endpoint], arguments)
        return self._act(request, endpoint, arguments)

    def _page(self, request: Request, page: Callable[..., View], arguments: Mapping[str, Any]) -> Response:
        try:
            self.source.info()
            return self._render(request, page(request, **arguments))
        except (StackGoneError, BotoConnectionError, HTTPClientError) as error:
            return self._problem(request, message_of(error), 503)
        except UserError as error:
            return self._problem(request, message_of(error), 404 if isinstance(error, NotThereError) else 400)
        except ClientError as error:
            status = 404 if "NotFound" in message_of(error) or "NonExistent" in message_of(error) else 502
            return self._problem(request, message_of(error), status)
        except (HarnessError, BotoCoreError) as error:
            return self._problem(request, message_of(error), 502)

    def _act(self, request: Request, endpoint: str, arguments: Mapping[str, Any]) -> Response:
        """Do what a form asks for, and lead back to its page, which shows what became of it."""
        page = self._map.bind_to_environ(request.environ)
        path, _, action = endpoint.rpartition("/")
        anchor = ANCHORS.get(action, "")
        query: dict[str, str] = {}
        try:
            if self.source.is_read_only:
                raise UserError("the console changes nothing on AWS: use AWS's own console")
            said = self._actions[endpoint](request, **arguments)
            query = {"run": said} if action == "test" else {"said": self.source.keep(("done", said))}
        except HTTPException:
            raise
        except Exception as error:
            if not isinstance(error, HarnessError | ClientError | BotoCoreError):
                LOG.exception("%s failed", endpoint)  # A project's own code, or the console's.
            query, anchor = {"said": self.source.keep(("failed", message_of(error)))}, ""
        return redirect(page.build(path, {**arguments, **query}) + anchor, 303)

    def _render(self, request: Request, view: View) -> Response:
        root = self.access.root
        html = self._templates.get_template(f"{view.template}.html.j2").render(
            **view.values,
            root=root,
            title=view.title,
            navigation=NAVIGATION,
            path=request.path.removeprefix(root).lstrip("/"),
            address=request.full_path.rstrip("?"),
            said=self.source.kept(request.args.get("said")),
            stack=self.source.target.name,
            read_only=self.source.is_read_only,
            project=self.source.project.folder.name,
        )
        return Response(html, view.status, content_type="text/html; charset=utf-8")

    def _problem(self, request: Request, message: str, status: int) -> Response:
        return self._render(
            request, View("problem", {"message": message, "status": status}, "Not here", status)
        )


def _static(file: str) -> Response:
    if file not in STATIC:
        return Response("", 404)
    content_type = mimetypes.guess_type(file)[0] or "application/octet-stream"
    return Response((FOLDER / "static" / file).read_bytes(), content_type=f"{content_type}; charset=utf-8")
