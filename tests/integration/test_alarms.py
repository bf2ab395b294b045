"""The alarms on the dead-letter queues go off while a letter waits."""

import secrets

import pytest
from letters_of_shop import await_letters, of

from serverless_harness.waiting import Wait

PERIOD_S = 10
TIMEOUT_S = 300
RESULTS_OF_DESCRIBE = {
    "AlarmArn",
    "AlarmConfigurationUpdatedTimestamp",
    "StateReason",
    "StateReasonData",
    "StateTransitionedTimestamp",
    "StateUpdatedTimestamp",
    "StateValue",
}

pytestmark = pytest.mark.needs("local")


@pytest.fixture
def cloudwatch(deployment):
    return deployment.client("cloudwatch")


@pytest.fixture
def alarm_name(deployment, cloudwatch):
    """The shop's alarm on letters of `process`, under another name and looked at more often."""
    shops_own = f"{deployment.function_name('process')}-dead-letters"
    [alarm] = cloudwatch.describe_alarms(AlarmNames=[shops_own])["MetricAlarms"]
    definition = {name: value for name, value in alarm.items() if name not in RESULTS_OF_DESCRIBE}
    name = f"{shops_own}-{secrets.token_hex(4)}"
    cloudwatch.put_metric_alarm(**definition | {"AlarmName": name, "Period": PERIOD_S})
    yield name
    cloudwatch.delete_alarms(AlarmNames=[name])


def state_of(cloudwatch, alarm_name):
    [alarm] = cloudwatch.describe_alarms(AlarmNames=[alarm_name])["MetricAlarms"]
    return alarm["StateValue"]


def test_alarm_goes_off_while_a_letter_waits(shop, api, dead_letters, cloudwatch, alarm_name):
    order = shop.order_of({"sales": [{"item_no": 77, "gross_number": 1, "gross_turnover": 1}]})
    assert api.post(order.body).status_code == 200
    await_letters(dead_letters, shop)

    Wait("the alarm to go off", TIMEOUT_S, interval_s=0.5).until(
        lambda: state_of(cloudwatch, alarm_name) == "ALARM"
    )

    dead_letters.purge(of(shop))
