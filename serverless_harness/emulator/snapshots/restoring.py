"""What LocalStack's providers hold beside their state, and don't bring back themselves.

Lambda's event source mappings go on polling while another state is loaded; EventBridge finds no rule that it
hasn't made itself, and runs no schedule; an execution of Step Functions that was under way stays so for ever.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from localstack.services.plugins import Service

from serverless_harness.emulator.gateway import integration_calls
from serverless_harness.emulator.tracing.store import TRACES

LOG = logging.getLogger(__name__)

EXECUTIONS_S = 10.0
"""How long executions of Step Functions may take to their end before a state is saved with them under way."""
LOOK_INTERVAL_S = 0.05


def before_save(services: Mapping[str, Service]) -> None:
    """Wait for executions of Step Functions; no new ones come from outside."""
    deadline = time.monotonic() + EXECUTIONS_S
    while "stepfunctions" in services and any(_running()) and time.monotonic() < deadline:
        time.sleep(LOOK_INTERVAL_S)


def before_load(services: Mapping[str, Service]) -> None:
    """Stop what belongs to the present state, and forget it."""
    integration_calls.session.cache_clear()
    TRACES.clear()
    for service, stop in _BEFORE_LOAD.items():
        if service in services:
            stop(_provider(services[service]))


def after_load(services: Mapping[str, Service]) -> None:
    """Start what belongs to the loaded state."""
    for service, start in _AFTER_LOAD.items():
        if service in services:
            start(_provider(services[service]))


def function_versions() -> Iterator[Any]:
    """Return all versions of all functions."""
    from localstack.services.lambda_.invocation.models import lambda_stores

    for _, _, store in lambda_stores.iter_stores():
        for function in store.functions.values():
            yield from function.versions.values()


@contextmanager
def kept_revisions() -> Iterator[None]:
    """Have versions of functions keep their revision ids while they start; LocalStack draws new ones."""
    revisions = {version.id: version.config.revision_id for version in function_versions()}
    yield
    for version in function_versions():
        if (revision := revisions.get(version.id)) is not None:
            # Its dataclass is frozen.
            object.__setattr__(version.config, "revision_id", revision)


def _provider(service: Service) -> Any:  # noqa: ANN401 - LocalStack leaves the provider's type open
    return service._provider


def _stop_mappings(provider: Any) -> None:  # noqa: ANN401
    for worker in provider.esm_workers.values():
        worker.stop_for_shutdown()
    provider.esm_workers = {}


def _stop_schedules(_: object) -> None:
    """End all jobs: a rule knows the last of its own alone, and nothing but rules has jobs."""
    from localstack.services.events.scheduler import JobScheduler

    JobScheduler.instance().jobs.clear()  # type: ignore[no-untyped-call]


def _restore_events(provider: Any) -> None:  # noqa: ANN401
    from localstack.services.events.api_destination import APIDestinationService
    from localstack.services.events.connection import ConnectionService
    from localstack.services.events.event_bus import EventBusService
    from localstack.services.events.models import events_stores

    provider._target_sender_store.clear()
    provider._rule_services_store.clear()
    buses, archives, replays, connections, destinations = (
        provider._event_bus_services_store,
        provider._archive_service_store,
        provider._replay_service_store,
        provider._connection_service_store,
        provider._api_destination_service_store,
    )
    for services in (buses, archives, replays, connections, destinations):
        services.clear()
    for account_id, region, store in events_stores.iter_stores():
        for bus in store.event_buses.values():
            buses[bus.arn] = EventBusService(bus)
            for rule in bus.rules.values():
                with _reported(rule.arn):
                    _restore_rule(provider, rule, account_id, region)
        for archive in store.archives.values():
            with _reported(archive.arn):
                archives[archive.arn] = _archive_service(archive)
        for replay in store.replays.values():
            replays[replay.arn] = _replay_service(replay)
        for connection in store.connections.values():
            with _reported(connection.arn):
                connections[connection.arn] = ConnectionService.restore_from_connection(connection)
        for destination in store.api_destinations.values():
            with _reported(destination.arn):
                connection = connections[destination.connection_arn].connection
                destinations[destination.arn] = (
                    APIDestinationService.restore_from_api_destination_and_connection(destination, connection)
                )


@contextmanager
def _reported(arn: str) -> Iterator[None]:
    """Have what can't be restored cost nothing else: a deleted connection's destination, for one."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 (the rest of the state is worth more)
        LOG.warning("%s does not work after the load: %s: %s", arn, type(error).__name__, error)


def _restore_rule(provider: Any, rule: Any, account_id: str, region: str) -> None:  # noqa: ANN401
    from localstack.services.events.rule import RuleService

    service = provider._rule_services_store[rule.arn] = RuleService(rule)
    for target in rule.targets.values():
        with _reported(f"target {target['Id']} of {rule.arn}"):
            provider.create_target_sender(target, rule.arn, rule.name, region, account_id)
    if service.schedule_cron and rule.targets:
        service.create_schedule_job(provider._get_scheduled_rule_job_function(account_id, region, rule))


def _archive_service(archive: Any) -> Any:  # noqa: ANN401
    """Return the service of an archive, which its constructor takes for a new one."""
    from localstack.services.events.archive import ArchiveService

    state, created = archive.state, archive.creation_time
    service = ArchiveService(archive)
    archive.state, archive.creation_time = state, created
    return service


def _replay_service(replay: Any) -> Any:  # noqa: ANN401
    """Return the service of a replay without its constructor, which makes another replay."""
    from localstack.services.events.replay import ReplayService

    service = ReplayService.__new__(ReplayService)
    service.replay = replay
    return service


def _running() -> Iterator[Any]:
    from localstack.aws.api.stepfunctions import ExecutionStatus
    from localstack.services.stepfunctions.backend.store import sfn_stores

    for _, _, store in sfn_stores.iter_stores():
        executions = list(store.executions.values())
        yield from (each for each in executions if each.exec_status == ExecutionStatus.RUNNING)


def _stop_executions(_: object) -> None:
    for execution in list(_running()):
        execution.stop(stop_date=datetime.now(UTC), error=None, cause="another state was loaded")


def _start_executions_over(_: object) -> None:
    for execution in list(_running()):
        LOG.warning("%s was under way when the state was saved: it starts over", execution.exec_arn)
        execution.exec_worker = None
        execution.start()


_BEFORE_LOAD: dict[str, Callable[[Any], None]] = {
    "lambda": _stop_mappings,
    "events": _stop_schedules,
    "stepfunctions": _stop_executions,
}
_AFTER_LOAD: dict[str, Callable[[Any], None]] = {
    "events": _restore_events,
    "stepfunctions": _start_executions_over,
}
