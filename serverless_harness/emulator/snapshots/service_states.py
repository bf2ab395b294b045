"""Where the services keep their state, as their state visitors tell, and what of it a snapshot holds.

LocalStack's providers hold it in four kinds of place: stores (`AccountRegionBundle`), moto's backends
(`BackendDict`), folders (`AssetDirectory`), and S3's contents (`s3_contents`).
"""

import io
import logging
import pickle
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Sized
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localstack.services.plugins import SERVICE_PLUGINS, Service
from localstack.services.stores import AccountRegionBundle
from localstack.state import AssetDirectory, StateVisitor
from moto.core.base_backend import BackendDict

from serverless_harness.emulator.clock import clock
from serverless_harness.emulator.delivery.delayed_calls import shared_delayed_calls
from serverless_harness.emulator.first_uses import FirstUses
from serverless_harness.emulator.snapshots import codec, restoring, s3_contents
from serverless_harness.emulator.snapshots.gate import BusyError, Gate

LOG = logging.getLogger(__name__)

FORMAT = 4
LOG_FLUSH_S = 2.0
"""How long functions' lines may take to CloudWatch before a state is saved without the rest of them."""


@dataclass
class Collected(StateVisitor):
    """The containers that one service's visitor was shown, in order."""

    stores: list[AccountRegionBundle[Any]] = field(default_factory=list)
    backends: list[BackendDict[Any]] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)

    def visit(self, state_container: object) -> None:
        match state_container:
            case AccountRegionBundle():
                self.stores.append(state_container)
            case BackendDict():
                self.backends.append(state_container)
            case AssetDirectory():
                self.folders.append(Path(state_container.path))
            case _:
                raise TypeError(f"the state of a {type(state_container).__name__} can't be saved")


def collect(service: Service) -> Collected:
    """Ask a service for its containers."""
    collected = Collected()
    service.accept_state_visitor(collected)
    return collected


@dataclass(frozen=True)
class Saved:
    """A state as bytes, and what is in it: how many of what, by service."""

    content: bytes
    counts: dict[str, dict[str, int]]


@dataclass(frozen=True)
class Captured:
    """A state as the services hold it: true while nothing is under way, or in a copy of the process."""

    document: dict[str, Any]
    services: dict[str, Service]

    def saved(self) -> Saved:
        """Return it as bytes."""
        counts = {name: found for name, service in self.services.items() if (found := _counts(service))}
        if ahead_s := self.document["clock_ahead_s"]:
            counts["clock"] = {"seconds_ahead": round(ahead_s)}
        return Saved(_dumps(self.document), counts)


def save(gate: Gate) -> Saved:
    """Return the state of every service that is loaded, and what has been accepted and not delivered.

    The gate is closed already. Raises BusyError where the emulator's own work doesn't come to rest.
    """
    with _told_services() as services:
        restoring.before_save(services)
        _flush_logs()
        with gate.still(), _held_queues(services):
            return _capture(services).saved()


@contextmanager
def captured(gate: Gate) -> Iterator[Captured]:
    """Have the emulator pause while the block runs, with its state of that moment.

    Raises BusyError where it doesn't come to rest at once.
    """
    # The services are told in the pause: they aren't while another save or a load is under way.
    with gate.paused(), _told_services() as services, _held_queues(services):
        yield _capture(services)


@contextmanager
def _told_services() -> Iterator[dict[str, Service]]:
    """Give the services that are loaded, which know that their state is being saved."""
    services = {name: _service(name) for name in sorted(SERVICE_PLUGINS.list_loaded_services())}
    for service in services.values():
        service.lifecycle_hook.on_before_state_save()
    try:
        yield services
    finally:
        for service in services.values():
            service.lifecycle_hook.on_after_state_save()


def _capture(services: dict[str, Service]) -> Captured:
    document = {
        "format": FORMAT,
        "services": {name: _state(service) for name, service in services.items()},
        "pending": _pending(services),
        "clock_ahead_s": clock.ahead_s,
    }
    return Captured(document, services)


def load(data: bytes, gate: Gate, first_uses: FirstUses, is_first: bool = False) -> None:
    """Put a saved state in the place of the present one; the gate is closed already.

    With `is_first`, there was none before: what waits at the gate is meant for this one. Raises BusyError
    where something doesn't end, before anything is changed; and whatever goes wrong later: the emulator is
    then half of one state and half of another, so end it.
    """
    # Unpickling imports the services' modules: in this order, the services can patch them first.
    document = codec.loads(data)
    if document["format"] != FORMAT:
        raise ValueError(f"a snapshot of format {document['format']}, not {FORMAT}")
    names = [*document["services"], *SERVICE_PLUGINS.list_loaded_services()]
    for name in names:
        first_uses.prepare(name)
    services = {name: _service(name) for name in names}
    gate.await_all_but_functions()
    for service in services.values():
        service.lifecycle_hook.on_before_state_load()
    restoring.before_load(services)
    try:
        with gate.still():
            shared_delayed_calls().forget_kept()
            _forget_records()
            clock.restore(document["clock_ahead_s"])
            for name, service in services.items():
                _clear(service)
                if name in document["services"]:
                    _restore(service, document["services"][name])
            if not is_first:
                gate.replaced()
    except BusyError as error:
        raise RuntimeError(f"the emulator did not come to rest: {error}") from error
    with restoring.kept_revisions():
        for service in services.values():
            service.lifecycle_hook.on_after_state_load()
        _require_active_functions()
    restoring.after_load(services)
    _restore_pending(services, document["pending"])


def _service(name: str) -> Service:
    service: Service = SERVICE_PLUGINS.require(name)
    return service


def _dumps(document: dict[str, Any]) -> bytes:
    """Return a state as bytes, less the calls that can't be saved: one of them is no reason to lose all."""
    try:
        return codec.dumps(document)
    except (pickle.PicklingError, TypeError, AttributeError):
        calls = document["pending"]["calls"]
        kept = [call for call in calls if _can_be_saved(call)]
        if len(kept) == len(calls):
            raise
        LOG.error(
            "%d deliveries that were to be tried again are not in the saved state", len(calls) - len(kept)
        )
        document["pending"]["calls"] = kept
        return codec.dumps(document)


def _can_be_saved(call: object) -> bool:
    try:
        codec.dumps(call)
    except (pickle.PicklingError, TypeError, AttributeError):
        return False
    return True


def _flush_logs() -> None:
    from serverless_harness.emulator.lambda_executor.log_writer import shared_writer

    if not shared_writer().flush(LOG_FLUSH_S):
        LOG.warning(
            "Some log lines of functions are not in the saved state, as CloudWatch Logs had not accepted "
            "them in time"
        )


def _forget_records() -> None:
    """Drop log lines, metrics and throttled events that belong to the present state and aren't there yet."""
    from serverless_harness.emulator.lambda_executor.log_writer import shared_writer
    from serverless_harness.emulator.lambda_service.metrics import shared_buffer
    from serverless_harness.emulator.lambda_service.throttled_events import shared_throttled_events

    shared_writer().forget()
    shared_buffer().forget()
    shared_throttled_events().forget()


@contextmanager
def _held_queues(services: dict[str, Service]) -> Iterator[None]:
    """Have no message of SQS become visible, or be received, while the block runs."""
    with ExitStack() as held:
        for bundle in collect(services["sqs"]).stores if "sqs" in services else []:
            for _, _, store in bundle.iter_stores():
                for queue in store.queues.values():
                    held.enter_context(queue.mutex)
        yield


def _pending(services: dict[str, Service]) -> dict[str, Any]:
    """Return Lambda's events, and what is to be delivered once more: in so many seconds, the call."""
    from serverless_harness.emulator.lambda_service import pending_events
    from serverless_harness.emulator.lambda_service.event_retries import Retry

    events = (
        pending_events.collect(_provider(services["lambda"]).lambda_service) if "lambda" in services else []
    )
    calls = [call for call in shared_delayed_calls().kept() if not isinstance(call[1], Retry)]
    return {"events": events, "calls": calls}


def _restore_pending(services: dict[str, Service], pending: dict[str, Any]) -> None:
    from serverless_harness.emulator.lambda_service import pending_events

    calls: list[tuple[float, Callable[[], None]]] = pending["calls"]
    for delay_s, call in calls:
        shared_delayed_calls().call_later(delay_s, call, is_kept=True)
    if "lambda" in services:
        pending_events.restore(_provider(services["lambda"]).lambda_service, pending["events"])


def _counts(service: Service) -> dict[str, int]:
    """Return how many entries the collections of a service's stores and backends have, by their names."""
    collected = collect(service)
    holders: list[object] = [store for bundle in collected.stores for _, _, store in bundle.iter_stores()]
    holders += [
        backend for each in collected.backends for regions in each.values() for backend in regions.values()
    ]
    counts: Counter[str] = Counter()
    for holder in holders:
        for name, value in vars(holder).items():
            if isinstance(value, dict | list | set) and isinstance(value, Sized):
                counts[name.removeprefix("attr_").lstrip("_")] += len(value)
    return {name: count for name, count in sorted(counts.items()) if count}


def _provider(service: Service) -> Any:  # noqa: ANN401 - LocalStack leaves the provider's type open
    return service._provider


def _state(service: Service) -> dict[str, Any]:
    collected = collect(service)
    return {
        "stores": [_store_state(bundle) for bundle in collected.stores],
        "backends": [
            {account: dict(regions) for account, regions in each.items()} for each in collected.backends
        ],
        "folders": [_pack(folder) for folder in collected.folders],
        "contents": s3_contents.collect(_provider(service)) if service.plugin_name == "s3" else None,
    }


def _clear(service: Service) -> None:
    """Empty a service's stores and backends: it may have been used first after the state was saved."""
    collected = collect(service)
    for bundle in collected.stores:
        bundle.reset()  # type: ignore[no-untyped-call]
    for backends in collected.backends:
        backends.clear()
    if service.plugin_name == "s3":
        s3_contents.clear(_provider(service))


def _restore(service: Service, state: dict[str, Any]) -> None:
    collected = collect(service)
    for bundle, stores in zip(collected.stores, state["stores"], strict=True):
        _restore_stores(bundle, stores)
    for backends, accounts in zip(collected.backends, state["backends"], strict=True):
        for account, regions in accounts.items():
            dict.update(backends[account], regions)
    for folder, packed in zip(collected.folders, state["folders"], strict=True):
        _unpack(packed, folder)
    if service.plugin_name == "s3":
        s3_contents.restore(_provider(service), state["contents"])


def _store_state(bundle: AccountRegionBundle[Any]) -> dict[str, Any]:
    return {
        "universal": bundle._universal,
        "accounts": {account: (regions._global, dict(regions)) for account, regions in bundle.items()},
    }


def _restore_stores(bundle: AccountRegionBundle[Any], state: dict[str, Any]) -> None:
    bundle._universal = state["universal"]
    for account, (shared, stores) in state["accounts"].items():
        regions = bundle[account]
        regions._global = shared
        regions.update(stores)


def _pack(folder: Path) -> bytes:
    """Return a folder's content as a tar archive; empty if there is no folder."""
    buffer = io.BytesIO()
    if folder.is_dir():
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            archive.add(folder, arcname=".")
    return buffer.getvalue()


def _unpack(packed: bytes, folder: Path) -> None:
    if packed:
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")


def _require_active_functions() -> None:
    """Raise unless each function version can be invoked: LocalStack only logs those that it can't restore."""
    from localstack.aws.api.lambda_ import State

    for version in restoring.function_versions():
        if version.config.state.state not in (State.Active, State.Inactive):
            name = f"{version.id.function_name}:{version.id.qualifier}"
            raise ValueError(f"function {name} is {version.config.state.state}")
