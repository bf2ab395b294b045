"""How EventBridge's targets are called."""

import subprocess
import sys

SCRIPT = """
from localstack.services.events import target
from serverless_harness.emulator.patches import event_bridge_targets

event_bridge_targets.apply_to_event_bridge()
client = target.connect_to(region_name="eu-central-1", aws_access_key_id="1" * 12).sqs
assert client.meta.config.retries["total_max_attempts"] == 1, client.meta.config.retries
"""


def test_a_target_is_called_once_for_each_attempt():
    """botocore's own retries would hold a delivery, and with it `down` or a checkpoint, for up to 15 s."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
