"""Who may use the console: the user's browser, and neither a function nor a page of another origin.

- The link that the command prints holds a token; it is exchanged for a cookie (HttpOnly, SameSite=Strict).
- A browser sends a host's cookies to all of its ports, so also to what a function serves on the stack's port.
  All of the console is therefore below a path that nobody else knows, and the cookie is for that path alone.
- A page of a name that was made to resolve to loopback (DNS rebinding) tells that name in `Host`.
- Nothing is changed by a GET, and a POST has to come from a page of the console's own: `Origin`.
"""

import hmac
import ipaddress
import secrets
from dataclasses import dataclass, field

from werkzeug import Request, Response
from werkzeug.exceptions import Forbidden
from werkzeug.utils import redirect

READING = ("GET", "HEAD")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
"""Of every answer: no inline code runs, and nothing is loaded from elsewhere, framed or cached."""
COOKIE = "serverless-harness-console"


@dataclass(frozen=True)
class Access:
    """The secrets of one console: new ones each time that it is started."""

    token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    folder: str = field(default_factory=lambda: secrets.token_hex(8), repr=False)
    session: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    @property
    def root(self) -> str:
        """The path below which all pages are."""
        return f"/{self.folder}"

    def link(self, port: int) -> str:
        """Give the link that opens the console."""
        return f"http://127.0.0.1:{port}/?token={self.token}"

    def enter(self, request: Request) -> Response:
        """Exchange the link's token for the cookie; raises Forbidden where it is another."""
        require_own_host(request)
        if request.method not in READING or not _same(request.args.get("token", ""), self.token):
            raise Forbidden("open the link that the command 'console' printed")
        answer = redirect(f"{self.root}/", 303)
        answer.set_cookie(COOKIE, self.session, path=self.root, httponly=True, samesite="Strict")
        return answer

    def check(self, request: Request) -> None:
        """Raise Forbidden unless the request comes from the user's browser, a POST from one of our pages."""
        require_own_host(request)
        if not _same(request.cookies.get(COOKIE, ""), self.session):
            raise Forbidden("open the link that the command 'console' printed")
        if request.method in READING:
            return
        if request.headers.get("Origin") != f"http://{request.host}":
            raise Forbidden("this action has to come from a page of the console")


def require_own_host(request: Request) -> None:
    """Raise Forbidden unless the request is for a name of loopback."""
    name = request.host.rpartition(":")[0] or request.host
    try:
        is_loopback = name == "localhost" or ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise Forbidden(f"the console does not answer to the host '{request.host[:100]}': use 127.0.0.1")


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
