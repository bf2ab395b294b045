"""What a fault is: which calls or invokes it strikes, how, how often, and until when."""

from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

DEFAULT_LIFETIME_S = 60.0
MAX_LIFETIME_S = 3600.0
MAX_DELAY_MS = 900_000
"""The longest timeout that a Lambda function can have (AWS quotas)."""


class FaultEffect(StrEnum):
    """What a fault does. The first six strike calls to AWS services, the others functions."""

    THROTTLE = "throttle"
    """The service's own throttling error."""
    SERVER_ERROR = "server-error"
    """The service's own error of status 500."""
    ACCESS_DENIED = "access-denied"
    """The service's own denial."""
    DELAY = "delay"
    """The call goes on after `delay_ms`."""
    DROP = "drop"
    """The connection is closed instead of an answer; the call is not made."""
    DROP_ANSWER = "drop-answer"
    """The call is made, and the connection closed instead of its answer."""
    KILL = "kill"
    """SIGKILL to the function's process, `delay_ms` after its init or invoke began."""
    HANG = "hang"
    """SIGSTOP to it, so that it reaches the timeout."""
    EXHAUST_MEMORY = "exhaust-memory"
    """The function's process, started anew for it, takes memory until it has more than it may."""


FUNCTION_EFFECTS = frozenset({FaultEffect.KILL, FaultEffect.HANG, FaultEffect.EXHAUST_MEMORY})


class FaultSpec(BaseModel):
    """A fault as it is asked for. Patterns are shell patterns (`*`, `?`, `[…]`), case-sensitive."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    effect: FaultEffect
    service: str | None = None
    """As boto3 names it: `dynamodb`."""
    operation: str = "*"
    """Pattern of the operation's name: `TransactWriteItems`."""
    caller: str | None = None
    """Name of the IAM role that calls, or the service (`sns.amazonaws.com`) for which LocalStack does."""
    resource: str | None = None
    """Pattern of an ARN, of its last part, or of a parameter (`alias/shop-AMIS1`)."""
    function: str | None = None
    """Pattern of a function's name; for effects on functions."""
    phase: Literal["init", "invoke"] = "invoke"
    containing: str | None = Field(default=None, min_length=1)
    """Text that a parameter of the call, or the invoke's payload, must hold."""
    delay_ms: Annotated[int, Field(ge=0, le=MAX_DELAY_MS)] = 0
    first_calls: Annotated[int, Field(ge=1)] | None = None
    """How many calls or invokes are struck, from the first on; if it isn't given, all of them."""
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    """The share of calls or invokes that are struck, chosen at random by `seed`."""
    seed: int = 0
    expires_in_s: Annotated[float, Field(gt=0, le=MAX_LIFETIME_S)] = DEFAULT_LIFETIME_S

    @property
    def strikes_functions(self) -> bool:
        return self.effect in FUNCTION_EFFECTS

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.strikes_functions:
            self._require_function()
        else:
            self._require_service()
        if self.first_calls is not None and self.share is not None:
            raise ValueError("give first_calls or share, not both")
        if self.effect is FaultEffect.DELAY and not self.delay_ms:
            raise ValueError("the effect delay needs the field delay_ms")
        return self

    def _require_function(self) -> None:
        given = [name for name in ("service", "caller", "resource") if getattr(self, name) is not None]
        if self.operation != "*":
            given.append("operation")
        if given:
            raise ValueError(f"the effect {self.effect} is for functions: give function, not {given[0]}")
        if not self.function:
            raise ValueError(f"the effect {self.effect} needs the field function")
        if self.effect is FaultEffect.EXHAUST_MEMORY and self.delay_ms:
            raise ValueError("the effect exhaust-memory can't be delayed: leave delay_ms out")

    def _require_service(self) -> None:
        if self.function is not None:
            raise ValueError(f"the effect {self.effect} is for calls of services: give service, not function")
        if not self.service:
            raise ValueError(f"the effect {self.effect} needs the field service")
        if self.phase != "invoke":
            raise ValueError(f"the effect {self.effect} is for calls of services: leave phase out")


class InvalidFaultError(ValueError):
    """The request doesn't describe a fault; the message says why, on one line."""


def parse(text: str | bytes) -> FaultSpec:
    """Read a fault from JSON; raises InvalidFaultError."""
    try:
        spec = FaultSpec.model_validate_json(text)
    except ValidationError as error:
        reasons = "; ".join(_line(each["loc"], each["msg"]) for each in error.errors())
        raise InvalidFaultError(reasons) from None
    _require_known_operation(spec)
    return spec


def _line(location: tuple[int | str, ...], message: str) -> str:
    where = ".".join(str(part) for part in location)
    reason = message.removeprefix("Value error, ")
    return f"{where}: {reason}" if where else reason


def _require_known_operation(spec: FaultSpec) -> None:
    """Refuse names that no call has: such a fault would strike nothing, and say nothing."""
    if spec.service is None:
        return
    from botocore.exceptions import UnknownServiceError
    from localstack.aws.spec import load_service

    try:
        operations = load_service(spec.service).operation_names
    except UnknownServiceError:
        raise InvalidFaultError(f"service: there is no service '{spec.service}'") from None
    if not any(fnmatchcase(operation, spec.operation) for operation in operations):
        raise InvalidFaultError(f"operation: {spec.service} has no operation '{spec.operation}'")
