"""When SNS tries again to deliver to a function or a queue, by AWS's policy.

SNS developer guide, "Amazon SNS message delivery retries".
"""

IMMEDIATE_RETRIES = 3
PRE_BACKOFF_RETRIES = 2
BACKOFF_RETRIES = 10
POST_BACKOFF_RETRIES = 100_000
MIN_DELAY_S, MAX_DELAY_S = 1.0, 20.0


def retry_delay_s(retry: int) -> float | None:
    """Return AWS's delay before the `retry`-th retry (from 1), None when the policy is exhausted."""
    if retry <= IMMEDIATE_RETRIES:
        return 0.0
    retry -= IMMEDIATE_RETRIES
    if retry <= PRE_BACKOFF_RETRIES:
        return MIN_DELAY_S
    retry -= PRE_BACKOFF_RETRIES
    if retry <= BACKOFF_RETRIES:
        return float(MIN_DELAY_S * (MAX_DELAY_S / MIN_DELAY_S) ** ((retry - 1) / (BACKOFF_RETRIES - 1)))
    retry -= BACKOFF_RETRIES
    return MAX_DELAY_S if retry <= POST_BACKOFF_RETRIES else None
