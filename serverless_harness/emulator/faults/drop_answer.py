"""Closes the connection of a call that a fault marked, in the place of its answer."""

from collections.abc import Iterator

from botocore.exceptions import ConnectionClosedError
from localstack.aws.api import RequestContext
from rolo.response import Response

_MARK = "fault_drops_answer"


class DroppedConnectionError(ConnectionResetError, ConnectionClosedError):
    """Ends a connection without an answer.

    The gateway's server takes an OSError for a client that is gone; LocalStack's clients of itself, which
    have no socket, get what botocore raises where a server closes the connection.
    """

    def __init__(self) -> None:
        ConnectionClosedError.__init__(self, endpoint_url="dropped by a fault")


class DropAnswer:
    """A finalizer that drops the answer of a call that was marked for it."""

    def __call__(self, chain: object, context: RequestContext, response: Response) -> None:
        """Replace the answer, if the call was marked."""
        if context.get(_MARK):
            drop(response)


def mark(context: RequestContext) -> None:
    """Have a call's answer dropped once the call has been made."""
    setattr(context, _MARK, True)


def drop(response: Response) -> None:
    """Make the server close the connection at the answer's first byte: nothing of it has been sent then."""
    response.headers.pop("Content-Length", None)
    response.response = _dropped()


def _dropped() -> Iterator[bytes]:
    raise DroppedConnectionError
    yield b""
