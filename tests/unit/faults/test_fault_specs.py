"""What is a fault, what isn't, and how the refusal reads."""

import json

import pytest

from serverless_harness.emulator.faults.model import DEFAULT_LIFETIME_S, FaultEffect, InvalidFaultError, parse


def parsed(**fields):
    return parse(json.dumps(fields))


def test_shortest_fault_strikes_all_calls_and_expires():
    spec = parsed(effect="throttle", service="kms")
    assert (spec.effect, spec.operation, spec.first_calls, spec.share) == (
        FaultEffect.THROTTLE,
        "*",
        None,
        None,
    )
    assert spec.expires_in_s == DEFAULT_LIFETIME_S


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "effect: Field required"),
        ({"effect": "explode"}, "effect: Input should be 'throttle', "),
        ({"effect": "throttle"}, "the effect throttle needs the field service"),
        ({"effect": "throttle", "service": "kmss"}, "service: there is no service 'kmss'"),
        ({"effect": "throttle", "service": "kms", "operation": "decrypt"}, "kms has no operation 'decrypt'"),
        ({"effect": "throttle", "service": "kms", "function": "f"}, "give service, not function"),
        ({"effect": "throttle", "service": "kms", "phase": "init"}, "for calls of services: leave phase out"),
        ({"effect": "delay", "service": "kms"}, "the effect delay needs the field delay_ms"),
        ({"effect": "kill"}, "the effect kill needs the field function"),
        ({"effect": "kill", "function": "f", "caller": "r"}, "give function, not caller"),
        ({"effect": "hang", "function": "f", "operation": "x"}, "give function, not operation"),
        ({"effect": "exhaust-memory", "function": "f", "delay_ms": 1}, "leave delay_ms out"),
        ({"effect": "drop", "service": "kms", "first_calls": 1, "share": 1}, "or share, not both"),
        ({"effect": "drop", "service": "kms", "share": 0}, "share: Input should be greater than 0"),
        ({"effect": "drop", "service": "kms", "expires_in_s": 3601}, "expires_in_s: Input should be less"),
        ({"effect": "drop", "service": "kms", "for_s": 1}, "for_s: Extra inputs are not permitted"),
    ],
)  # fmt: skip
def test_what_is_no_fault_is_refused_in_one_line(fields, reason):
    with pytest.raises(InvalidFaultError) as refused:
        parsed(**fields)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "1", '"throttle"'])
def test_what_is_no_object_is_refused(text):
    with pytest.raises(InvalidFaultError):
        parse(text)


def test_operation_may_be_a_pattern():
    assert parsed(effect="drop", service="dynamodb", operation="*Write*").operation == "*Write*"
