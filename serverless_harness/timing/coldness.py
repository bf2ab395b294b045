"""Makes a function cold: a change of its timeout by a second, which retires its environments everywhere.

On AWS any change does; others (ministack) keep theirs for some (a description).
"""

from typing import Any

LOCAL_DELAY_S = 0.05


def make_cold(client: Any, function_name: str, delay_s: float = LOCAL_DELAY_S) -> None:  # noqa: ANN401 (boto3)
    """Retire a function's environments, and wait until that is in force, looking every `delay_s` seconds."""
    timeout_s = client.get_function_configuration(FunctionName=function_name)["Timeout"]
    configure(client, function_name, delay_s, Timeout=other_timeout_s(timeout_s))


def configure(client: Any, function_name: str, delay_s: float, **settings: object) -> None:  # noqa: ANN401 (boto3)
    """Update a function's configuration and wait until it is in force, looking every `delay_s` seconds."""
    client.update_function_configuration(FunctionName=function_name, **settings)
    client.get_waiter("function_updated_v2").wait(
        FunctionName=function_name, WaiterConfig={"Delay": delay_s, "MaxAttempts": 600}
    )


def other_timeout_s(timeout_s: int) -> int:
    """Give the other one of (1, 2), (3, 4), … (899, 900): back and forth, always one that Lambda takes."""
    return timeout_s + 1 if timeout_s % 2 else timeout_s - 1
