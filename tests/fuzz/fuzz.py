"""Sends odd requests to every operation that runs here, and counts the answers; `--help` says how.

An answer of status 500, or any that holds Python's words, is a fault of the emulator's.
"""

import argparse
import collections
import faulthandler
import json
import logging
import os
import random
import re
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

from fuzz_emulator import Emulator
from fuzz_requests import Requests
from fuzz_values import Values

PYTHON = re.compile(
    rb"Traceback|object has no attribute|NoneType|KeyError|TypeError|AttributeError|ValueError|IndexError|"
    rb"exception while calling|unhashable|not subscriptable|not iterable|positional argument|"
    rb"object is not|must be str, not|invalid literal for|Unexpected exception"
)
SKIPPED = frozenset(("DeleteAccountAlias", "GetActivityTask"))  # the latter waits for a minute, as on AWS
LAST = ("Delete", "Remove", "Terminate", "Reset", "Schedule", "Stop", "Purge", "Deregister", "Disable")
FIRST = ("Create", "Put", "Register", "Allocate", "Run")


def operations_of(service: str) -> list[Any]:
    """Return the models of what a service does here: of its provider's own operations, and moto's."""
    from localstack.aws.spec import load_service

    model = load_service(service)
    operations = [model.operation_model(name) for name in model.operation_names if name not in SKIPPED]

    def place(operation: Any) -> tuple[int, str]:
        if operation.name.startswith(FIRST):
            return 0, operation.name
        return (2 if operation.name.startswith(LAST) else 1), operation.name

    return sorted((each for each in operations if not each.has_event_stream_input), key=place)


def where(exception: BaseException | None) -> str:
    """Return the innermost line of the emulator's that an exception comes from, and its kind."""
    if exception is None:
        return "no exception"
    cause = exception.__cause__ or exception
    frames = list(traceback.extract_tb(cause.__traceback__))
    ours = [
        frame for frame in frames if re.search("localstack|moto|serverless_harness", frame.filename)
    ] or frames
    frame = ours[-1]
    path = re.sub(r".*/(site-packages|denials)/", "", frame.filename)
    return f"{type(cause).__name__} {path}:{frame.lineno} {frame.name}"


def main() -> int:
    """Run, print a line for each service and the faults by cause, and return 1 if there are any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("services", nargs="*", help="the services (default: all that are provided)")
    parser.add_argument("--requests", type=int, default=50, help="requests for each operation")
    parser.add_argument("--operations", type=int, help="as many operations of each service, spread over them")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--faults", help="a file for the faults, a line of JSON each")
    options = parser.parse_args()
    faulthandler.dump_traceback_later(3600)
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as state:
        emulator = Emulator(state)
        logging.disable(logging.CRITICAL)
        from localstack.services.plugins import SERVICE_PLUGINS

        faults: dict[str, list[dict[str, Any]]] = collections.defaultdict(list)
        for service in options.services or sorted(SERVICE_PLUGINS.list_available()):
            fuzz_service(emulator, service, options, faults)
    report(faults, options.faults)
    return 1 if faults else 0


def fuzz_service(
    emulator: Emulator, service: str, options: Any, faults: dict[str, list[dict[str, Any]]]
) -> None:
    """Send the requests of one service."""
    chance = random.Random(f"{options.seed} {service}")
    operations = operations_of(service)
    if options.operations and len(operations) > options.operations:
        operations = chance.sample(operations, options.operations)
    answers: collections.Counter[str] = collections.Counter()
    started, slowest, absent = time.monotonic(), (0.0, ""), 0
    model = operations[0].service_model
    values = Values(chance, model.signing_name)
    wires = [
        each for each in model.metadata.get("protocols", [model.protocol]) if each != "smithy-rpc-v2-cbor"
    ]
    makers = [Requests(model, wire, values, model.signing_name) for wire in wires or [model.protocol]]
    for operation in operations:
        for number in range(options.requests):
            chance.seed(f"{options.seed} {operation.name} {number}")
            request, fitting = chance.choice(makers).next(operation)
            before = time.monotonic()
            answer = emulator.send(request)
            slowest = max(slowest, (time.monotonic() - before, operation.name))
            if answer.status == 501:
                absent += 1
                answers["501"] += 1
                if number == 0:
                    break
                continue
            answers[f"{answer.status // 100}xx" if answer.status != 500 else "500"] += 1
            if answer.status < 300:
                values.learn("", fitting)
                learn_answer(values, answer.body)
            if answer.status >= 500 or PYTHON.search(answer.body[:3000]):
                cause = where(answer.exception) if answer.exception else answer.body[:120].decode("latin-1")
                faults[f"{service}: {cause}"].append(
                    {
                        "operation": operation.name,
                        "exception": str(answer.exception)[:200],
                        "number": number,
                        "status": answer.status,
                        "request": f"{request.method} {request.path}?{request.query} {request.body[:300]!r}",
                        "target": request.headers.get("X-Amz-Target", ""),
                        "answer": answer.body[:300].decode("latin-1"),
                    }
                )
    spent = time.monotonic() - started
    counted = ", ".join(f"{count} {kind}" for kind, count in sorted(answers.items()))
    print(
        f"{service}: {len(operations)} operations, {answers.total()} requests, {counted}; {spent:.0f} s, "
        f"slowest {slowest[0]:.1f} s {slowest[1]}",
        flush=True,
    )


def learn_answer(values: Values, body: bytes) -> None:
    """Keep what an answer tells of resources."""
    text = body[:20_000].decode("utf-8", "replace")
    try:
        values.learn("", json.loads(text))
    except ValueError:
        for name, value in re.findall(r"<(\w+)>([^<>]{1,300})</\1>", text):
            values.learn(name, value)


def report(faults: dict[str, list[dict[str, Any]]], path: str | None) -> None:
    """Print the faults by cause, the most frequent first."""
    for cause, found in sorted(faults.items(), key=lambda item: -len(item[1])):
        names = sorted({each["operation"] for each in found})
        print(
            f"{len(found):5} {found[0]['status']} {cause}: {found[0]['exception'][:80]!r}  "
            f"[{', '.join(names[:4])}{' …' if len(names) > 4 else ''}]"
        )
    print(f"{sum(map(len, faults.values()))} faults of {len(faults)} causes")
    if path:
        lines = [json.dumps({"cause": cause, **each}) for cause, found in faults.items() for each in found]
        Path(path).write_text("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    exit_code = main()
    sys.stdout.flush()
    # LocalStack's threads don't end with the main one.
    os._exit(exit_code)
