"""Requests to a stack's own endpoints, which answer to its control token alone (`emulator.control`)."""

import contextlib
import os
import secrets
from pathlib import Path
from typing import Any

import httpx

from serverless_harness.errors import HarnessError, UserError
from serverless_harness.targets import LocalTarget
from serverless_harness.tls import verification

VARIABLE = "EMULATOR_CONTROL_TOKEN"
"""The token in the environment, of the stack that gets it and of who controls a stack that runs elsewhere."""

TOKEN_FILE = "control-token"
TIMEOUT_S = 30


class NotThereError(UserError):
    """The stack has nothing of the name that was asked for."""


def create_token(state_dir: Path) -> str:
    """Draw a token for a stack that is about to start; it is kept in its folder, for its owner to read."""
    token = secrets.token_urlsafe(32)
    file = state_dir / TOKEN_FILE
    file.touch(mode=0o600)
    file.write_text(token)
    return token


def find_token(target: LocalTarget, renew: bool = False) -> str:
    """Give the token of the stack at `target`; raises UserError where it isn't known.

    With `renew`, a place that tells its token is asked again.
    """
    with contextlib.suppress(FileNotFoundError):
        return (target.state_dir / TOKEN_FILE).read_text()
    if token := target.control_token(renew) or os.environ.get(VARIABLE):
        return token
    raise UserError(
        f"the control token of {target.name} is not known: start that stack with {VARIABLE}=<any secret> "
        "in its environment, and set the same value here"
    )


def control(
    target: LocalTarget,
    method: str,
    path: str,
    json: object = None,
    content: bytes | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Any:  # noqa: ANN401 (any JSON)
    """Send a request to a control endpoint, such as `GET /_emulator/iam`; gives the answer's JSON.

    Raises UserError where the stack refuses the token, HarnessError where it doesn't answer or can't.
    """
    answer = ask(target, method, path, json, content, timeout_s)
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise NotThereError(_message(answer))
    if answer.status_code == httpx.codes.BAD_REQUEST:
        raise UserError(_message(answer))
    if not answer.is_success:
        raise HarnessError(f"{target.name} answers {method} {path} with {answer.status_code}: {answer.text}")
    return answer.json() if answer.content else None


def ask(
    target: LocalTarget,
    method: str,
    path: str,
    json: object = None,
    content: bytes | None = None,
    timeout_s: float = TIMEOUT_S,
) -> httpx.Response:
    """Send a request to a control endpoint; gives whatever it answers, unless it refuses the token.

    Raises UserError where it does, HarnessError where it doesn't answer.
    """

    def send(token: str) -> httpx.Response:
        headers = {"Accept": "application/json", "Authorization": f"Bearer {token}"}
        try:
            return httpx.request(
                method,
                f"{target.endpoint_url}{path}",
                headers=headers,
                json=json,
                content=content,
                timeout=timeout_s,
                trust_env=False,
                verify=verification(target.endpoint_url),
            )
        except httpx.HTTPError as error:
            raise HarnessError(f"{target.name} does not answer {method} {path}: {error}") from None

    token = find_token(target)
    answer = send(token)
    if answer.status_code == httpx.codes.FORBIDDEN and (new := find_token(target, renew=True)) != token:
        answer = send(new)
    if answer.status_code == httpx.codes.FORBIDDEN:
        raise UserError(
            f"{target.name} rejects this control token: set {VARIABLE} to the token that it was started with"
        )
    return answer


def _message(answer: httpx.Response) -> str:
    """Give what the stack says is wrong."""
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        if answer.status_code != httpx.codes.NOT_FOUND:
            return f"{answer.request.url} answers {answer.status_code}: {answer.text}"
        return f"there is no {answer.request.url}: LocalStack runs there without this project's plugins"
