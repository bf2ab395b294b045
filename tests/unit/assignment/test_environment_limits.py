import pytest

from serverless_harness.emulator.lambda_service.environment_limits import (
    EnvironmentLimits,
    default_max_total,
    machine_memory_mb,
)
from serverless_harness.emulator.settings import InvalidSettingError


@pytest.mark.parametrize(
    ("cpus", "memory_mb", "expected"),
    [(2, 8_192, 12), (1, 512, 4), (64, 8_192, 42), (8, 65_536, 48), (2, 2_048, 10)],
)
def test_the_total_is_bounded_by_cpus_and_by_memory(cpus, memory_mb, expected):
    assert default_max_total(cpus, memory_mb) == expected


def test_settings_override_the_defaults():
    limits = EnvironmentLimits.from_environ(
        {
            "LAMBDA_PROCESS_MAX_ENVIRONMENTS_TOTAL": "12",
            "LAMBDA_PROCESS_MAX_ENVIRONMENTS_PER_FUNCTION": "11",
            "LAMBDA_PROCESS_MAX_WAIT_MS": "1500",
            "LAMBDA_PROCESS_MAX_STARTING": "3",
        }
    )
    assert limits == EnvironmentLimits(max_per_function=11, max_total=12, max_wait_s=1.5, max_starting=3)


def test_one_function_gets_a_third_and_never_more_than_the_total():
    total = {"LAMBDA_PROCESS_MAX_ENVIRONMENTS_TOTAL": "10"}
    assert EnvironmentLimits.from_environ(total).max_per_function == 3
    per_function = {"LAMBDA_PROCESS_MAX_ENVIRONMENTS_PER_FUNCTION": "99"}
    assert EnvironmentLimits.from_environ(total | per_function).max_per_function == 10
    assert (
        EnvironmentLimits.from_environ({"LAMBDA_PROCESS_MAX_ENVIRONMENTS_TOTAL": "1"}).max_per_function == 1
    )


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_a_setting_that_is_no_positive_number_is_refused_by_name(value):
    with pytest.raises(InvalidSettingError, match=r"LAMBDA_PROCESS_MAX_WAIT_MS is .*whole number above zero"):
        EnvironmentLimits.from_environ({"LAMBDA_PROCESS_MAX_WAIT_MS": value})


def test_the_machine_has_memory():
    assert 128 < machine_memory_mb() < 100_000_000
