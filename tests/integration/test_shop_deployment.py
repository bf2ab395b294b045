"""What Terraform made of `terraform/`."""

import json

import pytest

from serverless_harness.deploy.packaging import build_packages
from serverless_harness.deploy.terraform import Terraform
from serverless_harness.deploy.terraform_installation import install_providers
from serverless_harness.errors import HarnessError
from serverless_harness.project.locate import current
from serverless_harness.stack.compose import ComposeTarget
from serverless_harness.targets import LocalTarget

FUNCTIONS = ("accept", "decrypt", "process")


def test_second_plan_is_empty(deployment):
    target = deployment.target
    if isinstance(target, ComposeTarget):
        assert target.stack.plan_is_empty()
        return
    variables = json.loads((target.state_dir / "terraform" / "harness.auto.tfvars.json").read_text())

    assert Terraform(target, install_providers(), variables).plan_is_empty()


def test_outputs_are_those_of_the_contract(deployment):
    outputs = deployment.outputs
    assert set(outputs) == {
        "api_id",
        "stage",
        "invoke_url",
        "table_name",
        "key_alias_prefix",
        "function_names",
        "topic_arns",
        "dead_letter_queue_urls",
    }
    assert outputs["stage"] == "prod"
    assert outputs["table_name"].endswith("-shops")
    assert set(outputs["function_names"]) == set(FUNCTIONS)
    assert set(outputs["topic_arns"]) == {"to_decrypt", "to_process"}
    assert outputs["invoke_url"].endswith(".amazonaws.com/prod/shop")
    assert outputs["api_id"] in outputs["invoke_url"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_is_as_the_contract_has_it(deployment, function):
    configuration = deployment.client("lambda").get_function_configuration(
        FunctionName=deployment.function_name(function)
    )

    assert configuration["Handler"] == f"{function}.lambda_handler"
    assert configuration["Runtime"] == "python3.13"
    assert configuration["MemorySize"] == 128
    assert configuration["Timeout"] == 3
    assert configuration["Role"].endswith(f":role/{deployment.function_name(function)}")


def test_each_shop_has_an_rsa_key_of_its_own(deployment):
    kms = deployment.client("kms")
    keys = [
        kms.describe_key(KeyId=deployment.key_alias_prefix + shop_id)["KeyMetadata"]
        for shop_id in ("AMIS1", "AMIS2")
    ]

    assert {key["KeySpec"] for key in keys} == {"RSA_4096"}
    assert {key["KeyUsage"] for key in keys} == {"ENCRYPT_DECRYPT"}
    assert len({key["KeyId"] for key in keys}) == 2


@pytest.mark.parametrize("function", ["decrypt", "process"])
def test_what_a_function_cannot_finish_goes_to_its_queue(deployment, function):
    sqs = deployment.client("sqs")
    queue_arn = sqs.get_queue_attributes(
        QueueUrl=deployment.outputs["dead_letter_queue_urls"][function], AttributeNames=["QueueArn"]
    )["Attributes"]["QueueArn"]

    invoke_config = deployment.client("lambda").get_function_event_invoke_config(
        FunctionName=deployment.function_name(function)
    )
    sns = deployment.client("sns")
    [subscription] = sns.list_subscriptions_by_topic(
        TopicArn=deployment.outputs["topic_arns"][f"to_{function}"]
    )["Subscriptions"]
    attributes = sns.get_subscription_attributes(SubscriptionArn=subscription["SubscriptionArn"])[
        "Attributes"
    ]

    assert invoke_config["DestinationConfig"]["OnFailure"] == {"Destination": queue_arn}
    assert (invoke_config["MaximumRetryAttempts"], invoke_config["MaximumEventAgeInSeconds"]) == (2, 21600)
    assert json.loads(attributes["RedrivePolicy"]) == {"deadLetterTargetArn": queue_arn}


@pytest.mark.parametrize("function", ["decrypt", "process"])
def test_an_alarm_watches_the_depth_of_each_dead_letter_queue(deployment, function):
    queue_name = deployment.outputs["dead_letter_queue_urls"][function].rpartition("/")[2]
    name = f"{deployment.function_name(function)}-dead-letters"

    [alarm] = deployment.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]

    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/SQS", "ApproximateNumberOfMessagesVisible")
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": queue_name}]
    assert (alarm["Statistic"], alarm["ComparisonOperator"], alarm["Threshold"]) == (
        "Maximum",
        "GreaterThanOrEqualToThreshold",
        1,
    )
    assert alarm["TreatMissingData"] == "notBreaching"


@pytest.fixture
def terraform_beside(deployment, tmp_path):
    """Call it with variables for a Terraform on the deployment's endpoint, with an empty state of its own."""
    target = LocalTarget(deployment.target.endpoint_url, tmp_path)
    build_packages(current(), tmp_path / "packages")
    packages = {"packages_directory": str(tmp_path / "packages")}
    return lambda variables: Terraform(target, install_providers(), packages | variables)


@pytest.mark.needs("local")
def test_values_outside_awss_ranges_are_refused(terraform_beside):
    messages = {
        "memory_mb": ({"accept": 127, "decrypt": 10241, "process": 128.5}, "memory_mb must"),
        "timeout_s": ({"accept": 0, "process": 901}, "timeout_s must"),
        "log_retention_days": (15, "log_retention_days must"),
        "maximum_retry_attempts": (3, "maximum_retry_attempts must"),
        "maximum_event_age_s": (59, "maximum_event_age_s must"),
        "dead_letter_alarm_depth": (0, "dead_letter_alarm_depth must"),
        "kms_key_arn": ("alias/shop", "kms_key_arn must"),
        "shop_ids": (["AMIS 1"], "Each of shop_ids must"),
        "name_prefix": ("Shop", "name_prefix must"),
        "key_prefix": ("aws/shop-", "key_prefix must"),
    }
    terraform = terraform_beside({name: value for name, (value, _message) in messages.items()})

    with pytest.raises(HarnessError, match="Invalid value for variable"):
        terraform.apply(lambda _progress: None)

    log = [json.loads(line) for line in terraform.log_file.read_text().splitlines() if line.startswith("{")]
    errors = [entry["diagnostic"]["detail"] for entry in log if entry["@level"] == "error"]
    for _value, message in messages.values():
        assert any(error.startswith(message) for error in errors), message
    assert len(errors) == len(messages)


@pytest.mark.needs("local")
def test_a_deployment_without_a_shop_is_refused(terraform_beside):
    with pytest.raises(HarnessError, match="shop_ids must hold at least one shop"):
        terraform_beside({"shop_ids": []}).apply(lambda _progress: None)


@pytest.mark.needs("local")
def test_values_at_the_edge_of_awss_ranges_are_planned(terraform_beside):
    terraform = terraform_beside(
        {
            "memory_mb": {"accept": 128, "process": 10240},
            "timeout_s": {"accept": 1, "process": 900},
            "maximum_retry_attempts": 0,
            "maximum_event_age_s": 60,
            "log_retention_days": 3653,
        }
    )

    assert not terraform.plan_is_empty()
