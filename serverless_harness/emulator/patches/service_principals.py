"""Alarms, SES and Secrets Manager act in their own names; Firehose and Step Functions for their resource.

LocalStack names nobody there, so that no policy counts. Each service is patched with its first use: most
projects never make one, and their code takes long to import. (docs/identities.md)
"""

from collections.abc import Callable, Mapping
from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.connect import connect_to

from serverless_harness.emulator.delivery import alarm_actions, secret_rotation
from serverless_harness.emulator.gateway.internal_calls import SourcedRole, acting
from serverless_harness.emulator.patches import event_bridge_rules, event_bridge_targets, replace, wrap

PATCHED: list[object] = [type(connect_to)]

type Call = Callable[..., Any]


def apply() -> None:
    """Do nothing at start; see `FIRST_USES`."""


def _alarms() -> None:
    from localstack.services.cloudwatch import provider_v2

    def set_state(fn: Call, self: object, context: RequestContext, *args: str, **named: object) -> None:
        name = named.get("alarm_name") or args[0]
        arn = f"arn:{context.partition}:cloudwatch:{context.region}:{context.account_id}:alarm:{name}"
        with alarm_actions.actions_of(arn):
            fn(self, context, *args, **named)

    def run_composite(fn: Call, self: object, context: object, alarm: Any, *rest: object) -> None:  # noqa: ANN401
        with alarm_actions.actions_of(alarm.alarm["AlarmArn"]):
            fn(self, context, alarm, *rest)

    replace(provider_v2, "connect_to", alarm_actions.Clients)
    replace(provider_v2, "lambda_function_name", str)  # The action's ARN as it is, with its qualifier.
    wrap(provider_v2.CloudwatchProvider.set_alarm_state, set_state)
    wrap(provider_v2.CloudwatchProvider._run_composite_alarm_actions, run_composite)


def _firehose() -> None:
    from localstack.services.firehose.provider import FirehoseProvider

    def put(fn: Call, self: Any, account_id: str, region: str, name: str, records: object) -> object:  # noqa: ANN401
        stream = self.get_store(account_id, region).delivery_streams.get(name) or {}
        with acting(source_arn=stream.get("DeliveryStreamARN", "")):
            return fn(self, account_id, region, name, records)

    wrap(FirehoseProvider._put_records, put)


def _secrets() -> None:
    from localstack.services.secretsmanager import (
        provider as _,  # noqa: F401 (it replaces what is wrapped here)
    )
    from moto.secretsmanager.models import SecretsManagerBackend

    def rotate(fn: Call, self: Any, secret_id: str, **settings: Any) -> object:  # noqa: ANN401
        if not self._is_valid_identifier(secret_id):
            return fn(self, secret_id, **settings)
        secret = self.secrets[secret_id]
        with acting(service_principal="secretsmanager", source_arn=secret.arn):
            secret_rotation.require_permission(
                settings.get("rotation_lambda_arn") or secret.rotation_lambda_arn, self.region_name
            )
            return fn(self, secret_id, **settings)

    wrap(SecretsManagerBackend.rotate_secret, rotate)


def _mail() -> None:
    from localstack.services.ses.provider import SNSEmitter

    def emit(fn: Call, self: Any, *args: object, **named: object) -> None:  # noqa: ANN401
        context: RequestContext = self.context
        request: Any = context.service_request or {}
        place = f"arn:{context.partition}:ses:{context.region}:{context.account_id}"
        name = request.get("ConfigurationSetName", "")
        with acting(service_principal="ses", source_arn=f"{place}:configuration-set/{name}"):
            fn(self, *args, **named)

    for method in (
        SNSEmitter.emit_send_event,
        SNSEmitter.emit_delivery_event,
        SNSEmitter.emit_create_configuration_set_event_destination_test_message,
    ):
        wrap(method, emit)


def _event_bridge() -> None:
    event_bridge_targets.apply_to_event_bridge()
    event_bridge_rules.apply_to_event_bridge()


def _step_functions() -> None:
    from localstack.services.stepfunctions.backend.execution import Execution

    def details(fn: Call, self: Any) -> object:  # noqa: ANN401
        found = fn(self)
        found.role_arn = SourcedRole.of(found.role_arn, self.state_machine.arn)
        return found

    wrap(Execution._get_start_aws_execution_details, details)


FIRST_USES: Mapping[str, Callable[[], None]] = {
    "cloudwatch": _alarms,
    "events": _event_bridge,
    "firehose": _firehose,
    "secretsmanager": _secrets,
    "ses": _mail,
    "stepfunctions": _step_functions,
}
"""What to call before a service is used for the first time, by a call or with a loaded state."""
