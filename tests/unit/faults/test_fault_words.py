"""The harness doesn't import the emulator: what both name is the same."""

from serverless_harness.cli import fault_commands
from serverless_harness.emulator.faults.model import FaultEffect


def test_command_line_offers_just_what_the_emulator_can_do():
    assert {effect.value for effect in fault_commands.FaultEffect} == {effect.value for effect in FaultEffect}
