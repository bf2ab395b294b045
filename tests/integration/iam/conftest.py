"""A second shop on the stack under test, whose policies, permissions and key the tests here may break."""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from iam_policies import FunctionPolicy

from serverless_harness.deploy.deployment import deploy
from serverless_harness.deploy.terraform import Terraform
from serverless_harness.deploy.terraform_installation import install_providers
from serverless_harness.stack.control import TOKEN_FILE, find_token
from serverless_harness.stack.embedded import EmbeddedStack
from serverless_harness.targets import LocalTarget
from shop.deployment import ShopDeployment

NAME_PREFIX = "shop-iam"


@pytest.fixture(scope="session")
def deployment(
    deployment: ShopDeployment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ShopDeployment]:
    """The second shop, deployed by the same Terraform, with a customer's key for environment variables."""
    target = LocalTarget(deployment.target.endpoint_url, tmp_path_factory.mktemp("second-shop"))
    (target.state_dir / TOKEN_FILE).write_text(find_token(deployment.target))
    kms = deployment.client("kms")
    key_arn = kms.create_key(Description="environment variables")["KeyMetadata"]["Arn"]
    variables = {
        "name_prefix": NAME_PREFIX,
        "key_prefix": f"{NAME_PREFIX}-",
        "shop_ids": ["IAM1"],
        "kms_key_arn": key_arn,
    }
    try:
        yield ShopDeployment.of(deploy(target, lambda _progress: None, variables=variables)[0])
    finally:
        if outlives_the_tests(target.endpoint_url):
            packages = {"packages_directory": str(target.state_dir / "packages")}
            Terraform(target, install_providers(target.project), packages | variables).destroy()
            kms.schedule_key_deletion(KeyId=key_arn, PendingWindowInDays=7)


def outlives_the_tests(endpoint_url: str) -> bool:
    """Tell whether the stack is one that the tests were pointed at; their own goes as a whole, and sooner."""
    stack = EmbeddedStack(urlsplit(endpoint_url).port or 0)
    return stack.is_detached or not stack.is_running()


@pytest.fixture
def policy_of(deployment: ShopDeployment) -> Callable[[str], FunctionPolicy]:
    """Call it with accept, decrypt or process for that function's policy, which a test may change."""
    return lambda function: FunctionPolicy(deployment, function)
