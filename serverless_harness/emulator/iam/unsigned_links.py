"""Links that AWS sends to be used without credentials: SNS's SubscribeURL and UnsubscribeURL.

Source: SNS API reference, ConfirmSubscription ("AuthenticateOnUnsubscribe: disallows unauthenticated
unsubscribes of the subscription") and Unsubscribe.
"""

from localstack.services.sns.models import sns_stores

from serverless_harness.emulator.iam.actions import Call
from serverless_harness.emulator.iam.callers import Caller
from serverless_harness.emulator.iam.principals import PrincipalKind


def allows(call: Call, caller: Caller) -> bool:
    """Tell whether a call needs no credentials: its token, or the subscription's ARN, is all it takes."""
    if call.service != "sns" or caller.principal.kind is not PrincipalKind.ANONYMOUS:
        return False
    if call.operation == "ConfirmSubscription":
        return str(call.parameters.get("AuthenticateOnUnsubscribe")).lower() != "true"
    return call.operation == "Unsubscribe" and not _asks_for_signature(call)


def _asks_for_signature(call: Call) -> bool:
    arn = str(call.parameters.get("SubscriptionArn"))
    parts = arn.split(":")
    if len(parts) != 7 or not parts[4].isdecimal():
        return False
    subscription = sns_stores[parts[4]][parts[3]].subscriptions.get(arn) or {}
    return subscription.get("AuthenticateOnUnsubscribe") == "true"
