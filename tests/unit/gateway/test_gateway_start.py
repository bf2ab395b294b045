"""What is done beside serving when the gateway starts: the index of services, preloading, readiness."""

import gc
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from localstack.aws import spec
from localstack.config import HostAndPort
from localstack.runtime import events
from localstack.services.plugins import SERVICE_PLUGINS
from rolo.gateway import Gateway

from serverless_harness.emulator.gateway import preload_services, service_catalog
from serverless_harness.emulator.gateway.server import LoopbackRuntimeServer
from serverless_harness.emulator.patches import gateway_start
from serverless_harness.emulator.patches import service_catalog as service_catalog_patch

DEADLINE_S = 20


@pytest.fixture(scope="module")
def index_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the real index, in a process of its own."""
    file = tmp_path_factory.mktemp("share") / "new" / "index.dill"
    assert service_catalog.ensure_built(file)
    return file


def test_index_knows_the_shops_services(index_file: Path) -> None:
    index = spec.load_service_index_cache(str(index_file))
    assert {"sns", "kms", "dynamodb", "lambda", "apigateway", "sqs"} <= set(index.service_names)
    assert [found.name for found in index.target_prefix_index["TrentService"]] == ["kms"]


def test_index_is_built_once_and_nothing_is_left_beside_it(
    index_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("built again"))
    assert service_catalog.ensure_built(index_file)
    assert list(index_file.parent.iterdir()) == [index_file]


def test_index_is_kept_with_the_environment_and_by_version() -> None:
    file = service_catalog.shared_index_file(spec._get_catalog_filename())
    assert file.is_relative_to(sys.prefix)
    assert "4_14_0" in file.name


def test_localstack_builds_the_index_where_the_environment_is_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setattr(service_catalog_patch, "shared_index_file", lambda name: blocked / name)
    with caplog.at_level(logging.WARNING):
        built = service_catalog_patch._build_service_index_cache(lambda path: ("built", path), "/x/index")
    assert built == ("built", "/x/index")
    assert "cannot build the service index" in caplog.text


def test_stack_reads_the_shared_index(index_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_catalog_patch, "shared_index_file", lambda name: index_file)
    index = service_catalog_patch._build_service_index_cache(lambda path: pytest.fail("built"), "/x/index")
    assert "sns" in index.service_names


@pytest.mark.parametrize(
    ("setting", "names"), [("", []), (" sns , kms,", ["sns", "kms"]), ("lambda", ["lambda"])]
)
def test_preload_setting(monkeypatch: pytest.MonkeyPatch, setting: str, names: list[str]) -> None:
    monkeypatch.setitem(os.environ, preload_services.SETTING, setting)
    assert preload_services.requested_services() == names


def test_preload_waits_for_readiness_keeps_the_order_and_survives_failures(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ready, done = threading.Event(), threading.Event()
    loaded: list[str] = []

    def require(name: str) -> None:
        assert ready.is_set()
        loaded.append(name)
        if name == "nonsense":
            raise ValueError(name)
        if name == "kms":
            done.set()

    monkeypatch.setattr(events, "infra_ready", ready)
    monkeypatch.setattr(SERVICE_PLUGINS, "require", require)
    monkeypatch.setattr(spec, "get_service_catalog", lambda: {})
    monkeypatch.setitem(os.environ, preload_services.SETTING, "sns,nonsense,kms")
    with caplog.at_level(logging.WARNING), collections_off():
        preload_services.start()
        assert not loaded
        ready.set()
        assert done.wait(DEADLINE_S)
        await_preload()
        assert gc.isenabled()
    assert loaded == ["sns", "nonsense", "kms"]
    assert "cannot preload the service nonsense" in caplog.text


@pytest.mark.parametrize(("services", "becomes_ready"), [("", True), ("sns", False)])
def test_collections_begin_whatever_becomes_of_the_start(
    monkeypatch: pytest.MonkeyPatch, services: str, becomes_ready: bool
) -> None:
    ready = threading.Event()
    if becomes_ready:
        ready.set()
    monkeypatch.setattr(events, "infra_ready", ready)
    monkeypatch.setattr(preload_services, "READY_TIMEOUT_S", 0.05)
    monkeypatch.setattr(SERVICE_PLUGINS, "require", lambda name: pytest.fail(f"loaded {name}"))
    monkeypatch.setitem(os.environ, preload_services.SETTING, services)
    with collections_off():
        preload_services.start()
        await_preload()
        assert gc.isenabled()


@contextmanager
def collections_off() -> Iterator[None]:
    """As the emulator's start leaves them."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def await_preload() -> None:
    for thread in threading.enumerate():
        if thread.name == "preload-services":
            thread.join(DEADLINE_S)


def runtime(server: object) -> SimpleNamespace:
    return SimpleNamespace(
        components=SimpleNamespace(runtime_server=server, gateway=Gateway()),
        config=SimpleNamespace(GATEWAY_LISTEN=[HostAndPort("127.0.0.2", 0)]),
    )


def test_ready_when_the_server_serves_wherever_it_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_start, "START_TIMEOUT_S", 0.05)
    server = LoopbackRuntimeServer()
    own = runtime(server)
    gateway_start._init_gateway_server(lambda _: pytest.fail("made a certificate"), own)
    with pytest.raises(TimeoutError):
        gateway_start._wait_for_gateway(lambda _: pytest.fail("probed a port"), own)
    thread = threading.Thread(target=server.run)
    thread.start()
    monkeypatch.setattr(gateway_start, "START_TIMEOUT_S", DEADLINE_S)
    gateway_start._wait_for_gateway(lambda _: pytest.fail("probed a port"), own)
    server.shutdown()
    thread.join(DEADLINE_S)
    assert not thread.is_alive()


def test_other_servers_start_as_localstack_starts_them() -> None:
    calls: list[str] = []
    other = runtime(object())
    gateway_start._init_gateway_server(lambda _: calls.append("init"), other)
    gateway_start._wait_for_gateway(lambda _: calls.append("wait"), other)
    assert calls == ["init", "wait"]
