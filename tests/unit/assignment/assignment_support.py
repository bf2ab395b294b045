"""Environments and invokes without processes, for the tests of the assignment service."""

import threading
from types import SimpleNamespace

from localstack.services.lambda_.invocation.execution_environment import InvalidStatusException
from localstack.services.lambda_.invocation.lambda_models import InitializationType

TIMEOUT_S = 60
ON_DEMAND = InitializationType.on_demand
PROVISIONED = InitializationType.provisioned_concurrency


def function_version(name, qualifier="$LATEST"):
    return SimpleNamespace(
        id=SimpleNamespace(
            account="000000000000", region="eu-central-1", function_name=name, qualifier=qualifier
        ),
        qualified_arn=f"arn:aws:lambda:eu-central-1:000000000000:function:{name}:{qualifier}",
        config=SimpleNamespace(capacity_provider_config=None),
    )


class FakeEnvironment:
    """An environment with LocalStack's states, which notes when it was asked what it may not do."""

    def __init__(self, fleet, version, initialization_type, manager_id):
        self.fleet, self.version, self.manager_id = fleet, version, manager_id
        self.initialization_type = initialization_type
        self.id = f"{version.id.function_name}-{next(fleet.numbers)}"
        self.status = "inactive"
        self.lock = threading.Lock()

    def _change(self, old, new):
        with self.lock:
            if self.status not in old:
                raise InvalidStatusException(f"{self.id} is {self.status}, not {old}")
            self.status = new

    def start(self):
        self._change(["inactive"], "starting")
        self.fleet.started(self)
        try:
            self.fleet.on_start(self)
        except BaseException:
            self.fleet.stopped(self)
            raise
        self._change(["starting"], "ready")

    def reserve(self):
        self._change(["ready"], "invoking")

    def release(self):
        self._change(["invoking"], "ready")

    def stop(self):
        self._change(["starting", "ready", "invoking"], "stopped")
        self.fleet.on_stop(self)
        self.fleet.stopped(self)


class Fleet:
    """All environments that a test started; counts those that live, and the most that ever did."""

    def __init__(self):
        self.lock = threading.Lock()
        self.numbers = iter(range(1_000_000))
        self.alive = set()
        self.started_total = 0
        self.most_alive = 0
        self.most_alive_per_function = 0
        self.on_start = lambda environment: None
        self.on_stop = lambda environment: None

    def new_environment(self, version, initialization_type, manager_id):
        return FakeEnvironment(self, version, initialization_type, manager_id)

    def started(self, environment):
        with self.lock:
            self.alive.add(environment)
            self.started_total += 1
            self.most_alive = max(self.most_alive, len(self.alive))
            siblings = [e for e in self.alive if self._function(e) == self._function(environment)]
            self.most_alive_per_function = max(self.most_alive_per_function, len(siblings))

    def stopped(self, environment):
        with self.lock:
            self.alive.discard(environment)

    @staticmethod
    def _function(environment):
        return environment.version.id.function_name

    def names(self):
        with self.lock:
            return sorted(self._function(environment) for environment in self.alive)


class Invoke:
    """An invoke in a thread of its own, which holds its environment until `finish`."""

    def __init__(self, service, name, manager_id=None, lease=ON_DEMAND, version=None):
        self.environment = self.error = None
        self.running, self.may_finish = threading.Event(), threading.Event()
        self.failure = None
        arguments = (manager_id or name, version or function_version(name), lease)
        self.thread = threading.Thread(target=self._run, args=(service, arguments), daemon=True)
        self.thread.start()

    def _run(self, service, arguments):
        try:
            with service.get_environment(*arguments) as self.environment:
                self.running.set()
                assert self.may_finish.wait(TIMEOUT_S)
                if self.failure is not None:
                    raise self.failure
        except BaseException as error:  # noqa: BLE001 (whatever it is, the test looks at it)
            self.error = error
            self.running.set()

    def started(self):
        assert self.running.wait(TIMEOUT_S), "the invoke didn't get an environment"
        if self.error is not None:
            raise self.error
        return self

    def finish(self, failure=None):
        self.failure = failure
        self.may_finish.set()
        self.thread.join(TIMEOUT_S)
        assert not self.thread.is_alive()
        return self


def is_waiting(service, count):
    return lambda: service.waiting == count
