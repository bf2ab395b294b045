"""What a refused request is answered with."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


def refusal(call: Callable[..., Any], code: str = "ValidationException", **parameters: Any) -> str:
    """Return the message of the error with `code` that a request must be answered with."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    assert error["Code"] == code
    return str(error["Message"])
