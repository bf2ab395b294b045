"""A schedule has one job, that of its rule as it is now; a rule that is disabled does nothing."""

import subprocess
import sys

import pytest

SCRIPT = """
import sys
from types import SimpleNamespace
from localstack.services.events.provider import EventsProvider
from localstack.services.events.scheduler import JobScheduler
from serverless_harness.emulator.patches import event_bridge_rules

event_bridge_rules.apply_to_event_bridge()
provider, context = EventsProvider(), SimpleNamespace(region="eu-west-1", account_id="1" * 12)
provider.create_target_sender = lambda *_: None
jobs = JobScheduler.instance()

def put(minutes):
    provider.put_rule(context, name="r", schedule_expression=f"rate({minutes} minutes)")

def put_target(id_):
    provider.put_targets(context, rule="r", targets=[{"Id": id_, "Arn": "arn:aws:sqs:eu-west-1:1:q"}])

def shown():
    return [(job.schedule, job.is_enabled) for job in jobs.jobs]

put(2)
assert shown() == [], shown()
put_target("a"); put_target("b")
assert shown() == [("*/2 * * * *", True)], shown()
put(5)
assert shown() == [("*/5 * * * *", True)], shown()
provider.disable_rule(context, name="r")
assert shown() == [("*/5 * * * *", False)], shown()
provider.enable_rule(context, name="r")
assert shown() == [("*/5 * * * *", True)], shown()
provider.delete_rule(context, name="r", force=True)
assert shown() == [], shown()

matched = []
provider.put_rule(context, name="p", event_pattern='{"source": ["x"]}')
rule = provider.get_rule_service(context.region, context.account_id, "p", None).rule
from localstack.services.events import provider as module
module.matches_event = lambda *_: matched.append(1)
for change in (provider.disable_rule, provider.enable_rule):
    change(context, name="p")
    provider._process_rules(rule, context.region, context.account_id, {}, None)
assert len(matched) == 1, matched
"""


@pytest.mark.timeout(120)
def test_a_schedule_follows_its_rule():
    """In a process of its own: the patches stay."""
    result = subprocess.run([sys.executable, "-I", "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-2000:]
